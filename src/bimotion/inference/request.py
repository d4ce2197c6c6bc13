"""Analysis of a sentence: what it excludes, duration, counts and side.

The network gets the positive part (see `negation`); what a sentence excludes and its numbers serve the length and the
check of the result. The user's own sentence stays the caption of the clip.
"""

import re
from dataclasses import dataclass

from bimotion.captions import vocabulary
from bimotion.captions.contents import Side
from bimotion.captions.mentions import content_of, side_of
from bimotion.inference.negation import positive_part

WALKING_STEP_SECONDS, RUNNING_STEP_SECONDS = 0.70, 0.39
"""Seconds of a recorded window for each step in it: medians of 369 straight walks and 29 straight runs of the CMU set
(`steps` and `seconds` of the facts in its index.jsonl; pauses within a window count)."""

WALKING_SPEED, RUNNING_SPEED = 0.96, 2.65
"""Median speeds of the same windows, metres per second."""

_NUMBER_WORDS = {
    **{word: float(number) for number, word in enumerate(vocabulary.NUMBER_WORDS)},
    **{"fifteen": 15.0, "twenty": 20.0, "thirty": 30.0, "sixty": 60.0},
    **{"half a": 0.5, "a couple of": 2.0, "a few": 3.0},
}
_NUMBER = (
    r"(?P<number>\d+(?:[.,]\d+)?|half an?|a couple of|a few|"
    + "|".join(sorted((word for word in _NUMBER_WORDS if " " not in word), key=len, reverse=True))
    + r")(?P<half> and a half)?"
)
_ABOUT = r"(?:about |around |exactly |roughly |nearly |almost |approximately |at least |only |just )*"
_SECONDS = re.compile(
    rf"\b{_ABOUT}{_NUMBER}(?: |-|(?<=\d))(?:seconds?|secs?|s)\b(?!['\u2019])|\b(?:for|lasting|in) (?P<one>a) second\b"
)
_MINUTES = re.compile(rf"\b{_ABOUT}(?:{_NUMBER}|(?P<one>a))(?: |-|(?<=\d))(?:minutes?|mins?)\b")
_STEPS = re.compile(rf"\b{_NUMBER} (?:[a-z]+ ){{0,2}}?(?:steps?|paces|strides?)\b")
_METRES = re.compile(
    rf"\b{_NUMBER}(?: |-|(?<=\d))(?P<unit>met(?:er|re)s?|m|feet|foot|ft)\b(?! per| a second|/)"
)
TIMES = re.compile(rf"\b(?:{_NUMBER} times?|(?P<word>once|twice|thrice))\b(?! as\b)", re.IGNORECASE)
"""How often something is done, as a number or a word."""
_TIMES_WORDS = {"once": 1, "twice": 2, "thrice": 3}
_FOOT = 0.3048

_THEN = re.compile(rf"(?:,? (?:and )?(?:{vocabulary.THEN})\b|;|\. )")


@dataclass(frozen=True)
class MotionRequest:
    """The analysed sentence."""

    text: str
    """The user's sentence, in one line."""
    prompt: str
    """Its positive part: what the network reads."""
    excluded: tuple[str, ...] = ()
    """Phrases of the sentence that exclude something."""
    seconds: float | None = None
    """Length that the sentence gives the whole motion."""
    steps: int | None = None
    """Number of steps."""
    metres: float | None = None
    """Distance."""
    times: int | None = None
    """Number of repeats."""
    side: Side = "none"
    """Side that the positive part names."""
    content: str | None = None
    """Content group that the positive part names."""

    def estimated_seconds(self) -> float | None:
        """The length that the sentence's numbers lead to: its seconds, else the time that its steps or metres take.

        None where it has none of them, or has several actions of which they are but one.
        """
        if self.seconds is not None:
            return self.seconds
        if self.content not in ("walk", "walk-back", "walk-side", "run") or _THEN.search(self.prompt):
            return None
        runs = self.content == "run"
        if self.steps is not None:
            return self.steps * (RUNNING_STEP_SECONDS if runs else WALKING_STEP_SECONDS)
        if self.metres is not None:
            return self.metres / (RUNNING_SPEED if runs else WALKING_SPEED)
        return None


def read_request(text: str) -> MotionRequest:
    """A sentence, read by rules for English; text that they do not know stays as it is."""
    whole = " ".join(text.split())
    prompt, excluded = positive_part(whole)
    lower = prompt.lower()
    return MotionRequest(
        text=whole,
        prompt=prompt,
        excluded=excluded,
        seconds=_total_seconds(lower),
        steps=_count(_STEPS.search(lower)),
        metres=_metres(lower),
        times=_times(lower),
        side=side_of(lower),
        content=content_of(lower),
    )


def once(text: str) -> str:
    """A sentence that says "once" where it says how often."""
    return TIMES.sub("once", text, count=1)


def sentence_of(text: str) -> str:
    """A phrase that begins with its verb ("walks forward") as a sentence; others as they are."""
    first = text.split()[0].lower().rstrip(",;:")
    return f"a person {text}" if first.endswith("s") and first not in _SUBJECTS else text


_SUBJECTS = ("this", "his", "its", "persons", "humans", "dancers", "arms", "hands", "legs", "feet")
"""Words with an s at the end that begin a sentence and are no verb."""


def _number(match: re.Match[str]) -> float:
    text = match["number"].replace(",", ".").replace("half an", "half a")
    value = _NUMBER_WORDS[text] if text in _NUMBER_WORDS else float(text)
    return value + 0.5 if match["half"] else value


def _count(match: re.Match[str] | None) -> int | None:
    return max(1, round(_number(match))) if match else None


def _metres(text: str) -> float | None:
    match = _METRES.search(text)
    if match is None:
        return None
    return _number(match) * (_FOOT if match["unit"].startswith("f") else 1.0)


def _times(text: str) -> int | None:
    match = TIMES.search(text)
    if match is None:
        return None
    return _TIMES_WORDS[match["word"].lower()] if match["word"] else _count(match)


def _total_seconds(text: str) -> float | None:
    """The seconds of all parts of a sentence; None unless each part, or the sentence as a whole, has some."""
    parts = [part for part in _THEN.split(text) if part.strip(" .,;")]
    seconds = [_part_seconds(part) for part in parts]
    if not parts or any(value is None for value in seconds):
        return None
    return sum(value for value in seconds if value is not None)


def _part_seconds(part: str) -> float | None:
    found = [(match, 1.0) for match in _SECONDS.finditer(part)]
    found += [(match, 60.0) for match in _MINUTES.finditer(part)]
    if not found:
        return None
    return sum((1.0 if match["one"] else _number(match)) * unit for match, unit in found)
