"""Axes of a motion's latents with the largest effect on the body, so that few values keep most of the motion.

Axes of largest variance are not suitable: latents with a large variance may have little effect, and the position on the
floor, which is summed over a clip, depends on small ones.

Shapes: I windows, B a batch of them, T frames, J joints, X values in a motion's latents, K axes.
"""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from bimotion.data.batches import item_weights
from bimotion.features import features_to_joints
from bimotion.models.vae import MotionVae
from bimotion.training.clips import ClipPool

PROBES = 1536
"""Most probes of windows' latents; half a minute of one core at the preset `tiny`."""

PROBES_PER_WINDOW = 16
"""Most probes of a window: few windows have few axes, for which few probes are enough."""

BATCH = 32
"""Windows probed at once."""

BALANCE = 0.5
"""Balance of contents, see `item_weights`."""

VELOCITY_WEIGHT, ROOT_WEIGHT = 3.0, 2.0
"""Weights of a metre per frame and of a metre of root displacement, relative to a metre of a joint about the root."""

RIDGE = 1e-3
"""Minimum weight of every direction, as a share of the mean."""

MIN_VARIANCE = 1e-4
"""Least variance by which the projections on an axis are divided, as a share of the first axis'."""


class LatentAxes(NamedTuple):
    """The axes on which the language model represents latents."""

    read: Float[Tensor, "K X"]
    """Projection of centred latents onto the axes."""
    write: Float[Tensor, "K X"]
    """Back projection from the axes to centred latents."""
    scale: Float[Tensor, "1 K"]
    """Divisors of the projections: the square root of each one's deviation over the windows, times a constant
    that makes their mean square 1. Divided by its own deviation, each axis would have the same weight as the first;
    without division, the first axis would dominate the loss."""


@torch.enable_grad()
def joint_metric(
    vae: MotionVae, pool: ClipPool, latents: Float[Tensor, "I N D"], seed: int = 0
) -> Float[Tensor, "X X"]:
    """Mean over windows of the squared joint movement caused by a small change of the latents: J'J.

    J is the derivative of a window's joints, velocities and path by its latents. Each window is probed with one
    random direction of the joints, for which a single backward pass gives a row whose square's mean is J'J.
    """
    generator = torch.Generator().manual_seed(seed)
    weights = torch.tensor(item_weights(pool.items, BALANCE), dtype=torch.float64)
    probes = min(PROBES, PROBES_PER_WINDOW * len(pool))
    rows = torch.multinomial(weights, probes, replacement=True, generator=generator)
    rows = rows[torch.tensor([pool.items[row].num_frames for row in rows.tolist()]).argsort()]
    device = next(vae.parameters()).device
    mean, std = (torch.tensor(part, device=device) for part in (pool.stats.mean, pool.stats.std))
    total = torch.zeros(latents[0].numel(), latents[0].numel(), dtype=torch.float64)
    for chunk in torch.split(rows, BATCH):
        lengths = torch.tensor([pool.items[row].num_frames for row in chunk.tolist()], device=device)
        z = latents[chunk].to(device, torch.float32).requires_grad_()
        joints = features_to_joints(vae.decode(z, lengths) * std + mean)
        (gradient,) = torch.autograd.grad(_probe(joints, lengths, generator), z)
        probed = gradient.flatten(1).double().cpu()
        total += probed.T @ probed
    return total / probes


def body_axes(
    latents: Float[Tensor, "I X"],
    metric: Float[Tensor, "X X"],
    rank: int,
    weights: Float[np.ndarray, " I"] | None = None,
) -> LatentAxes:
    """The `rank` axes on which the windows' latents differ most by the metric, the greatest first.

    Reading and writing a latent gives the nearest one, by the metric, that the axes can represent. `weights` are those
    of the windows; with equal weights the axes are those of the most frequent contents. With fewer windows than axes
    the rest do not vary; they are divided as if they had `MIN_VARIANCE` of the first one's variance.
    """
    full = latents.double()
    metric = metric + torch.eye(len(metric), dtype=torch.float64) * RIDGE * metric.diagonal().mean()
    strengths, directions = torch.linalg.eigh(metric)
    weigh = directions @ (strengths.sqrt()[:, None] * directions.T)
    unweigh = directions @ (strengths.rsqrt()[:, None] * directions.T)
    counted = None if weights is None else torch.from_numpy(np.asarray(weights, dtype=np.float64))
    variances, axes = torch.linalg.eigh(torch.cov((full @ weigh).T, correction=0, aweights=counted))
    axes = axes.flip(1)[:, :rank].T
    variances = variances.flip(0)[:rank]
    std = (
        variances.clamp(min=MIN_VARIANCE * float(variances[0])).sqrt()
        if variances[0] > 0
        else torch.ones(rank)
    )
    scale = (std * std.mean()).sqrt()
    return LatentAxes((axes @ weigh).float(), (axes @ unweigh).float(), scale.float()[None])


def _probe(
    joints: Float[Tensor, "B T J 3"], lengths: Int[Tensor, " B"], generator: torch.Generator
) -> Float[Tensor, ""]:
    """A random weighted sum of joints, velocities and paths, with deviation 1 for all values of a frame together."""
    frames = torch.arange(joints.shape[1], device=joints.device)
    inside = (frames < lengths[:, None]).float() / lengths[:, None].sqrt()

    def weighed(states: Float[Tensor, "B S *W"], share: Float[Tensor, "B S"]) -> Tensor:
        noise = torch.randn(states.shape, generator=generator).to(states.device)
        return (states.flatten(2) * noise.flatten(2)).sum(-1).mul(share).sum()

    about_root = joints - joints[:, :, :1]
    velocities = joints.diff(dim=1)
    return (
        weighed(about_root, inside)
        + VELOCITY_WEIGHT * weighed(velocities, inside[:, 1:])
        + ROOT_WEIGHT * weighed(joints[:, :, 0], inside)
    )
