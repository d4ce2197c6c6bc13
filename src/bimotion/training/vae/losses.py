"""Losses, each a mean over clips of the mean over a clip's own frames, independent of padding.

Shapes: B batch, T frames, F feature columns (263), J joints, N latents, D latent width. Masks: True if valid.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from bimotion.errors import check_range
from bimotion.features.decode import features_to_joints
from bimotion.features.layout import CONTACT_JOINTS, CONTACTS, FEATURE_DIM, FPS, LOCAL_VEL, RIC, ROOT, ROT6D


@dataclass(frozen=True)
class VaeLossConfig:
    """Weights of the motion VAE's losses."""

    root_weight: float = 5.0
    """Feature loss of the root columns: turn, step and height."""
    position_weight: float = 1.5
    """Feature loss of the joint position columns."""
    rotation_weight: float = 0.5
    """Feature loss of the joint rotation columns."""
    velocity_weight: float = 0.5
    """Feature loss of the joint velocity columns."""
    contact_weight: float = 1.0
    """Feature loss of the foot contact columns."""
    joint_weight: float = 10.0
    """Distance of joints, seen from the root but in the world's orientation, metres."""
    path_weight: float = 2.0
    """Distance of the root in the world, metres."""
    joint_velocity_weight: float = 0.5
    """Difference of joint velocities in the world, metres a second."""
    slide_weight: float = 0.1
    """Speed of foot joints during recorded contact, metres per second."""
    kl_weight: float = 1e-4
    """Divergence of the latents from a standard normal distribution, mean over their values."""
    commitment_weight: float = 1.0
    """Distance of latents and the codes that they are rounded to, if latents are discrete."""

    def __post_init__(self) -> None:
        check_range(self, vars(self), 0)

    def column_weights(self) -> Float[Tensor, " F"]:
        """The feature loss's weight of each column."""
        weights = torch.ones(FEATURE_DIM)
        weights[ROOT] = self.root_weight
        weights[RIC] = self.position_weight
        weights[ROT6D] = self.rotation_weight
        weights[LOCAL_VEL] = self.velocity_weight
        weights[CONTACTS] = self.contact_weight
        return weights


def clip_mean(values: Float[Tensor, "B T"], mask: Bool[Tensor, "B T"]) -> Float[Tensor, ""]:
    """Mean over clips of the mean over each clip's valid frames; a clip without one counts as 0."""
    counts = mask.sum(1).clamp(min=1)
    return (values.masked_fill(~mask, 0.0).sum(1) / counts).mean()


def feature_loss(
    predicted: Float[Tensor, "B T F"],
    target: Float[Tensor, "B T F"],
    mask: Bool[Tensor, "B T"],
    column_weights: Float[Tensor, " F"],
) -> Float[Tensor, ""]:
    """Smooth L1 on normalised features, columns weighted."""
    errors = F.smooth_l1_loss(predicted, target, reduction="none") @ column_weights
    return clip_mean(errors / FEATURE_DIM, mask)


def kl_loss(mu: Float[Tensor, "B N D"], logvar: Float[Tensor, "B N D"]) -> Float[Tensor, ""]:
    """Divergence of N(mu, exp(logvar)) from N(0, 1), mean over all latent values."""
    return 0.5 * (mu.square() + logvar.exp() - 1 - logvar).mean()


def joint_losses(
    predicted: Float[Tensor, "B T F"], target: Float[Tensor, "B T F"], mask: Bool[Tensor, "B T"]
) -> dict[str, Float[Tensor, ""]]:
    """Distances in the world between the joints of two sets of features (not normalised).

    `joint`: joints seen from the root, metres; `path`: the root, metres; `joint_velocity`: metres a second;
    `slide`: speed of predicted foot joints during contact according to the target.
    """
    with torch.no_grad():
        expected = features_to_joints(target)
    joints = features_to_joints(predicted)
    steps = (joints[:, 1:] - joints[:, :-1]) * FPS
    expected_steps = (expected[:, 1:] - expected[:, :-1]) * FPS
    both = mask[:, 1:]  # a step has two frames, both valid
    difference = joints - expected
    contacts = target[:, :-1, CONTACTS] > 0.5
    slide = _norm(steps[:, :, list(CONTACT_JOINTS)]).masked_fill(~contacts, 0.0).sum(-1) / len(CONTACT_JOINTS)
    return {
        "joint": clip_mean(_norm(difference[:, :, 1:] - difference[:, :, :1]).mean(-1), mask),
        "path": clip_mean(_norm(difference[:, :, 0]), mask),
        "joint_velocity": clip_mean(_norm(steps - expected_steps).mean(-1), both),
        "slide": clip_mean(slide, both),
    }


def _norm(vectors: Float[Tensor, "*batch axes"]) -> Float[Tensor, "*batch"]:
    """Euclidean length, with a gradient of 0 at 0; 0.1 mm too long there."""
    return (vectors.square().sum(-1) + 1e-8).sqrt()
