"""The order of examples: balanced by content, in batches of similar lengths, reproducible from the generator."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from bimotion.data.store import Item

SAME_GROUP = {"respond": "raise"}
"""Contents that count as another in balancing, because the same words describe both: drawn as often as the
frequent one, the rare one would be the answer to every fourth such prompt."""


def item_weights(items: Sequence[Item], balance: float) -> Float[np.ndarray, " N"]:
    """Weight of each window: n^-balance for a content group of n windows; they sum to the number of windows."""
    groups = [SAME_GROUP.get(item.content, item.content) for item in items]
    counts = Counter(groups)
    weights = np.array([counts[group] ** -balance for group in groups], dtype=np.float64)
    return np.asarray(weights * (len(items) / weights.sum()))


def draw_epoch(weights: Float[np.ndarray, " N"], rng: np.random.Generator) -> Int[np.ndarray, " N"]:
    """N indices in random order, each as often as its weight, rounded up or down at random.

    Systematic sampling over a random order: in a long run every index gets exactly its share, and within an
    epoch its count is off by less than one.
    """
    order = rng.permutation(len(weights))
    edges = np.concatenate([[0.0], np.cumsum(weights[order])])
    ticks = np.floor(edges * (len(weights) / edges[-1]) + rng.random())
    return rng.permutation(np.repeat(order, np.diff(ticks).astype(int)))


def bucket_order(
    lengths: Int[np.ndarray, " N"], batch_size: int, bucket_batches: int, rng: np.random.Generator
) -> list[Int[np.ndarray, " B"]]:
    """Positions 0..N-1 in batches of similar lengths: sorted within buckets of batches, batches shuffled."""
    bucket = batch_size * bucket_batches
    batches: list[np.ndarray] = []
    for start in range(0, len(lengths), bucket):
        part = np.arange(start, min(start + bucket, len(lengths)))
        part = part[np.argsort(lengths[part], kind="stable")]
        batches += [part[i : i + batch_size] for i in range(0, len(part), batch_size)]
    return [batches[i] for i in rng.permutation(len(batches))]
