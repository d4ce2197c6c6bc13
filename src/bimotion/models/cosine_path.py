"""A linear way from a clip to its latents and back, around the motion VAE's transformer.

A clip's features are projected onto a few axes, their course over time onto the first cosines of the clip's own
length, and these coefficients onto the latents. Fitted in closed form it is the best linear autoencoder of its
kind; the transformer adds what is not linear.

Shapes: B batch, T frames, F feature columns, I clips, P pose axes, K cosines, N latents, D latent width, X = N * D.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from bimotion.models.linear import Linear

START_LOGVAR = -4.0
"""Initial log variance of the latents: low noise relative to latents of unit deviation."""

MIN_VARIANCE = 1e-6
"""Share of the largest variance below which a principal axis counts as constant."""


class CosinePath(nn.Module):
    """A linear autoencoder: principal axes of poses, cosines over time, principal axes of their coefficients.

    Coefficients are those of the orthonormal cosine transform (DCT-II) divided by the square root of the length, so
    that clips of all lengths have coefficients of similar size.
    """

    def __init__(
        self, feature_dim: int, pose_axes: int, cosines: int, num_latents: int, latent_dim: int
    ) -> None:
        super().__init__()
        self.cosines, self.latent_shape = cosines, (num_latents, latent_dim)
        latent_values = num_latents * latent_dim
        self.analyse = Linear(feature_dim, pose_axes, bias=False)
        self.reduce = Linear(cosines * pose_axes, latent_values)
        self.expand = Linear(latent_values, cosines * pose_axes)
        self.synthesise = Linear(pose_axes, feature_dim, bias=False)
        self.logvar = nn.Parameter(torch.full((num_latents, latent_dim), START_LOGVAR))

    def encode(self, features: Float[Tensor, "B T F"], lengths: Int[Tensor, " B"]) -> Float[Tensor, "B N D"]:
        """Latents of clips; frames from each length on are ignored."""
        table = cosine_table(lengths, features.shape[1], self.cosines).to(features.dtype)
        coefficients = (table / lengths[:, None, None]) @ self.analyse(features)
        latents: Tensor = self.reduce(coefficients.flatten(1))
        return latents.view(-1, *self.latent_shape)

    def decode(
        self, z: Float[Tensor, "B N D"], lengths: Int[Tensor, " B"], frames: int
    ) -> Float[Tensor, "B T F"]:
        """Features of clips of the given lengths; zeros from each length on."""
        coefficients = self.expand(z.flatten(1)).view(z.shape[0], self.cosines, -1)
        table = cosine_table(lengths, frames, self.cosines).to(z.dtype)
        features: Tensor = self.synthesise(table.transpose(1, 2) @ coefficients)
        return features

    @torch.no_grad()
    def fit(
        self,
        clips: Sequence[Float[Tensor, "_ F"]],
        column_weights: Float[Tensor, " F"] | None = None,
        clip_weights: Float[Tensor, " I"] | None = None,
    ) -> None:
        """Set the weights to the principal axes of the frames of `clips`, then of the coefficients of whole clips.

        Latents come out with zero mean and unit deviation, the axes of greatest variance first; latents beyond the
        rank of the clips are always zero. Columns, and clips, of greater weight are reconstructed more exactly.
        Takes at least one clip of normalised features.
        """
        weights = torch.ones(clips[0].shape[1]) if column_weights is None else column_weights
        shares = torch.ones(len(clips)) if clip_weights is None else clip_weights.float().cpu()
        shares = shares / shares.sum()
        rows = torch.cat(list(clips)).cpu() * weights
        frame_shares = shares.repeat_interleave(torch.tensor([len(clip) for clip in clips]))
        frame_shares = frame_shares / frame_shares.sum()
        axes = _principal_axes(rows.T @ (rows * frame_shares[:, None]), self.analyse.out_features)[0]
        self.analyse.weight.copy_(axes * weights)
        self.synthesise.weight.copy_((axes / weights).T)
        device = self.analyse.weight.device
        coefficients = torch.cat([self._coefficients(clip.to(device)) for clip in clips]).cpu()
        mean = shares @ coefficients
        centred = coefficients - mean
        axes, variances = _principal_axes(centred.T @ (centred * shares[:, None]), self.reduce.out_features)
        deviations = variances.clamp(min=0).sqrt()
        # Axes without variance carry nothing: dividing by their deviation would amplify rounding errors, and the
        # values of held-out clips, without bound.
        scales = torch.where(variances > MIN_VARIANCE * variances[0], 1 / deviations, 0.0)
        self.reduce.weight.copy_(axes * scales[:, None])
        self.reduce.bias.copy_(-(axes * scales[:, None]) @ mean)
        self.expand.weight.copy_((axes * deviations[:, None]).T)
        self.expand.bias.copy_(mean)

    def _coefficients(self, clip: Float[Tensor, "T F"]) -> Float[Tensor, "1 KP"]:
        lengths = torch.tensor([len(clip)], device=clip.device)
        table = cosine_table(lengths, len(clip), self.cosines) / len(clip)
        projected: Tensor = self.analyse(clip[None])
        return (table @ projected).flatten(1)


def cosine_table(lengths: Int[Tensor, " B"], frames: int, cosines: int) -> Float[Tensor, "B K T"]:
    """Cosines over each clip's own length, each of unit mean square; zeros beyond the length.

    A clip with fewer frames than cosines uses only as many cosines as frames.
    """
    time = torch.arange(frames, device=lengths.device, dtype=torch.float32)
    order = torch.arange(cosines, device=lengths.device, dtype=torch.float32)[:, None]
    length = lengths[:, None, None]
    scale = torch.where(order > 0, math.sqrt(2), 1.0)
    table = scale * torch.cos(math.pi * order * (time + 0.5) / length)
    return table.masked_fill((time >= length) | (order >= length), 0.0)


def _principal_axes(
    covariance: Float[Tensor, "X X"], count: int
) -> tuple[Float[Tensor, "count X"], Float[Tensor, " count"]]:
    """The `count` axes of largest variance, largest first, each with its largest component positive."""
    variances, axes = np.linalg.eigh(covariance.double().numpy())
    kept = axes.T[::-1][:count]
    signs = np.sign(kept[np.arange(len(kept)), np.abs(kept).argmax(1)])
    return torch.from_numpy(kept * signs[:, None]).float(), torch.from_numpy(
        variances[::-1][:count].copy()
    ).float()
