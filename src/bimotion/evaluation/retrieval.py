"""R-precision and MM-Dist: whether a text finds its motion among others.

Legend: N items, D embedding columns, G groups, K items of a group, C counted items.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from bimotion.errors import DataError

GROUP_SIZE = 32
"""Motions in each group that a text is ranked against."""

TOP_K = 3
"""R-precision is reported for the nearest 1 to `TOP_K` motions."""


@dataclass(frozen=True)
class Retrieval:
    """Ranks and distances of texts and their motions."""

    items: Int[np.ndarray, " C"]
    """Counted items, in the order of the groups."""
    ranks: Int[np.ndarray, " C"]
    """Number of incorrect motions in the group at most as far from the text as its nearest correct one."""
    distances: Float[np.ndarray, " C"]
    """Euclidean distance between the embeddings of each text and its motion."""

    def recall(self, k: int) -> float:
        """Share of texts whose motion is among the nearest k."""
        return float((self.ranks < k).mean())

    @property
    def r_precision(self) -> tuple[float, ...]:
        """Share of texts whose motion is among the nearest 1, 2, ..., `TOP_K`."""
        return tuple(self.recall(k) for k in range(1, TOP_K + 1))

    @property
    def mm_dist(self) -> float:
        """Mean distance between a text and its motion."""
        return float(self.distances.mean())

    def scores(self) -> dict[str, float]:
        """R-precision and MM-Dist by metric name."""
        names = ("top_1", "top_2", "top_3")
        return {**dict(zip(names, self.r_precision, strict=True)), "mm_dist": self.mm_dist}


def retrieval(
    text: Float[np.ndarray, "N D"],
    motion: Float[np.ndarray, "N D"],
    groups: Int[np.ndarray, "G K"],
    *,
    counted: Bool[np.ndarray, "G K"] | None = None,
    correct: Bool[np.ndarray, "N N"] | None = None,
) -> Retrieval:
    """R-precision and MM-Dist of the items in `groups`.

    `counted` is False for items that only fill up a group. Where `correct[i, j]`, motion j is as good an answer to
    text i as its own. Ties count against the system: if all embeddings are equal, nothing is found.

    Source: Guo et al. 2022 ("Generating diverse and natural 3D human motions from text"), section 6.
    """
    ranks = np.stack([_ranks(text[group], motion[group], correct, group) for group in groups])
    chosen = np.ones(groups.shape, dtype=bool) if counted is None else counted
    items = groups[chosen]
    return Retrieval(items, ranks[chosen], pair_distances(text[items], motion[items]))


def whole_groups(order: Int[np.ndarray, " N"], size: int = GROUP_SIZE) -> Int[np.ndarray, "G K"]:
    """`order` cut into groups; the last items are dropped if they do not fill one, as published.

    Raises:
        DataError: there are fewer items than a group has.
    """
    if len(order) < size:
        raise DataError(
            f"R-precision compares {size} items at a time, the data set has {len(order)}; "
            "use a larger split, or the protocol bimotion-1, which accepts fewer"
        )
    return order[: len(order) // size * size].reshape(-1, size)


def filled_groups(
    order: Int[np.ndarray, " N"], size: int = GROUP_SIZE
) -> tuple[Int[np.ndarray, "G K"], Bool[np.ndarray, "G K"]]:
    """`order` cut into groups, and which of their entries count.

    The last group is filled up with items of the first groups that do not count a second time, so every item counts
    once. Fewer items than `size` make one smaller group.
    """
    num = len(order)
    size = min(size, num)
    num_groups = -(-num // size)
    entries = np.resize(order, num_groups * size)
    counted = np.arange(num_groups * size) < num
    return entries.reshape(num_groups, size), counted.reshape(num_groups, size)


def pair_distances(a: Float[np.ndarray, "N D"], b: Float[np.ndarray, "N D"]) -> Float[np.ndarray, " N"]:
    """Euclidean distances of corresponding rows, in double precision."""
    return np.asarray(np.linalg.norm(a.astype(np.float64) - b.astype(np.float64), axis=-1))


def distances(a: Float[np.ndarray, "N D"], b: Float[np.ndarray, "M D"]) -> Float[np.ndarray, "N M"]:
    """Euclidean distances of all pairs, in double precision."""
    x, y = a.astype(np.float64), b.astype(np.float64)
    squares = (x * x).sum(1)[:, None] + (y * y).sum(1) - 2 * x @ y.T
    return np.asarray(np.sqrt(np.maximum(squares, 0)))


def _ranks(
    text: Float[np.ndarray, "K D"],
    motion: Float[np.ndarray, "K D"],
    correct: Bool[np.ndarray, "N N"] | None,
    group: Int[np.ndarray, " K"],
) -> Int[np.ndarray, " K"]:
    """Number of incorrect motions at most as far from each text as its nearest correct one."""
    apart = distances(text, motion)
    right = np.eye(len(group), dtype=bool)
    if correct is not None:
        right |= correct[np.ix_(group, group)]
    nearest = np.where(right, apart, np.inf).min(1)
    return np.asarray(((apart <= nearest[:, None]) & ~right).sum(1))
