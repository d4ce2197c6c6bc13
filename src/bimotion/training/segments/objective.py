"""The segment model with its losses, and the batches that it is trained with.

Shapes: B runs, K segments of each, W frames of a segment, F feature columns, X values of a latent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from bimotion.errors import check_range
from bimotion.features.layout import FPS
from bimotion.models.segment_language import Phrases, SegmentLanguage
from bimotion.training.language.prompt_cache import PromptCache
from bimotion.training.segments.takes import Run, Take, draw_run
from bimotion.training.task import Shard


@dataclass(frozen=True)
class SegmentLossConfig:
    """What is withheld and disturbed in training, and the weight of the length loss."""

    drop_text: float = 0.12
    """Share of segments that are denoised without their phrase, for guidance."""
    drop_time: float = 0.2
    """Share of segments whose remaining time is unknown; they train the length network."""
    context_noise: float = 0.15
    """Largest deviation of the noise on earlier segments, against drift."""
    length_weight: float = 0.05
    """Weight of the cross entropy of remaining lengths."""

    def __post_init__(self) -> None:
        check_range(self, ("drop_text", "drop_time"), 0, 1)
        check_range(self, ("context_noise", "length_weight"), 0)


@dataclass(frozen=True)
class SegmentBatch:
    """The runs of a step, padded to the longest with repeated segments."""

    segments: Float[Tensor, "B K W F"]
    """Normalised features."""
    valid: Bool[Tensor, "B K"]
    """Which segments are there."""
    prompts: tuple[tuple[int, ...], ...]
    """Token ids of the different phrases."""
    index: Int[Tensor, "B K"]
    """The phrase of each segment; -1: none."""
    elapsed: Float[Tensor, "B K"]
    """Seconds since the phrase began."""
    remaining: Float[Tensor, "B K"]
    """Seconds until the phrase ends."""
    shard: Shard
    """The rows of the batch of all processes that these are."""

    def to(self, device: torch.device) -> "SegmentBatch":
        """The same on another device."""
        moved = SegmentBatch(**vars(self))
        for name, value in vars(self).items():
            if isinstance(value, Tensor):
                object.__setattr__(moved, name, value.to(device, non_blocking=True))
        return moved


def batch_of(runs: Sequence[Run], ids_of: "PromptIds", shard: Shard | None = None) -> SegmentBatch:
    """Some runs as a batch, on the CPU."""
    count = max(len(run.texts) for run in runs)
    order: dict[tuple[int, ...], int] = {}
    index = torch.full((len(runs), count), -1)
    times = torch.zeros(2, len(runs), count)
    segments = torch.zeros(len(runs), count, *runs[0].segments.shape[1:])
    valid = torch.zeros(len(runs), count, dtype=torch.bool)
    for row, run in enumerate(runs):
        length = len(run.texts)
        segments[row, :length], segments[row, length:] = run.segments, run.segments[-1]
        valid[row, :length] = True
        times[:, row, :length] = torch.tensor([run.elapsed, run.remaining]) / FPS
        for column, text in enumerate(run.texts):
            if text:
                index[row, column] = order.setdefault(ids_of(text), len(order))
    prompts = tuple(order) or (ids_of("a person moves"),)
    return SegmentBatch(segments, valid, prompts, index, times[0], times[1], shard or Shard())


class PromptIds:
    """Token ids of phrases, each computed once."""

    def __init__(self, ids_of: Any) -> None:
        self._ids_of = ids_of
        self._known: dict[str, tuple[int, ...]] = {}

    def __call__(self, text: str) -> tuple[int, ...]:
        """The ids of a phrase."""
        if text not in self._known:
            self._known[text] = tuple(self._ids_of(text))
        return self._known[text]


class SegmentBatches:
    """Endless batches; the position is the number of the step."""

    def __init__(
        self,
        takes: Sequence[Take],
        weights: Float[np.ndarray, " takes"],
        ids_of: PromptIds,
        shape: tuple[int, int, int],
        batch_size: int,
        seed: int,
        shard: Shard,
    ) -> None:
        """`shape`: segments of a run, frames between their starts, and frames of each."""
        self.takes, self.ids_of, self.shape = takes, ids_of, shape
        self.shares = np.asarray(weights, dtype=np.float64) / np.sum(weights)
        self.batch_size, self.seed, self.shard, self.step = batch_size, seed, shard, 0

    def next(self) -> SegmentBatch:
        """The next batch of this process."""
        rng = np.random.default_rng((self.seed, self.step, self.shard.rank))
        chosen = rng.choice(len(self.takes), self.batch_size, p=self.shares)
        runs = [draw_run(self.takes[row], *self.shape, rng) for row in chosen.tolist()]
        self.step += 1
        return batch_of(runs, self.ids_of, self.shard)

    def state(self) -> dict[str, Any]:
        """The position in the order."""
        return {"step": self.step}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue at a position that `state` returned."""
        self.step = int(state["step"])


class SegmentObjective(nn.Module):
    """A forward pass returns the loss of a step."""

    def __init__(self, model: SegmentLanguage, losses: SegmentLossConfig, prompts: PromptCache) -> None:
        super().__init__()
        self.model, self.losses, self.prompts = model, losses, prompts
        for parameter in model.coder.parameters():
            parameter.requires_grad_(False)

    def forward(self, batch: SegmentBatch, noise: torch.Generator) -> dict[str, Float[Tensor, ""]]:
        """The weighted sum `loss` and its unweighted parts: diffusion and length."""
        generator = torch.Generator().manual_seed(noise.initial_seed() * batch.shard.world + batch.shard.rank)
        model, losses = self.model, self.losses
        size, count = batch.index.shape
        device = batch.index.device

        def drawn(*shape: int) -> Tensor:
            return torch.rand(*shape, generator=generator).to(device)

        with torch.no_grad():
            latents = model.coder.encode(batch.segments.flatten(0, 1)).view(size, count, -1)
            level = losses.context_noise * drawn(size, 1, 1)
            eps = torch.randn(latents[:, :-1].shape, generator=generator).to(device)
            context = latents[:, :-1] + level * eps
            before = torch.cat((torch.zeros_like(latents[:, :1]), context), dim=1)
            first = (torch.arange(count, device=device) == 0).expand(size, -1)
            target = model.coder.innovation(latents.flatten(0, 1), before.flatten(0, 1), first.flatten())
        silent = (drawn(size, count) < losses.drop_text) | (batch.index < 0)
        untimed = drawn(size, count) < losses.drop_time
        text = self.prompts.mixture.text
        if text.embedding.weight.device != batch.index.device:
            self.prompts.mixture.to(
                batch.index.device
            )  # no part of the module, as it is neither trained nor stored
        phrases = Phrases(
            self.prompts.prefix(batch.prompts),
            batch.index.masked_fill(silent, -1),
            batch.elapsed,
            batch.remaining.masked_fill(untimed, torch.nan),
        )
        states = model.states(phrases, context if count > 1 else None)
        valid = batch.valid
        diffusion = model.head.loss(target.view(size, count, -1)[valid][:, None], states[valid], generator)
        timed = untimed & ~silent & valid
        length = diffusion.new_zeros(())
        if timed.any():
            length = model.length_loss(states[timed], (batch.remaining[timed] * FPS).round().long())
        return {
            "loss": diffusion + losses.length_weight * length,
            "diffusion": diffusion,
            "length": length,
        }
