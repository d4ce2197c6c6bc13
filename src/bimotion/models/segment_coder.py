"""Segments: two seconds of motion as one latent, and what of a latent the one before does not determine.

A segment covers `frames` new frames and `overlap` more, which the next one covers again; decoded segments are faded
into each other there. Its latent is that of a linear path of cosines. Where a segment follows another one, the latent
is represented by its difference from a linear prediction (the innovation), on the axes along which differences are
largest: what the end of the one before determines is not drawn again, so that segments meet.

Shapes: B segments, T frames, W = frames + overlap, F feature columns, X values of a latent, R of an innovation.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from bimotion.errors import ConfigError
from bimotion.models.cosine_path import CosinePath
from bimotion.models.limits import check_sizes

RIDGE = 1e-3
"""Added to the variances of the prediction's input, which are about 1."""


@dataclass(frozen=True)
class SegmentConfig:
    """The size of a segment and of its latent."""

    feature_dim: int = 263
    """Columns of a frame's features."""
    frames: int = 40
    """Frames from the start of a segment to that of the next one."""
    overlap: int = 12
    """Frames that a segment shares with the next one."""
    cosines: int = 26
    """Cosines over the time of a segment."""
    pose_axes: int = 96
    """Principal axes of a frame's features."""
    values: int = 160
    """Values of a latent."""
    rank: int = 128
    """Values of an innovation, those with the largest effect."""

    def __post_init__(self) -> None:
        check_sizes(
            self, "segment", "feature_dim", "frames", "overlap", "cosines", "pose_axes", "values", "rank"
        )
        if not self.overlap < self.frames:
            raise ConfigError(f"segment overlap must lie below frames, got {self.overlap} and {self.frames}")
        if not self.rank <= self.values <= self.cosines * self.pose_axes:
            raise ConfigError(
                f"segment rank <= values <= cosines * pose_axes must hold, got {self.rank}, {self.values} and "
                f"{self.cosines} * {self.pose_axes}"
            )

    @property
    def window(self) -> int:
        """W, all frames of a segment."""
        return self.frames + self.overlap


class SegmentCoder(nn.Module):
    """Features of segments to latents and innovations, and back; all linear, fitted in closed form."""

    prediction: Tensor
    axes: Tensor
    axes_back: Tensor
    scale: Tensor
    start_scale: Tensor

    def __init__(self, config: SegmentConfig) -> None:
        super().__init__()
        self.config = config
        self.path = CosinePath(config.feature_dim, config.pose_axes, config.cosines, 1, config.values)
        values, rank = config.values, config.rank
        self.register_buffer("prediction", torch.zeros(values, values))
        self.register_buffer("axes", torch.eye(rank, values))
        self.register_buffer("axes_back", torch.eye(rank, values))
        self.register_buffer("scale", torch.ones(rank))
        self.register_buffer("start_scale", torch.ones(rank))

    def encode(self, features: Float[Tensor, "B W F"]) -> Float[Tensor, "B X"]:
        """Latents, of about zero mean and unit deviation, of normalised features."""
        latents: Tensor = self.path.encode(features, self._lengths(len(features), features.device))
        return latents[:, 0]

    def decode(self, latents: Float[Tensor, "B X"]) -> Float[Tensor, "B W F"]:
        """Normalised features of latents."""
        lengths = self._lengths(len(latents), latents.device)
        return self.path.decode(latents[:, None], lengths, self.config.window)

    def innovation(
        self, latents: Float[Tensor, "B X"], before: Float[Tensor, "B X"], first: Bool[Tensor, " B"]
    ) -> Float[Tensor, "B R"]:
        """What latents add to the prediction from the segments before; where `first`, there is none before."""
        known = (before @ self.prediction.T).masked_fill(first[:, None], 0.0)
        return (latents - known) @ self.axes.T / self._scale(first)

    def latent(
        self, innovation: Float[Tensor, "B R"], before: Float[Tensor, "B X"], first: Bool[Tensor, " B"]
    ) -> Float[Tensor, "B X"]:
        """The inverse of `innovation`, on the axes that it keeps."""
        known = (before @ self.prediction.T).masked_fill(first[:, None], 0.0)
        return known + (innovation * self._scale(first)) @ self.axes_back

    @property
    def deviations(self) -> Float[Tensor, " R"]:
        """Deviation of each value of an innovation."""
        return self.scale / self.scale.square().mean().sqrt()

    def split(self, features: Float[Tensor, "T F"]) -> Float[Tensor, "B W F"]:
        """All segments of a motion, its last frame repeated where it ends inside of one."""
        config = self.config
        count = max(1, -(-(len(features) - config.overlap) // config.frames))
        missing = (count - 1) * config.frames + config.window - len(features)
        if missing > 0:
            features = torch.cat((features, features[-1:].expand(missing, -1)))
        return features.unfold(0, config.window, config.frames)[:count].transpose(1, 2)

    def join(self, segments: Float[Tensor, "B W F"]) -> Float[Tensor, "T F"]:
        """Segments that follow each other as one motion, faded into each other where they overlap."""
        config = self.config
        rise = fade(config.overlap).to(segments.device, segments.dtype)[:, None]
        joined = [segments[0, : config.frames]]
        for before, after in zip(segments, segments[1:], strict=False):
            shared = before[config.frames :] * (1 - rise) + after[: config.overlap] * rise
            joined += [shared, after[config.overlap : config.frames]]
        return torch.cat((*joined, segments[-1, config.frames :]))

    @torch.no_grad()
    def fit(
        self,
        segments: Sequence[Float[Tensor, "W F"]],
        pairs: tuple[Float[Tensor, "I W F"], Float[Tensor, "I W F"]],
        column_weights: Float[Tensor, " F"],
    ) -> None:
        """Fit the path to `segments`, and the prediction to `pairs` of a segment and the next one."""
        self.path.fit(segments, column_weights)
        before, after = (self.encode(part).double() for part in pairs)
        moments = before.T @ before / len(before) + RIDGE * torch.eye(before.shape[1], dtype=torch.float64)
        prediction = torch.linalg.solve(moments, before.T @ after / len(before)).T
        rest = after - before @ prediction.T
        # The columns of `expand` are orthogonal; their lengths are what a value adds to the weighted features.
        effect = self.path.expand.weight.double().norm(dim=0).clamp(min=1e-6)
        variances, axes = torch.linalg.eigh((rest * effect).T @ (rest * effect) / len(rest))
        axes = axes.flip(1)[:, : self.config.rank].T
        deviations = variances.flip(0)[: self.config.rank].clamp(min=0).sqrt()
        deviations = deviations.clamp(min=1e-3 * float(deviations[0]) + 1e-9)
        # Divided by its own deviation, each axis would count as much as the first one.
        scale = (deviations * deviations.mean()).sqrt()
        starts = ((after * effect) @ axes.T).std(0).clamp(min=1e-9)
        self.prediction.copy_(prediction)
        self.axes.copy_(axes * effect)
        self.axes_back.copy_(axes / effect)
        self.scale.copy_(scale)
        self.start_scale.copy_(starts * (scale / deviations))

    def _scale(self, first: Bool[Tensor, " B"]) -> Float[Tensor, "B R"]:
        return torch.where(first[:, None], self.start_scale, self.scale)

    def _lengths(self, count: int, device: torch.device) -> Tensor:
        return torch.full((count,), self.config.window, device=device)


def fade(frames: int) -> Float[Tensor, " frames"]:
    """Weights of the later one of two motions over the frames that they share."""
    time = torch.linspace(0, 1, frames + 2)[1:-1]
    return time * time * (3 - 2 * time)
