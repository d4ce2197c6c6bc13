"""Words in time: whether the moment of a phrase is found in a recording, and whether order is heard.

    python -m research.moments DATA [EVALUATOR]

Validation recordings with timed phrases (`Item.events`): a phrase is searched in its whole recording. Where a recording
shows a phrase several times, the nearest of them counts. Test windows with captions written by people: two windows of
different content are joined, and each caption is searched in the whole.

Legend: T frames, D embedding width.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float

from bimotion.data.splits import Split
from bimotion.data.store import Item, MotionStore
from bimotion.errors import DataError, ModelError
from bimotion.evaluators.embedding import read_embedder, unit_rows
from bimotion.evaluators.folder import find_evaluator
from bimotion.evaluators.moments import PartsEmbedder, moments_of
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
        if item.events and not item.is_span:
            by_take.setdefault(item.take, []).append(item)
    takes = [_take(store, sorted(items, key=lambda item: item.start)) for items in by_take.values()]
    if not takes:
        raise DataError(f"{store.folder}: no recording of the split {split!r} has timed phrases")
    return takes


def moment_scores(takes: Sequence[TimedTake], embedder: PartsEmbedder) -> dict[str, float]:
    """Mean overlap (IoU) of found and true moments, shares above `BOUNDS`, the same by chance, and order.

    `order`: share of windows with several different phrases whose phrases, joined by "then", are nearer to the motion
    in their order than reversed. `order_by_parts`: the same where each phrase has its own part (`Moments.in_order`).
    """
    found_overlaps: list[float] = []
    chance: list[list[float]] = []
    heard: list[bool] = []
    heard_by_parts: list[bool] = []
    for take in takes:
        tried = moments(0, len(take.features))
        texts = list(take.phrases)
        queries = embedder.embed_texts([sentence_of(text) for text in texts])
        (parts,) = moments_of(embedder, [take.features])
        for text, query in zip(texts, queries, strict=True):
            true = take.phrases[text]
            found_overlaps.append(max(overlap(parts.best(query)[:2], each) for each in true))
            chance.append([max(overlap(other, each) for each in true) for other in tried])
        for start, stop, phrases in take.orders:
            motion = take.features[start:stop]
            heard.append(_hears_order(motion, phrases, embedder))
            heard_by_parts.append(_orders_parts(motion, phrases, embedder))
    scores = {"phrases": float(len(found_overlaps)), "mean_iou": float(np.mean(found_overlaps))}
    scores["mean_iou_by_chance"] = float(np.mean([np.mean(each) for each in chance]))
    for bound in BOUNDS:
        scores[f"found_{bound}"] = float(np.mean(np.array(found_overlaps) >= bound))
        scores[f"found_{bound}_by_chance"] = float(
            np.mean([np.mean(np.array(each) >= bound) for each in chance])
        )
    if heard:
        scores |= {"order": float(np.mean(heard)), "order_by_parts": float(np.mean(heard_by_parts))}
    return {**scores, "windows": float(len(heard))}


def joined_takes(store: MotionStore, count: int = 300, seed: int = 0) -> list[TimedTake]:
    """Pairs of test windows of different content, joined, with their first captions as phrases.

    Raises:
        DataError: there are no test windows with captions of two contents.
    """
    items = [item for item in store.items("test", mirrored=False) if item.captions]
    if len({item.content for item in items}) < 2:
        raise DataError(f"{store.folder}: no test windows with captions of two contents")
    rng = np.random.default_rng(seed)
    takes: list[TimedTake] = []
    while len(takes) < count:
        first, second = (items[index] for index in rng.choice(len(items), 2, replace=False))
        texts = (first.captions[0], second.captions[0])
        if first.content == second.content or texts[0] == texts[1]:
            continue
        features = np.concatenate([store.features(first), store.features(second)])
        border, end = first.num_frames, len(features)
        phrases = {texts[0]: [(0, border)], texts[1]: [(border, end)]}
        takes.append(TimedTake(features, phrases, [(0, end, texts)]))
    return takes


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


def _hears_order(
    features: Float[np.ndarray, "T 263"], phrases: Sequence[str], embedder: PartsEmbedder
) -> bool:
    (parts,) = moments_of(embedder, [features])
    sentences = [sentence_of(", then ".join(each)) for each in (phrases, phrases[::-1])]
    whole = parts.parts.mean(0)
    right, wrong = unit_rows(embedder.embed_texts(sentences)) @ whole
    return bool(right > wrong)


def _orders_parts(
    features: Float[np.ndarray, "T 263"], phrases: Sequence[str], embedder: PartsEmbedder
) -> bool:
    (parts,) = moments_of(embedder, [features])
    texts = embedder.embed_texts([sentence_of(text) for text in phrases])
    return bool(parts.in_order(texts)[1].mean() > parts.in_order(texts[::-1])[1].mean())


def main(data: str, evaluator: str | None = None) -> None:
    """Print the scores of an evaluator, by default the bundled one.

    Raises:
        DataError: the data set does not have what is measured.
        ModelError: the evaluator does not embed motions in parts.
    """
    store, embedder = MotionStore.open(data), read_embedder(find_evaluator(evaluator))
    if not isinstance(embedder, PartsEmbedder):
        raise ModelError("this evaluator does not embed motions in parts")
    for title, takes in (
        ("validation recordings, timed phrases", timed_takes(store, "val")),
        ("joined test windows, captions by people", joined_takes(store)),
    ):
        print(title)
        for name, value in moment_scores(takes, embedder).items():
            print(f"  {name}: {value:.3f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
