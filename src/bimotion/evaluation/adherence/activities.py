"""Activities that kinematic rules cannot judge, and the words for them in captions."""

import re
from collections.abc import Mapping

from bimotion.evaluation.adherence.recordings import Window

_PATTERNS: Mapping[str, str] = {
    "sneak": r"sneak|tip-?toe|stealth|\bcreep",
    "limp": r"\blimp|hobbl|hurt (?:leg|knee|hip|stomach)|wounded",
    "stagger": r"stagger|drunk|stumbl|dizzy",
    "uneven": r"uneven|over (?:\w+ )?(?:bumps|rises|ground|levels)|terrain",
    "zombie": r"zombie|mummy",
    "sweep": r"\bsweep\w* (?:the )?(?:floor|right and|back|with|dust|leaves)|sweep floor|\bsweeping\b|broom|\bmop"
    r"|\brak(?:e|es|ing)\b|vacuum",
    "wash": r"wash\w* (?:a |the |at )?window|wip\w+ (?:a |the |at )?(?:\w+ )?(?:window|surface|pane)|window",
    "basketball": r"basketball|dribbl",
    "box": r"\bbox(?:es|ing|er)\b|punch|\bjab",
    "swim": r"\bswim|breast ?stroke|back ?stroke|butterfly|front crawl|freestyle",
    "salsa": r"salsa",
    "dance": r"\bdanc|ballet|pirouette|salsa|charleston|lambada",
    "animal": r"monkey|chicken|\bbears?\b|\bdogs?\b|\bcats?\b|\bmouse\b|elephant|snake|penguin|dragon|\bbird|prairie"
    r"|dinosaur|tyrannosaur|animal|swan|\bcrab|hummingbird|beetle|whale|quail|\(human subject\)",
    "story": r"\bstor(?:y|ies)\b|nursery|rhyme|teapot|vacation",
    "signals": r"traffic|referee|signal",
}


ACTIVITIES: tuple[str, ...] = tuple(_PATTERNS)
"""Every activity, in the order of the classifier's outputs."""

_COMPILED = {name: re.compile(pattern) for name, pattern in _PATTERNS.items()}


def activities_of(window: Window, *, surely: bool = False) -> set[str]:
    """Activities that most captions of a window name (all of them where `surely`), or its recording's description."""
    description = window.description.lower()
    captions = [caption.lower() for caption in window.captions]
    least = len(captions) if surely else len(captions) // 2 + 1
    return {
        name
        for name, pattern in _COMPILED.items()
        if pattern.search(description)
        or (captions and sum(pattern.search(caption) is not None for caption in captions) >= least)
    }
