"""Clips in memory, normalised, and padded batches of them.

Shapes: B batch, T frames, F feature columns (263).
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from bimotion.data.store import Item, MotionStore
from bimotion.features.normalise import FeatureStats
from bimotion.training.order import Draw
from bimotion.training.task import Shard


@dataclass(frozen=True)
class ClipBatch:
    """Normalised features with zeros from each length on."""

    features: Float[Tensor, "B T F"]
    """Normalised features."""
    lengths: Int[Tensor, " B"]
    """Frames of each clip."""
    shard: Shard
    """The rows of the batch of all processes that these are."""

    @property
    def mask(self) -> Bool[Tensor, "B T"]:
        """Which frames are valid."""
        return torch.arange(self.features.shape[1], device=self.lengths.device) < self.lengths[:, None]

    def to(self, device: torch.device) -> "ClipBatch":
        """The same on another device."""
        return ClipBatch(
            self.features.to(device, non_blocking=True),
            self.lengths.to(device, non_blocking=True),
            self.shard,
        )


class ClipPool:
    """The features of many windows, normalised, float32, in one array: a clip of 200 frames takes 0.2 MB."""

    def __init__(self, store: MotionStore, items: list[Item], stats: FeatureStats) -> None:
        self.items = items
        self.stats = stats
        self.offsets = np.concatenate(([0], np.cumsum([item.num_frames for item in items], dtype=np.int64)))
        columns = len(stats.mean)
        self.rows = torch.empty((int(self.offsets[-1]), columns))
        for item, offset in zip(items, self.offsets[:-1].tolist(), strict=True):
            self.rows[offset : offset + item.num_frames] = torch.from_numpy(
                stats.normalise(store.features(item))
            )

    def __len__(self) -> int:
        return len(self.items)

    def clip(self, index: int, start: int = 0, length: int | None = None) -> Float[Tensor, "T F"]:
        """The frames of one window, or of a piece of it; a view."""
        first = int(self.offsets[index]) + start
        return self.rows[first : first + length if length is not None else int(self.offsets[index + 1])]

    def drawn(self, draw: Draw) -> list[Float[Tensor, "_ F"]]:
        """The frames of the clips of a draw."""
        rows = zip(draw.indices.tolist(), draw.starts.tolist(), draw.lengths.tolist(), strict=True)
        return [self.clip(*row) for row in rows]

    def batch(self, clips: list[Float[Tensor, "_ F"]], shard: Shard | None = None) -> ClipBatch:
        """Clips padded with zeros to the longest of them."""
        features = torch.zeros((len(clips), max(map(len, clips)), self.rows.shape[1]))
        for row, clip in zip(features, clips, strict=True):
            row[: len(clip)] = clip
        return ClipBatch(features, torch.tensor([len(clip) for clip in clips]), shard or Shard())

    def by_length(self, batch_size: int) -> list[list[int]]:
        """All windows once, in batches of similar length."""
        order = sorted(range(len(self.items)), key=lambda index: self.items[index].num_frames)
        return [order[first : first + batch_size] for first in range(0, len(order), batch_size)]
