"""Constraints on a generated motion, as residuals of its features that guidance makes small.

Legend: T frames, K constrained frames, C = 67 columns of the body (root and joint positions), J = 22 joints,
R residuals. Features are not normalised; the motion starts over the origin and faces +Z.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from bimotion.features import features_to_joints, features_to_root
from bimotion.features.layout import FEATURE_DIM, RIC, ROOT
from bimotion.inference.postprocess.bones import uniform_body, with_bones
from bimotion.motion.skeleton import NUM_JOINTS

BODY = slice(ROOT.start, RIC.stop)
"""Columns that a motion is rebuilt from: root and joint positions."""

BODY_COLUMNS = BODY.stop - BODY.start

VELOCITY_COLUMNS = 3
"""Leading columns, which hold the turn and the step to the next frame."""

OVERLAP = 10
"""Frames at 20 per second that the motion of a phrase shares with the one before: half a second."""

OVERLAP_WEIGHT = 0.03
"""Weight of the overlap's errors in guidance: with more the motion of the next phrase shows less of its own sentence
(top-3 of 32 0.38 instead of 0.46 at 0.1, 0.25 at 0.3; docs/long-motion.md)."""

TURN_TOLERANCE, STEP_TOLERANCE, POSITION_TOLERANCE = 0.01, 0.006, 0.02
"""Errors that count as one: half radians and metres a frame, metres."""


@runtime_checkable
class Constraint(Protocol):
    """A requirement on a motion."""

    def residuals(self, body: Float[Tensor, "*batch T 67"]) -> Float[Tensor, "*batch R"]:
        """Errors in units of the tolerance; smooth in the features."""


def tolerances() -> Float[Tensor, " 67"]:
    """Error that counts as one, for each column of the body."""
    values = torch.full((BODY_COLUMNS,), POSITION_TOLERANCE)
    values[0], values[1:VELOCITY_COLUMNS] = TURN_TOLERANCE, STEP_TOLERANCE
    return values


def body_of(features: Float[np.ndarray, "T 263"]) -> Float[Tensor, "T 67"]:
    """The columns of the body."""
    return torch.from_numpy(np.ascontiguousarray(features[:, BODY], dtype=np.float32))


@dataclass(frozen=True)
class KnownFrames:
    """Frames whose features are known, such as the end of the motion before."""

    start: int
    """First of the frames; negative: counted from the end."""
    body: Float[Tensor, "K 67"]
    """Their columns."""
    weights: Float[Tensor, " K"]
    """How much each frame counts."""
    velocities: bool = True
    """Whether turn and step to the next frame are known as well."""

    def residuals(self, body: Float[Tensor, "*batch T 67"]) -> Float[Tensor, "*batch R"]:
        """Differences of the frames."""
        start = self.start % body.shape[-2]
        error = (body[..., start : start + len(self.body), :] - self.body) / tolerances()
        error = error * self.weights[:, None]
        return error[..., 0 if self.velocities else VELOCITY_COLUMNS :].flatten(-2)


def overlap_constraint(features: Float[np.ndarray, "K 263"], start: int = 0) -> KnownFrames:
    """Requires the frames from `start` on to equal these."""
    return KnownFrames(start, body_of(features), torch.full((len(features),), OVERLAP_WEIGHT))


@dataclass(frozen=True)
class Loop:
    """The last frames equal the first ones in pose, speed and turning."""

    frames: int
    """Number of frames."""

    def residuals(self, body: Float[Tensor, "*batch T 67"]) -> Float[Tensor, "*batch R"]:
        """Differences between the last and the first frames."""
        gap = body[..., -self.frames :, :] - body[..., : self.frames, :]
        return (gap / tolerances()).flatten(-2)


@dataclass(frozen=True)
class Waypoints:
    """Positions on the floor, and headings, at some frames."""

    frames: tuple[int, ...]
    """The frames."""
    xz: Float[Tensor, "K 2"]
    """Where the pelvis is, metres."""
    tolerance: Float[Tensor, " K"]
    """Distance that counts as an error of one, metres."""
    yaw: Float[Tensor, " K"] | None = None
    """Where the body faces, radians about +Y from +Z, without jumps at a whole turn; None: free."""
    yaw_tolerance: float = 0.2
    """Angle that counts as an error of one, radians."""

    def residuals(self, body: Float[Tensor, "*batch T 67"]) -> Float[Tensor, "*batch R"]:
        """Distances along both axes, then differences of heading."""
        rows = list(self.frames)
        yaw, xz = features_to_root(_padded(body))
        error = ((xz[..., rows, :] - self.xz) / self.tolerance[:, None]).flatten(-2)
        if self.yaw is None:
            return error
        return torch.cat((error, (yaw[..., rows] - self.yaw) / self.yaw_tolerance), -1)


@dataclass(frozen=True)
class JointTargets:
    """Positions of joints in the world at some frames, on a body with rigid bones: in features they stretch."""

    frames: tuple[int, ...]
    """The frames."""
    joints: tuple[int, ...]
    """The joint at each."""
    positions: Float[Tensor, "K 3"]
    """Where it is, metres."""
    tolerance: float = 0.01
    """Distance that counts as an error of one, metres."""

    def residuals(self, body: Float[Tensor, "*batch T 67"]) -> Float[Tensor, "*batch R"]:
        """Distances along the axes."""
        joints = features_to_joints(_padded(body))[..., list(self.frames), :, :]
        rigid = with_bones(joints.reshape(-1, NUM_JOINTS, 3).numpy(), uniform_body())
        body_joints = torch.from_numpy(rigid).view_as(joints)
        reached = torch.stack([body_joints[..., row, joint, :] for row, joint in enumerate(self.joints)], -2)
        return ((reached - self.positions) / self.tolerance).flatten(-2)


@dataclass(frozen=True)
class All:
    """Several constraints at once."""

    constraints: Sequence[Constraint]
    """The constraints."""

    def residuals(self, body: Float[Tensor, "*batch T 67"]) -> Float[Tensor, "*batch R"]:
        """The residuals of all."""
        return torch.cat([each.residuals(body) for each in self.constraints], -1)


def _padded(body: Float[Tensor, "*batch T 67"]) -> Float[Tensor, "*batch T 263"]:
    return F.pad(body, (BODY.start, FEATURE_DIM - BODY.stop))
