"""Batches for training: content-balanced, bucketed by length, the same for the same (seed, epoch), resumable.

Legend: B batch, T frames.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from bimotion.data.store import Item, MotionStore
from bimotion.errors import ConfigError, DataError
from bimotion.features.layout import FEATURE_DIM
from bimotion.features.normalise import FeatureStats


@dataclass(frozen=True)
class BatchConfig:
    """How windows are drawn and put together."""

    batch_size: int = 32
    """Windows of a batch."""
    balance: float = 0.5
    """A content group of n windows weighs each of them n^-balance: 0 draws windows alike, 1 groups alike."""
    bucket_batches: int = 24
    """Batches whose windows are sorted by length together; 1 keeps lengths mixed, more saves padding."""
    crop: float = 0.0
    """Share of windows that are cut to a random part; lengths between `crop_min` and the whole."""
    crop_min: int = 40
    """Shortest part."""
    pad_to: int = 1
    """Padded lengths are multiples of this (frames per token)."""
    seed: int = 0
    """Seed of order and crops."""

    def __post_init__(self) -> None:
        if self.batch_size < 1 or self.bucket_batches < 1 or self.pad_to < 1 or self.crop_min < 1:
            raise ConfigError(
                f"batch_size, bucket_batches, pad_to and crop_min must be 1 or more, got {self}"
            )
        if not 0 <= self.crop <= 1 or not 0 <= self.balance <= 1:
            raise ConfigError(f"crop and balance must lie in 0..1, got {self.crop} and {self.balance}")


@dataclass(frozen=True)
class MotionBatch:
    """Normalised features, zero past each window's length."""

    features: Float[np.ndarray, "B T 263"]
    """Normalised features, float32."""
    lengths: Int[np.ndarray, " B"]
    """Valid frames of each window."""
    items: tuple[Item, ...]
    """The windows."""


SAID_ALIKE = {"respond": "raise"}
"""Contents that are counted as another, because the same words ask for both: drawn as often as the frequent one, the
rare one would come out of every fourth such request."""


def item_weights(items: Sequence[Item], balance: float) -> Float[np.ndarray, " N"]:
    """Weight of each window: n^-balance for a content group of n windows; as many in sum as windows."""
    groups = [SAID_ALIKE.get(item.content, item.content) for item in items]
    counts = Counter(groups)
    weights = np.array([counts[group] ** -balance for group in groups], dtype=np.float64)
    return np.asarray(weights * (len(items) / weights.sum()))


def draw_epoch(weights: Float[np.ndarray, " N"], rng: np.random.Generator) -> Int[np.ndarray, " N"]:
    """N indices in random order; each appears as often as its weight says, rounded up or down at random.

    Systematic sampling over a random order: in a long run every index gets exactly its share, and within an
    epoch it never strays from it by one or more.
    """
    order = rng.permutation(len(weights))
    edges = np.concatenate([[0.0], np.cumsum(weights[order])])
    ticks = np.floor(edges * (len(weights) / edges[-1]) + rng.random())
    return rng.permutation(np.repeat(order, np.diff(ticks).astype(int)))


def bucket_order(
    lengths: Int[np.ndarray, " N"], batch_size: int, bucket_batches: int, rng: np.random.Generator
) -> list[Int[np.ndarray, " B"]]:
    """Positions 0..N-1 in batches of like lengths: sorted within buckets of batches, batches shuffled."""
    bucket = batch_size * bucket_batches
    batches: list[np.ndarray] = []
    for start in range(0, len(lengths), bucket):
        part = np.arange(start, min(start + bucket, len(lengths)))
        part = part[np.argsort(lengths[part], kind="stable")]
        batches += [part[i : i + batch_size] for i in range(0, len(part), batch_size)]
    return [batches[i] for i in rng.permutation(len(batches))]


class MotionBatches:
    """Endless batches of motion: epoch after epoch, each step of each epoch known by its numbers alone."""

    def __init__(
        self,
        store: MotionStore,
        items: Sequence[Item],
        config: BatchConfig,
        stats: FeatureStats | None = None,
    ) -> None:
        """`items` are drawn from; `stats` normalise (the store's own by default).

        Raises:
            DataError: there are no items.
        """
        if not items:
            raise DataError(f"{store.folder}: there are no windows to draw batches from")
        self.config = config
        self._store, self._items, self._stats = store, list(items), stats or store.stats
        self._weights = item_weights(items, config.balance)

    @property
    def steps_per_epoch(self) -> int:
        """Batches of an epoch; as many windows are drawn as there are."""
        return -(-len(self._items) // self.config.batch_size)

    def epoch(self, epoch: int, first_step: int = 0) -> Iterator[MotionBatch]:
        """The batches of an epoch from a step on; the same for the same seed, epoch and step."""
        rng = np.random.default_rng([self.config.seed, epoch])
        drawn = draw_epoch(self._weights, rng)
        starts, lengths = self._crops(drawn, rng)
        for positions in bucket_order(lengths, self.config.batch_size, self.config.bucket_batches, rng)[
            first_step:
        ]:
            items = [self._items[drawn[p]] for p in positions]
            yield self._collate(items, starts[positions], lengths[positions])

    def from_step(self, step: int) -> Iterator[MotionBatch]:
        """Batches without end from a step of the whole training on."""
        epoch, first_step = divmod(step, self.steps_per_epoch)
        while True:
            yield from self.epoch(epoch, first_step)
            epoch, first_step = epoch + 1, 0

    def once(self) -> Iterator[MotionBatch]:
        """Every window once, whole, sorted by length: for validation."""
        lengths = np.array([item.num_frames for item in self._items])
        order = np.argsort(lengths, kind="stable")
        for start in range(0, len(order), self.config.batch_size):
            part = order[start : start + self.config.batch_size]
            yield self._collate([self._items[i] for i in part], np.zeros(len(part), int), lengths[part])

    def _crops(
        self, drawn: Int[np.ndarray, " N"], rng: np.random.Generator
    ) -> tuple[Int[np.ndarray, " N"], Int[np.ndarray, " N"]]:
        """First frame and number of frames of every window drawn."""
        whole = np.array([self._items[i].num_frames for i in drawn])
        shortest = np.minimum(self.config.crop_min, whole)
        cut = rng.integers(shortest, whole + 1)
        lengths = np.where(rng.random(len(drawn)) < self.config.crop, cut, whole)
        return rng.integers(0, whole - lengths + 1), lengths

    def _collate(
        self, items: Sequence[Item], starts: Int[np.ndarray, " B"], lengths: Int[np.ndarray, " B"]
    ) -> MotionBatch:
        longest = -(-int(lengths.max()) // self.config.pad_to) * self.config.pad_to
        batch = np.zeros((len(items), longest, FEATURE_DIM), np.float32)
        for row, (item, start, length) in enumerate(zip(items, starts, lengths, strict=True)):
            batch[row, :length] = self._stats.normalise(self._store.features(item)[start : start + length])
        return MotionBatch(batch, np.asarray(lengths), tuple(items))
