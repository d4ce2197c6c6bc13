"""Words in time: whether the moment of a phrase is found in a recording, and whether order is heard.

    python -m research.moments DATA [SPLIT]

Recordings of a split with timed phrases (`Item.events`). A phrase is searched in its whole recording, as
`bimotion search --when` does in the piece that the index found. Where a recording shows a phrase several times, the
nearest of them counts.

Legend: T frames, D embedding width.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import get_args

import numpy as np
from jaxtyping import Float

from bimotion.data.splits import Split
from bimotion.data.store import Item, MotionStore
from bimotion.errors import DataError
from bimotion.evaluators.embedding import Embedder, read_embedder
from bimotion.evaluators.folder import find_evaluator
from bimotion.features.layout import FPS
from bimotion.inference.request import sentence_of
from bimotion.search.moments import moments

MIN_SECONDS = 1.0
"""Shorter phrases are not searched."""

BOUNDS = (0.5, 0.7)
"""Shares of overlap that count as found."""


@dataclass(frozen=True)
class TimedTake:
    """A recording and when each phrase is shown in it."""

    features: Float[np.ndarray, "T 263"]
    """Its features."""
    phrases: dict[str, list[tuple[int, int]]]
    """First frame and frame after the last one of each time that a phrase is shown."""
    orders: list[tuple[int, int, tuple[str, ...]]]
    """Windows of several phrases: first frame, frame after the last one, and the phrases in their order."""


def timed_takes(store: MotionStore, split: Split) -> list[TimedTake]:
    """The recordings of a split that have timed phrases.

    Raises:
        DataError: there are none.
    """
    by_take: dict[str, list[Item]] = {}
    for item in store.items(split, mirrored=False):
        if item.events and item.id.split("#")[-1].isdecimal():
            by_take.setdefault(item.take, []).append(item)
    takes = [_take(store, sorted(items, key=lambda item: item.start)) for items in by_take.values()]
    if not takes:
        raise DataError(f"{store.folder}: no recording of the split {split!r} has timed phrases")
    return takes


def moment_scores(takes: Sequence[TimedTake], embedder: Embedder) -> dict[str, float]:
    """Mean overlap (IoU) of found and true moments, shares above `BOUNDS`, the same by chance, and order.

    `order`: share of windows with several different phrases whose phrases, joined by "then", are nearer to the motion
    in their order than reversed.
    """
    overlaps: list[float] = []
    chance: list[list[float]] = []
    heard: list[bool] = []
    for take in takes:
        tried = moments(0, len(take.features))
        motions = _units(embedder.embed_motions([take.features[start:stop] for start, stop in tried]))
        texts = list(take.phrases)
        queries = _units(embedder.embed_texts([sentence_of(text) for text in texts]))
        for text, found in zip(texts, (motions @ queries.T).argmax(0).tolist(), strict=True):
            true = take.phrases[text]
            overlaps.append(max(overlap(tried[found], each) for each in true))
            chance.append([max(overlap(other, each) for each in true) for other in tried])
        heard += [_hears_order(take, window, embedder) for window in take.orders]
    scores = {"phrases": float(len(overlaps)), "mean_iou": float(np.mean(overlaps))}
    scores["mean_iou_by_chance"] = float(np.mean([np.mean(each) for each in chance]))
    for bound in BOUNDS:
        scores[f"found_{bound}"] = float(np.mean(np.array(overlaps) >= bound))
        scores[f"found_{bound}_by_chance"] = float(
            np.mean([np.mean(np.array(each) >= bound) for each in chance])
        )
    return {**scores, "windows": float(len(heard)), "order": float(np.mean(heard)) if heard else 0.0}


def overlap(first: tuple[int, int], second: tuple[int, int]) -> float:
    """Frames of both moments as a share of those of either."""
    shared = min(first[1], second[1]) - max(first[0], second[0])
    either = max(first[1], second[1]) - min(first[0], second[0])
    return max(shared, 0) / either


def _take(store: MotionStore, items: Sequence[Item]) -> TimedTake:
    run = [items[0]]
    for before, item in pairwise(items):
        if item.start != before.start + before.num_frames:
            break
        run.append(item)
    first = run[0].start
    phrases: dict[str, list[tuple[int, int]]] = {}
    orders = []
    for item in run:
        start = item.start - first
        for event in item.events:
            low, high = (start + round(seconds * FPS) for seconds in (event.start, event.end))
            if high - low >= MIN_SECONDS * FPS:
                phrases.setdefault(event.text, []).append((low, high))
        texts = tuple(event.text for event in item.events)
        if len(texts) > 1 and texts != texts[::-1]:
            orders.append((start, start + item.num_frames, texts))
    return TimedTake(np.concatenate([store.features(item) for item in run]), phrases, orders)


def _hears_order(take: TimedTake, window: tuple[int, int, tuple[str, ...]], embedder: Embedder) -> bool:
    start, stop, phrases = window
    motion = embedder.embed_motions([take.features[start:stop]])[0]
    sentences = [sentence_of(", then ".join(each)) for each in (phrases, phrases[::-1])]
    right, wrong = _units(embedder.embed_texts(sentences)) @ motion
    return bool(right > wrong)


def _units(embedded: Float[np.ndarray, "N D"]) -> Float[np.ndarray, "N D"]:
    norms = np.linalg.norm(embedded, axis=1, keepdims=True)
    return np.asarray(embedded / np.maximum(norms, 1e-12))


def main(data: str, split: str = "val") -> None:
    """Print the scores of the bundled evaluator."""
    (chosen,) = (each for each in get_args(Split) if each == split)
    takes = timed_takes(MotionStore.open(data), chosen)
    for name, value in moment_scores(takes, read_embedder(find_evaluator(None))).items():
        print(f"{name}: {value:.3f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
