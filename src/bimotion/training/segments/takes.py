"""Takes with what happens in them, and runs of segments drawn from them.

Legend: T frames, W frames of a segment, F = 263 feature columns, K segments of a run.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from bimotion.data.store import Item, MotionStore
from bimotion.features.layout import FPS
from bimotion.features.normalise import FeatureStats
from bimotion.inference.request import sentence_of

EARLY, LATE = 24, 16
"""Frames by which a phrase may have begun before a segment, or begin after it, to be chosen for it."""

MIN_REMAINING = 12
"""A segment takes the next phrase where fewer frames of its phrase remain."""

FIRST_CAPTION_SHARE = 0.85
"""Share of the first, short caption of windows; the others are longer."""

INSIDE_SHARE = 0.25
"""Share of runs that begin inside of a phrase."""


@dataclass(frozen=True)
class Interval:
    """A part of a take with what may be said of it."""

    start: int
    """First frame."""
    end: int
    """Frame after the last one."""
    texts: tuple[str, ...]
    """Sentences that describe it."""


@dataclass(frozen=True)
class Take:
    """A recording, or its mirror image, whose windows follow each other without gaps."""

    name: str
    """The recording."""
    features: Float[Tensor, "T F"]
    """Normalised, float16."""
    intervals: tuple[Interval, ...]
    """Windows, parts of them, and timed phrases, by their start."""


@dataclass(frozen=True)
class Run:
    """Segments that follow each other, each with the phrase that it belongs to."""

    segments: Float[Tensor, "K W F"]
    """Normalised features."""
    texts: tuple[str, ...]
    """The phrase of each segment; empty: none."""
    elapsed: tuple[int, ...]
    """Frames from the start of the phrase to that of the segment."""
    remaining: tuple[int, ...]
    """Frames from the start of the segment to the end of the phrase."""


def read_takes(store: MotionStore, items: Sequence[Item], stats: FeatureStats, min_frames: int) -> list[Take]:
    """The takes of some windows, those of at least `min_frames`."""
    by_take: dict[tuple[str, bool], list[Item]] = {}
    for item in items:
        by_take.setdefault((item.take, item.mirrored), []).append(item)
    takes = []
    for several in by_take.values():
        intervals = sorted(
            (interval for item in several for interval in _intervals(item)), key=lambda each: each.start
        )
        for run in _runs([item for item in several if not item.is_span]):
            start, end = run[0].start, run[-1].start + run[-1].num_frames
            if end - start < min_frames:
                continue
            features = stats.normalise(np.concatenate([store.features(item) for item in run]))
            own = tuple(
                Interval(each.start - start, each.end - start, each.texts)
                for each in intervals
                if start <= each.start and each.end <= end
            )
            takes.append(Take(run[0].take, torch.from_numpy(features).half(), own))
    return takes


def draw_run(take: Take, count: int, frames: int, window: int, rng: np.random.Generator) -> Run:
    """Some segments of a take, from the start of a phrase or from inside one."""
    last = len(take.features) - window
    start = int(rng.integers(last + 1))
    chosen = None
    if take.intervals and rng.random() >= INSIDE_SHARE:
        chosen = _drawn(take.intervals, rng)
        start = min(chosen.start, last)
        if chosen.start > start + LATE:
            chosen = None
    starts = list(range(start, min(start + (count - 1) * frames, last) + 1, frames))
    texts, elapsed, remaining = [], [], []
    text = "" if chosen is None else _text(chosen, rng)
    for first in starts:
        if chosen is None or chosen.end - first < MIN_REMAINING:
            chosen = _next(take.intervals, first, rng)
            text = "" if chosen is None else _text(chosen, rng)
        texts.append(text)
        elapsed.append(0 if chosen is None else first - chosen.start)
        remaining.append(0 if chosen is None else chosen.end - first)
    segments = torch.stack([take.features[first : first + window] for first in starts]).float()
    return Run(segments, tuple(texts), tuple(elapsed), tuple(remaining))


def _runs(items: Sequence[Item]) -> list[list[Item]]:
    """Windows that follow each other without gaps."""
    runs: list[list[Item]] = []
    for item in sorted(items, key=lambda item: item.start):
        if runs and item.start == runs[-1][-1].start + runs[-1][-1].num_frames:
            runs[-1].append(item)
        else:
            runs.append([item])
    return runs


def _intervals(item: Item) -> list[Interval]:
    """A window and, where it is part of the cut of its take, its timed phrases."""
    found = []
    if item.text and item.captions:
        found.append(Interval(item.start, item.start + item.num_frames, item.captions))
    for event in item.events if not item.is_span else ():
        first, end = (item.start + round(seconds * FPS) for seconds in (event.start, event.end))
        end = min(end, item.start + item.num_frames)
        if end - first >= MIN_REMAINING:
            found.append(Interval(first, end, (sentence_of(event.text),)))
    return found


def _drawn(intervals: Sequence[Interval], rng: np.random.Generator) -> Interval:
    return intervals[int(rng.integers(len(intervals)))]


def _next(intervals: Sequence[Interval], first: int, rng: np.random.Generator) -> Interval | None:
    """A phrase for a segment from `first` on: one that begins about there, else one that contains it."""
    open_there = [each for each in intervals if each.start <= first + LATE and each.end >= first + LATE]
    near = [each for each in open_there if each.start >= first - EARLY]
    return _drawn(near or open_there, rng) if open_there else None


def _text(interval: Interval, rng: np.random.Generator) -> str:
    texts = interval.texts
    if len(texts) == 1 or rng.random() < FIRST_CAPTION_SHARE:
        return texts[0]
    return texts[int(rng.integers(1, len(texts)))]
