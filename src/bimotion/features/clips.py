"""Clips to features and back, and the position of a clip in the world.

Legend: T frames, J = 22 joints, F = 263 feature columns.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from bimotion.errors import MotionFileError
from bimotion.features import features_to_joints, joints_to_features
from bimotion.features.clip_encoding import encode_clip
from bimotion.features.layout import FPS
from bimotion.motion.clip import Clip, heading


def clip_to_features(
    clip: Clip, skeleton: Float[np.ndarray, "J 3"] | None = None
) -> Float[np.ndarray, "T 263"]:
    """The clip's features at 20 frames per second, float32, not normalised: one row a step between two frames.

    Bone directions are kept, bone lengths become those of `skeleton` (offsets in metres; the left-right
    symmetric skeleton that data sets are prepared with, when not given).

    Raises:
        MotionFileError: the clip is shorter than two frames at 20 per second.
    """
    at_20 = clip if clip.fps == FPS else clip.resample(FPS)
    if len(at_20) < 2:
        where = f"{clip.name}: " if clip.name else ""
        raise MotionFileError(f"{where}expected at least 0.1 s of motion, got {clip.duration:.2f} s")
    if skeleton is None:
        return encode_clip(at_20.joints)
    return np.asarray(joints_to_features(at_20.joints, uniform_skeleton=skeleton), dtype=np.float32)


def features_to_clip(features: Float[np.ndarray, "T 263"], *, name: str = "", caption: str = "") -> Clip:
    """The clip that features describe: 20 frames per second, on the floor, over the origin, facing +Z."""
    joints = np.asarray(features_to_joints(features), dtype=np.float32)
    return Clip(joints=joints, fps=float(FPS), name=name, caption=caption)


@dataclass(frozen=True)
class FloorTransform:
    """Position and heading of a body on the floor: a turn about +Y, then a shift."""

    yaw: float
    """Angle about +Y from +Z to where the body faces, radians."""
    xz: tuple[float, float]
    """Position of the pelvis on the floor, metres."""
    floor: float = 0.0
    """Height of the floor, metres."""

    @classmethod
    def of(cls, joints: Float[np.ndarray, "J 3"], floor: float = 0.0) -> "FloorTransform":
        """The transform of one frame."""
        return cls(float(heading(joints[None])[0]), (float(joints[0, 0]), float(joints[0, 2])), floor)

    @classmethod
    def between(
        cls, source: Float[np.ndarray, "*points 3"], target: Float[np.ndarray, "*points 3"]
    ) -> "FloorTransform":
        """The turn about +Y and shift along the floor that bring points nearest to their targets (least squares)."""
        a, b = source.reshape(-1, 3)[:, [0, 2]], target.reshape(-1, 3)[:, [0, 2]]
        mean_a, mean_b = a.mean(0), b.mean(0)
        p, q = a - mean_a, b - mean_b
        yaw = float(np.arctan2((p[:, 1] * q[:, 0] - p[:, 0] * q[:, 1]).sum(), (p * q).sum()))
        cos, sin = np.cos(yaw), np.sin(yaw)
        x, z = mean_a
        return cls(yaw, (float(mean_b[0] - (x * cos + z * sin)), float(mean_b[1] - (z * cos - x * sin))))

    def to_world(self, joints: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch 3"]:
        """Positions relative to this placement, in the world."""
        cos, sin = np.cos(self.yaw), np.sin(self.yaw)
        x, y, z = joints[..., 0], joints[..., 1], joints[..., 2]
        world = np.stack(
            [x * cos + z * sin + self.xz[0], y + self.floor, z * cos - x * sin + self.xz[1]], axis=-1
        )
        return world.astype(joints.dtype)

    def to_local(self, joints: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch 3"]:
        """Positions in the world, relative to this placement; the inverse of `to_world`."""
        cos, sin = np.cos(self.yaw), np.sin(self.yaw)
        x, y, z = joints[..., 0] - self.xz[0], joints[..., 1] - self.floor, joints[..., 2] - self.xz[1]
        return np.stack([x * cos - z * sin, y, z * cos + x * sin], axis=-1).astype(joints.dtype)
