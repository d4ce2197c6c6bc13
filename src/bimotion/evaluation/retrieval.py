"""Does a text find its motion among others: R-precision and MM-Dist.

Legend: N items, D embedding columns, G groups, K items of a group, C items that count.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from bimotion.errors import DataError

GROUP_SIZE = 32
"""Items among which a text looks for its motion."""

TOP_K = 3
"""R-precision is given for the first 1 to `TOP_K` places."""


@dataclass(frozen=True)
class Retrieval:
    """What `retrieval` measures."""

    items: Int[np.ndarray, " C"]
    """Items that count, in the order of the groups."""
    ranks: Int[np.ndarray, " C"]
    """How many wrong motions of its group are as near to each text as its nearest right one, or nearer."""
    apart: Float[np.ndarray, " C"]
    """Euclidean distance of each text's embedding from its motion's."""

    def found(self, k: int) -> float:
        """Share of texts whose motion is among the nearest k."""
        return float((self.ranks < k).mean())

    @property
    def r_precision(self) -> tuple[float, ...]:
        """Share of texts whose motion is among the nearest 1, 2, 3, ..., `TOP_K`."""
        return tuple(self.found(k) for k in range(1, TOP_K + 1))

    @property
    def mm_dist(self) -> float:
        """Mean distance of a text from its motion."""
        return float(self.apart.mean())


def retrieval(
    text: Float[np.ndarray, "N D"],
    motion: Float[np.ndarray, "N D"],
    groups: Int[np.ndarray, "G K"],
    *,
    counted: Bool[np.ndarray, "G K"] | None = None,
    alike: Bool[np.ndarray, "N N"] | None = None,
) -> Retrieval:
    """R-precision and MM-Dist of the items that stand in `groups`.

    `counted` leaves items out that only fill up a group. Where `alike[i, j]`, motion j is as good an answer to text i
    as its own. Ties count against the system: embeddings that are all the same find nothing.

    Source: Guo et al. 2022 ("Generating diverse and natural 3D human motions from text"), section 6.
    """
    ranks = np.stack([_ranks(text[group], motion[group], alike, group) for group in groups])
    chosen = np.ones(groups.shape, dtype=bool) if counted is None else counted
    items = groups[chosen]
    apart = np.linalg.norm(text[items].astype(np.float64) - motion[items].astype(np.float64), axis=-1)
    return Retrieval(items, ranks[chosen], np.asarray(apart))


def whole_groups(order: Int[np.ndarray, " N"], size: int = GROUP_SIZE) -> Int[np.ndarray, "G K"]:
    """`order` cut into groups; the last items are dropped where they do not fill one, as published.

    Raises:
        DataError: there are fewer items than a group has.
    """
    if len(order) < size:
        raise DataError(
            f"R-precision compares {size} items at a time, the data set has {len(order)}; "
            "use a larger split, or the protocol bimotion-1, which can do with fewer"
        )
    return order[: len(order) // size * size].reshape(-1, size)


def filled_groups(
    order: Int[np.ndarray, " N"], size: int = GROUP_SIZE
) -> tuple[Int[np.ndarray, "G K"], Bool[np.ndarray, "G K"]]:
    """`order` cut into groups, and which of their places count.

    The last group is filled up with items of the first groups that do not count a second time, so every item counts
    once. Fewer items than `size` make one smaller group.
    """
    num = len(order)
    size = min(size, num)
    num_groups = -(-num // size)
    places = np.resize(order, num_groups * size)
    counted = np.arange(num_groups * size) < num
    return places.reshape(num_groups, size), counted.reshape(num_groups, size)


def distances(a: Float[np.ndarray, "N D"], b: Float[np.ndarray, "M D"]) -> Float[np.ndarray, "N M"]:
    """Euclidean distances of all pairs, in double precision."""
    x, y = a.astype(np.float64), b.astype(np.float64)
    squares = (x * x).sum(1)[:, None] + (y * y).sum(1) - 2 * x @ y.T
    return np.asarray(np.sqrt(np.maximum(squares, 0)))


def _ranks(
    text: Float[np.ndarray, "K D"],
    motion: Float[np.ndarray, "K D"],
    alike: Bool[np.ndarray, "N N"] | None,
    group: Int[np.ndarray, " K"],
) -> Int[np.ndarray, " K"]:
    """How many wrong motions are as near to each text as its nearest right one, or nearer."""
    apart = distances(text, motion)
    right = np.eye(len(group), dtype=bool)
    if alike is not None:
        right |= alike[np.ix_(group, group)]
    nearest = np.where(right, apart, np.inf).min(1)
    return np.asarray(((apart <= nearest[:, None]) & ~right).sum(1))
