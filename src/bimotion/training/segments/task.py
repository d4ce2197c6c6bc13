"""The segment model's training as the loop sees it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from bimotion.models.segment_language import SegmentLanguage
from bimotion.models.segment_weights import save_segments
from bimotion.training.language.prompt_cache import PromptCache
from bimotion.training.segments.objective import (
    PromptIds,
    SegmentBatches,
    SegmentLossConfig,
    SegmentObjective,
    batch_of,
)
from bimotion.training.segments.takes import Take, draw_run
from bimotion.training.task import Shard

VALIDATION_RUNS = 192
"""Runs of held-out takes that losses are measured on."""

CHUNK = 32
"""Batch size of validation."""


class SegmentTask:
    """The task of `run_loop` to train a segment model."""

    def __init__(
        self,
        model: SegmentLanguage,
        losses: SegmentLossConfig,
        train: tuple[Sequence[Take], np.ndarray],
        held_out: Sequence[Take],
        ids_of: PromptIds,
        prompts: PromptCache,
    ) -> None:
        """`train` are takes and how often each is drawn."""
        self.model, self.train, self.held_out, self.ids_of = model, train, held_out, ids_of
        self.module = SegmentObjective(model, losses, prompts)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Segments of a run, frames between their starts, and frames of each."""
        segment = self.model.config.segment
        return self.model.config.context + 1, segment.frames, segment.window

    def batches(self, batch_size: int, seed: int, shard: Shard) -> SegmentBatches:
        """The training batches of one process."""
        return SegmentBatches(*self.train, self.ids_of, self.shape, batch_size, seed, shard)

    def validate(self) -> dict[str, float]:
        """Mean losses over runs of held-out takes, with the same noise each time."""
        rng = np.random.default_rng(1)
        runs = [
            draw_run(self.held_out[row], *self.shape, rng)
            for row in rng.integers(len(self.held_out), size=VALIDATION_RUNS).tolist()
        ]
        sums: dict[str, float] = {}
        for first in range(0, len(runs), CHUNK):
            batch = batch_of(runs[first : first + CHUNK], self.ids_of)
            batch = batch.to(self.model.feature_mean.device)
            losses = self.module(batch, torch.Generator().manual_seed(first))
            for name, value in losses.items():
                sums[name] = sums.get(name, 0.0) + float(value) * len(batch.index) / len(runs)
        return sums

    def sample(self, folder: Path) -> None:
        """No samples are written: `python -m tools.embed_segments RUN` lets `bimotion compose` make them."""

    def export(self, folder: Path, step: int) -> None:
        """Write the model, in single precision so that training can continue from it."""
        save_segments(self.model, folder, torch.float32)
