"""Quality of a motion, measured without a network: foot skating, floor contact, jitter, bone lengths.

Motions are not moved onto the floor, which is y = 0. `bimotion evaluate`,
`bimotion info`, model cards and training metrics all use `motion_quality`.

Legend: T frames, J = 22 joints; metres, Y up.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Bool, Float

from bimotion.errors import MotionFileError
from bimotion.motion.clip import Clip
from bimotion.motion.filters import mean_filter
from bimotion.motion.skeleton import PARENTS, joint_indices

QUALITY_FPS = 20
"""Frame rate at which `motion_quality` measures: frame differences are comparable at one rate only."""

MIN_QUALITY_FRAMES = 4
"""Shortest motion that is measured, in frames at `QUALITY_FPS`: jitter is a third difference."""

FEET = joint_indices("left_foot", "right_foot")
"""The balls of the feet."""

CONTACT_HEIGHT = 0.05
"""A foot is in contact while it is below this height, metres. A foot below the floor is in contact too."""

SKATING_SPEED = 0.5
"""A foot in contact skates while it moves faster than this along the floor: 2.5 cm a frame at 20 per second."""

SKATING_WINDOW = 0.25
"""Seconds over which the mean speed of a skating foot must exceed `SKATING_SPEED` as well."""

FLOOR_TOLERANCE = 0.005
"""Heights within this distance of the floor count as on it, metres."""


@dataclass(frozen=True)
class MotionQuality:
    """The measures of one motion, or their mean over several."""

    num_frames: int
    """Frames measured, at `QUALITY_FPS`."""
    contact_ratio: float
    """Share of frame-to-frame steps with a foot in contact, mean of both feet."""
    skating_ratio: float
    """Share of frame-to-frame steps in which at least one foot skates."""
    skating_speed: float
    """Mean horizontal speed of feet in contact, m/s; 0 if no foot ever is."""
    penetration: float
    """Mean depth of the lowest joint below the floor, metres."""
    floating: float
    """Mean height of the lowest joint above the floor, metres. Jumps count: compare similar motions."""
    jitter: float
    """Mean norm of the third derivative of joint positions, m/s³."""
    bone_drift: float
    """Mean absolute deviation of bone lengths from their medians over time, metres."""
    speed: float
    """Mean horizontal speed of the root, m/s."""

    @classmethod
    def mean(cls, measured: Iterable[MotionQuality]) -> MotionQuality:
        """Frame-weighted mean over several motions; `num_frames` is their sum.

        Raises:
            MotionFileError: there are no motions.
        """
        motions = list(measured)
        if not motions:
            raise MotionFileError("the mean quality needs at least one motion")
        frames = np.array([one.num_frames for one in motions], dtype=np.float64)
        contacts = frames * [one.contact_ratio for one in motions]
        means: dict[str, float] = {}
        for name in (field.name for field in fields(cls) if field.name != "num_frames"):
            weight = contacts if name == "skating_speed" else frames
            total = float(weight.sum())
            values = np.array([getattr(one, name) for one in motions])
            means[name] = float(values @ weight) / total if total > 0 else 0.0
        return cls(num_frames=int(frames.sum()), **means)

    def ratios_to(self, reference: MotionQuality) -> dict[str, float]:
        """Speed of standing feet, jitter and speed as ratios to those of reference motions; NaN where these are 0."""
        return {
            f"{name}_ratio": getattr(self, name) / of if (of := getattr(reference, name)) > 0 else math.nan
            for name in ("skating_speed", "jitter", "speed")
        }

    def scores(self) -> dict[str, float]:
        """The measures under the names and in the units of reports (`_mm`: millimetres)."""
        return {
            "skating_ratio": self.skating_ratio,
            "skating_speed": self.skating_speed,
            "penetration_mm": 1000 * self.penetration,
            "floating_mm": 1000 * self.floating,
            "jitter": self.jitter,
            "bone_drift_mm": 1000 * self.bone_drift,
            "speed": self.speed,
        }


def motion_quality(joints: Float[np.ndarray, "T 22 3"], fps: float = QUALITY_FPS) -> MotionQuality:
    """All measures of a motion, where it stands; resampled to `QUALITY_FPS` from other frame rates.

    Raises:
        MotionFileError: a wrong shape, NaN, or fewer than `MIN_QUALITY_FRAMES` frames at `QUALITY_FPS`.
    """
    clip = Clip(joints=joints, fps=fps)
    p = np.asarray(clip.joints if fps == QUALITY_FPS else clip.resample(QUALITY_FPS).joints, dtype=np.float64)
    if len(p) < MIN_QUALITY_FRAMES:
        raise MotionFileError(
            f"expected at least {MIN_QUALITY_FRAMES} frames at {QUALITY_FPS} fps, got {len(p)}"
        )
    contact, speed = _contacts(p), _floor_speed(p[:, FEET], QUALITY_FPS)
    return MotionQuality(
        num_frames=len(p),
        contact_ratio=float(contact.mean()),
        skating_ratio=skating_ratio(p, QUALITY_FPS),
        skating_speed=float(speed[contact].mean()) if contact.any() else 0.0,
        penetration=penetration(p),
        floating=floating(p),
        jitter=jitter(p, QUALITY_FPS),
        bone_drift=bone_drift(p),
        speed=float(_floor_speed(p[:, :1], QUALITY_FPS).mean()),
    )


def skating_ratio(joints: Float[np.ndarray, "T 22 3"], fps: float = QUALITY_FPS) -> float:
    """Share of the steps between frames, 0 to 1, in which a foot is in contact and slides.

    A foot slides where it is below `CONTACT_HEIGHT` in both frames and moves faster horizontally than
    `SKATING_SPEED`, both in this step and on average over `SKATING_WINDOW` around it (5 steps at 20 fps; speed is
    0 beyond the ends).

    Source: GMD (Karunratanakul et al. 2023), foot skating ratio; OmniControl (Xie et al. 2024) uses it too.
    """
    speed = _floor_speed(joints[:, FEET], fps)
    window = max(1, round(SKATING_WINDOW * fps))
    around = mean_filter(speed, window, "zero")
    skating = _contacts(joints) & (speed > SKATING_SPEED) & (around > SKATING_SPEED)
    return float(skating.any(1).mean())


def penetration(joints: Float[np.ndarray, "T 22 3"]) -> float:
    """Mean over frames of the depth of the lowest joint below the floor, beyond `FLOOR_TOLERANCE`, metres.

    Source: PhysDiff (Yuan et al. 2023), Penetrate.
    """
    return float(np.maximum(-joints[..., 1].min(1) - FLOOR_TOLERANCE, 0).mean())


def floating(joints: Float[np.ndarray, "T 22 3"]) -> float:
    """Mean over frames of the height of the lowest joint above the floor, beyond `FLOOR_TOLERANCE`, metres.

    Source: PhysDiff (Yuan et al. 2023), Float.
    """
    return float(np.maximum(joints[..., 1].min(1) - FLOOR_TOLERANCE, 0).mean())


def jitter(joints: Float[np.ndarray, "T 22 3"], fps: float = QUALITY_FPS) -> float:
    """Mean over joints and frames of the norm of the third derivative of position, m/s³.

    Noise grows with the cube of the frame rate: compare motions at one rate.

    Source: TransPose (Yi et al. 2021), jitter.
    """
    return float(np.linalg.norm(np.diff(joints, n=3, axis=0), axis=-1).mean() * fps**3)


def bone_drift(joints: Float[np.ndarray, "T 22 3"]) -> float:
    """Mean over bones and frames of the absolute deviation of bone lengths from their medians, metres."""
    lengths = np.linalg.norm(joints[:, 1:] - joints[:, PARENTS[1:]], axis=-1)
    return float(np.abs(lengths - np.median(lengths, axis=0)).mean())


def _floor_speed(points: Float[np.ndarray, "T P 3"], fps: float) -> Float[np.ndarray, "T-1 P"]:
    """Horizontal speed from each frame to the next, m/s."""
    return np.asarray(np.linalg.norm(np.diff(points[..., ::2], axis=0), axis=-1) * fps)


def _contacts(joints: Float[np.ndarray, "T 22 3"]) -> Bool[np.ndarray, "T-1 2"]:
    """Whether each foot is below the contact height in a frame and in the next."""
    low = joints[:, FEET, 1] < CONTACT_HEIGHT
    return np.asarray(low[:-1] & low[1:])
