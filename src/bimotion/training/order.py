"""Order of training clips: balanced, bucketed by length, and resumable at any position."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic

import numpy as np
from jaxtyping import Int

from bimotion.data.batches import bucket_order, draw_epoch, item_weights
from bimotion.data.store import Item
from bimotion.errors import DataError, check_range
from bimotion.training.task import AnyBatch, Shard


@dataclass(frozen=True)
class OrderConfig:
    """Sampling and cropping of clips."""

    balance: float = 0.5
    """A content group of n clips counts n ** (1 - balance): 0 draws clips equally, 1 groups equally."""
    crop_probability: float = 0.25
    """Share of clips that are cropped at random."""
    min_frames: int = 20
    """Frames of the shortest crop."""
    bucket_batches: int = 24
    """Batches whose clips are sorted by length as a group."""

    def __post_init__(self) -> None:
        check_range(self, ("balance", "crop_probability"), 0, 1)
        check_range(self, ("min_frames", "bucket_batches"), 1)


@dataclass(frozen=True)
class Draw:
    """The clips of one batch: indices, first frames, lengths, and seeds for further choices."""

    indices: Int[np.ndarray, " B"]
    """Indices of the clips."""
    starts: Int[np.ndarray, " B"]
    """First frame of each."""
    lengths: Int[np.ndarray, " B"]
    """Frames of each."""
    seeds: Int[np.ndarray, " B"]
    """A seed for each clip, for all further random choices."""


class BatchOrder:
    """Endless sampling. The position is an epoch and a batch in it; an epoch's order depends only on its number.

    An epoch has as many draws as there are clips, minus those that do not fill a batch of clips of similar length.
    """

    def __init__(
        self, items: Sequence[Item], config: OrderConfig, *, batch_size: int, seed: int, shard: Shard
    ) -> None:
        if not items:
            raise DataError("no clips to train on: the data set's training split is empty for this stage")
        self.lengths = np.array([item.num_frames for item in items], dtype=np.int64)
        self.weights = item_weights(items, config.balance)
        self.config, self.seed, self.shard = config, seed, shard
        self.rows = batch_size * shard.world
        self.epoch, self.index = 0, 0
        self._draws: list[Draw] = []
        self._drawn = -1

    def next(self) -> Draw:
        """The next batch's clips, this process's share of them."""
        if self._drawn != self.epoch:
            self._draws, self._drawn = self._epoch(self.epoch), self.epoch
        draw = self._draws[self.index]
        self.index += 1
        if self.index == len(self._draws):
            self.epoch, self.index = self.epoch + 1, 0
        mine = slice(self.shard.rank, None, self.shard.world)
        return Draw(draw.indices[mine], draw.starts[mine], draw.lengths[mine], draw.seeds[mine])

    def state(self) -> dict[str, Any]:
        """The position in the order."""
        return {"epoch": self.epoch, "place": self.index}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue at a position that `state` returned."""
        epoch, index = state["epoch"], state["place"]
        draws = self._epoch(epoch)
        if not 0 <= index < len(draws):
            raise DataError(f"position {index} in an epoch of {len(draws)} batches")
        self.epoch, self.index, self._draws, self._drawn = epoch, index, draws, epoch

    def _epoch(self, epoch: int) -> list[Draw]:
        rng = np.random.default_rng((self.seed, epoch))
        indices = draw_epoch(self.weights, rng)
        if len(indices) < self.rows:
            indices = np.resize(indices, self.rows)
        indices = indices[: len(indices) // self.rows * self.rows]
        whole = self.lengths[indices]
        cut = rng.integers(np.minimum(whole, self.config.min_frames), whole + 1)
        lengths = np.where(rng.random(len(indices)) < self.config.crop_probability, cut, whole)
        starts = rng.integers(0, whole - lengths + 1)
        seeds = rng.integers(0, 2**31, len(indices))
        batches = bucket_order(lengths, self.rows, self.config.bucket_batches, rng)
        return [Draw(indices[rows], starts[rows], lengths[rows], seeds[rows]) for rows in batches]


class OrderedBatches(Generic[AnyBatch]):
    """Endless batches that `make` builds from the draws of an order."""

    def __init__(self, order: BatchOrder, make: Callable[[Draw], AnyBatch]) -> None:
        self.order, self.make = order, make

    def next(self) -> AnyBatch:
        """The next batch of this process."""
        return self.make(self.order.next())

    def state(self) -> dict[str, Any]:
        """The position in the order."""
        return self.order.state()

    def restore(self, state: dict[str, Any]) -> None:
        """Continue at a position that `state` returned."""
        self.order.restore(state)
