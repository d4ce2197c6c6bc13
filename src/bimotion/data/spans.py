"""Spans of a recording that consist of whole timed phrases: parts of windows and parts of neighbouring windows.

A span's caption is its phrases in their order, so training sees short motions, motions of several actions in a known
order, and motions that begin anywhere in a recording.
"""

import re
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from bimotion.data.recording import Annotation, TimedCaption
from bimotion.features.layout import FPS

_MAX_GAP = 1.0  # seconds between two phrases of a span about which nothing is known
_PHRASES = (1, 2, 3, 4)
_PHRASE_SHARES = (0.3, 0.35, 0.22, 0.13)
_TRIES = 8
_SUBJECTS = ("a person", "someone", "the person", "a man", "he", "she", "the figure")
_SUBJECT_SHARES = (0.55, 0.12, 0.12, 0.06, 0.05, 0.05, 0.05)
_REPEATED = re.compile(
    r",? (?:once again|(?<!again and )again(?! and again)|once more"
    r"|a (?:second|third|fourth|fifth|sixth|last|final) time)\b"
)
_ANOTHER = re.compile(r"\banother\b")
NEEDS_CONTEXT = re.compile(
    r"^(?:still|then|now|also|keeps|continues|repeats)\b|\b(?:it|them|the other|the same|likewise)\b"
)
"""Phrases that cannot be understood without what came before."""

_JOINTS = (", then ", " and then ", " and ", ", ")
_JOINT_SHARES = (0.35, 0.25, 0.25, 0.15)


def spans_of(
    annotations: Sequence[Annotation], count: int, rng: np.random.Generator, *, shortest: int, longest: int
) -> list[Annotation]:
    """Up to `count` different spans of `shortest` to `longest` frames, each with its phrases and three captions."""
    events = _timeline(annotations)
    found: dict[tuple[int, int], Annotation] = {}
    for _ in range(_TRIES * count):
        if len(found) == count or not events:
            break
        first = int(rng.integers(len(events)))
        size = int(rng.choice(_PHRASES, p=_PHRASE_SHARES))
        chosen = events[first : first + size]
        start, end = round(chosen[0].start * FPS), round(_end(chosen[-1]) * FPS)
        gaps = [after.start - _end(before) for before, after in pairwise(chosen)]
        if len(chosen) < size or max(gaps, default=0.0) > _MAX_GAP or not shortest <= end - start <= longest:
            continue
        if NEEDS_CONTEXT.search(chosen[0].text):  # it cannot be understood without what came before
            continue
        begin = chosen[0].start
        phrases = tuple(
            TimedCaption(event.text, round(event.start - begin, 3), round(_end(event) - begin, 3))
            for event in chosen
        )
        phrases = (TimedCaption(first_mention(phrases[0].text), 0.0, phrases[0].end), *phrases[1:])
        captions = tuple(dict.fromkeys(join_phrases([p.text for p in phrases], rng) for _ in range(3)))
        found[start, end] = Annotation(start, end, captions, phrases)
    return [found[key] for key in sorted(found)]


def join_phrases(phrases: Sequence[str], rng: np.random.Generator) -> str:
    """A sentence that says third-person phrases in their order."""
    text = f"{_SUBJECTS[rng.choice(len(_SUBJECTS), p=_SUBJECT_SHARES)]} {phrases[0]}"
    for phrase in phrases[1:]:
        text += f"{_JOINTS[rng.choice(len(_JOINTS), p=_JOINT_SHARES)]}{phrase}"
    return text


def first_mention(phrase: str) -> str:
    """A phrase without the words that refer to an earlier one: `jumps again` becomes `jumps`."""
    return _ANOTHER.sub("a", _REPEATED.sub("", phrase))


def _timeline(annotations: Sequence[Annotation]) -> list[TimedCaption]:
    """All phrases of a recording in the recording's time, in order."""
    events = [
        TimedCaption(event.text, at.start / FPS + event.start, at.start / FPS + _end(event))
        for at in annotations
        if not at.reference
        for event in at.events
    ]
    return sorted(events, key=lambda event: (event.start, event.end))


def _end(event: TimedCaption) -> float:
    assert event.end is not None
    return event.end
