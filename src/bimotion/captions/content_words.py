"""Content groups from the words of captions, for data sets without content labels; used for balanced sampling."""

import re
from collections.abc import Iterable

from bimotion.captions.contents import OTHER

_RULES: tuple[tuple[str, str], ...] = (
    (
        "animal",
        r"\((?:human|animal)|human subject|\bpaws?\b|\bflap(?:s|ping)?\b|\bwings\b|\bchicken|\bmonkey|\bprairie",
    ),
    (
        "acrobatics",
        r"cartwheel|backflip|handstand|somersault|\bflips?\b|\bdives?\b|forward roll|\brolls over",
    ),
    ("basketball", r"basketball|dribbl"),
    ("soccer", r"soccer"),
    ("golf", r"\bgolf|\btee\b|\bputt"),
    ("sword", r"sword|slash"),
    ("swim", r"swim|\bstroke\b"),
    ("dance", r"\bdanc|salsa|pirouette|ballet|arabesque|charleston|\bjete"),
    ("signals", r"direct(?:s|ing)? traffic|signal"),
    ("punch", r"\bpunch|\bbox(?:es|ing)\b|\bjabs?\b|martial|karate"),
    ("kick", r"\bkick"),
    ("climb", r"\bclimb|ladder|\bstairs?\b|\bsteps up\b|\bswing from\b|\bhang(?:s|ing)\b"),
    ("jump", r"\bjump|\bhop(?:s|ping|scotch)?\b|\bleap|\bskip(?:s|ping)?\b|\bbounds?\b"),
    ("crawl", r"\bcrawl|all fours|hands and knees"),
    ("lie", r"\blies\b|\blying|on (?:his|her|the|their) (?:back|side|belly)\b|get up from (?:floor|ground)"),
    ("sit", r"\bsits?\b|\bsitting|\bseat|\bstool|\bchair"),
    ("run", r"\bruns?\b|\brunning|\bjog|\bsprint"),
    ("throw", r"\bthrow|\btoss|\bcatch|\bpitch"),
    (
        "pick-up",
        r"\bpicks?\b|\bpicking|\blifts? (?:up )?(?:a|an|the|something)|\bscoops?\b|\bplac(?:es|ing)\b"
        r"|\bcarr(?:y|ies)",
    ),
    ("wash", r"\bwash|\bwipe|\bwiping|\bmop|\bsweep|\bscrub|\bclean"),
    ("sneak", r"\bsneak|\bcreep|\btiptoe|\bprowl|\bstalk"),
    ("march", r"\bmarch|\bstrut"),
    ("limp", r"\blimp|\bhobbl|\bstagger|\bstumbl|\bzombie|wounded|\bdrunk"),
    ("side-step", r"\bside-?steps?|\bsideways|\bside to side"),
    ("walk-back", r"\bbackwards?\b"),
    ("wave", r"\bwaves?\b|\bwaving"),
    ("crouch", r"\bcrouch|\bsquat|\bkneel|\bducks?\b|\bstoop"),
    ("stretch", r"\bstretch|\byoga|sun salutation|range of motion|\bbalanc"),
    ("walk", r"\bwalk|\bstroll|\bpaces?\b|\bstrid|\bsteps?\b"),
    ("turn", r"\bturns?\b|\bspin|\btwist"),
    ("bend", r"\bbends?\b|\bbending|\bbows?\b|\bleans?\b"),
    ("gesture", r"\bgestur|\bconvers|\btalk|\bpoints?\b|\bnods?\b|\barms?\b|\bhands?\b|story|mime|laugh|cry"),
    ("stand", r"\bstand"),
)
_COMPILED = tuple((group, re.compile(pattern)) for group, pattern in _RULES)

SPOKEN_GROUPS: tuple[str, ...] = tuple(group for group, _ in _RULES)
"""The groups, rarest first: the first whose words are found is the content."""


def content_of_words(texts: Iterable[str]) -> str:
    """The content group that the first text with any known word names; `other` where none does.

    Rare contents are looked for first: a caption of a walk that ends in a jump counts as a jump.
    """
    for text in texts:
        lower = text.lower()
        for group, pattern in _COMPILED:
            if pattern.search(lower):
                return group
    return OTHER
