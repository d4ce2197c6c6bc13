"""Captions of the mirrored motion: left and right are swapped; a caption where that is not possible has none."""

import re
from functools import lru_cache

from bimotion.captions import vocabulary
from bimotion.captions.language import is_english

_SWAPS = {"left": "right", "clockwise": "counterclockwise"}
_OTHER = _SWAPS | {other: word for word, other in _SWAPS.items()} | {"anticlockwise": "clockwise"}

_LIMBS = (
    r"(?:hands?|arms?|legs?|foot|feet|knees?|elbows?|wrists?|shoulders?|hips?|ankles?|fists?|palms?|sides?)"
)
_ENDINGS = r"(?:wards?|most|[- ]?handed(?:ly)?|[- ]?footed|ies|y|s|er|ers|hand|foot|arm|leg|side)?"
# After these "right" is a side, whatever follows; else "right before", "right at" may mean "just before", "just at".
_BEFORE_SIDE = (
    *(
        "the",
        "left",
        "left and",
        "left or",
        "turn",
        "turns",
        "turning",
        "turned",
        "swings",
        "moves",
        "moving",
    ),
    *("rotates", "rotating", "spins", "steps", "stepping"),
)
_SURELY = "|".join(rf"(?<=\b{word} )" for word in _BEFORE_SIDE)
_SIDE = re.compile(
    rf"\b(?P<side>left|(?:{_SURELY})right(?![ -]angles?\b)"
    rf"|right(?![ -](?:angle|away|now|before|after|here|there|as|when|at)s?\b))(?P<ending>{_ENDINGS})\b"
    rf"|\b(?P<turn>{vocabulary.CLOCKWISE})\b"
    rf"|\b(?P<letter>[lr])\b\.?(?=[- ]?{_LIMBS}\b)",
    re.IGNORECASE,
)
# A verb or no side: "he left the room", "nothing is left", "he is right". Exchanging it would make nonsense.
_LEAVING = re.compile(
    r"\bleft (?:the|his|her|their|its|it|behind|alone|standing|hanging)\b"
    r"|\b(?:he|she|they|who|person|man|woman|someone|figure)(?: has| have| had)? left\b(?! (?:hand|arm|leg|foot|side))"
    r"|\b(?:nothing|nobody|no one|is|are|was|were) (?:left|right)(?=\s*(?:[.,;!?]|$))",
    re.IGNORECASE,
)
_HARMLESS = re.compile(
    r"\bright[ -](?:angles?|angled|away|now)\b|\ball right\b|\b(?:b|f|al|up|down|out|forth|a)right\w*"
    r"|\bright(?:ly|eous\w*|ful\w*)\b|\b\w+w?rights?\b|\bclefts?\b|\bleftovers?\b",
    re.IGNORECASE,
)
_ANY_SIDE = re.compile(
    r"left|right|clockwise|widdershins|southpaw|orthodox|starboard|port side|\b[lr]\b", re.IGNORECASE
)
"""Found in every text that `_LEAVING`, `_SIDE` or `_TRACES` matches."""
_TRACES = re.compile(
    r"left|right|clockwise|widdershins|southpaw|\borthodox\b|starboard|\bport side|(?-i:\b[LR]\b)",
    re.IGNORECASE,
)


def swap_sides(text: str) -> str:
    """The text with left and right, clockwise and counterclockwise exchanged; case of the first letter kept.

    Words made of them (leftward, leftmost, left-handed, L arm) change as well. `anticlockwise` comes back as
    `clockwise`, and `clockwise` always turns into `counterclockwise`.
    """
    return _SIDE.sub(_swapped, text)


@lru_cache(maxsize=4096)  # timed phrases occur again in the spans of a recording
def mirror_caption(text: str) -> str | None:
    """The caption of the mirror image; None for a caption in another language, or with a side that cannot be swapped.

    "he left the room", "waits right before the wall" (which means "just before") and words such as "leftwing"
    cannot be swapped: the mirror image has no such caption.
    """
    if not is_english(text):
        return None
    if not _ANY_SIDE.search(text):
        return text
    if _LEAVING.search(text):
        return None
    rest = _HARMLESS.sub(" ", _SIDE.sub(" ", text))
    return None if _TRACES.search(rest) else swap_sides(text)


def _swapped(match: re.Match[str]) -> str:
    word = match[0]
    if letter := match["letter"]:
        other = {"l": "r", "r": "l"}[letter.lower()]
        return (other.upper() if letter.isupper() else other) + word[1:]
    stem = match["side"] or match["turn"]
    plain = re.sub("[- ]", "", stem.lower())
    other = _OTHER[plain] + (match["ending"] or "").lower()
    if word.isupper():
        return other.upper()
    return other.capitalize() if word[0].isupper() else other
