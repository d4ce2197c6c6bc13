"""How natural a motion moves, measured without a network: skating, floor, jitter, bones.

Legend: T frames, J = 22 joints; metres, Y up, the floor at y = 0 (`Clip.canonical` puts a clip there).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Bool, Float
from scipy.ndimage import uniform_filter1d

from bimotion.errors import MotionFileError
from bimotion.motion.clip import Clip
from bimotion.motion.skeleton import JOINT_NAMES, PARENTS

QUALITY_FPS = 20
"""Frames per second at which `motion_quality` measures; differences of frames mean something at one rate only."""

FEET = (JOINT_NAMES.index("left_foot"), JOINT_NAMES.index("right_foot"))
"""The balls of the feet."""

CONTACT_HEIGHT = 0.05
"""A foot is in contact while it is lower than this, metres."""

SKATING_SPEED = 0.5
"""A foot in contact skates while it moves faster than this along the floor: 2.5 cm a frame at 20 per second."""

SKATING_WINDOW = 0.25
"""Seconds over which the mean speed of a skating foot has to be above `SKATING_SPEED` as well."""

FLOOR_TOLERANCE = 0.005
"""Metres below and above the floor that count as on it."""


@dataclass(frozen=True)
class MotionQuality:
    """What `motion_quality` measures of one motion, or the mean of many."""

    num_frames: int
    """Frames measured, at `QUALITY_FPS`."""
    contact_ratio: float
    """Share of the steps from frame to frame in which a foot is in contact, mean of both feet."""
    skating_ratio: float
    """Share of the steps in which at least one foot skates."""
    skating_speed: float
    """Mean speed along the floor of feet in contact, metres a second; 0 where none ever is."""
    penetration: float
    """Mean depth of the lowest joint below the floor, metres."""
    floating: float
    """Mean height of the lowest joint above the floor, metres. Jumps float too: compare like with like."""
    jitter: float
    """Mean length of the third derivative of the joints' positions, metres a second cubed."""
    bone_drift: float
    """Mean distance of a bone's length from its median over the frames, metres."""
    speed: float
    """Mean speed of the root along the floor, metres a second."""

    @classmethod
    def mean(cls, measured: Iterable[MotionQuality]) -> MotionQuality:
        """The quality of many motions as if all their frames were one's; `num_frames` is their sum.

        Raises:
            MotionFileError: there are none.
        """
        many = list(measured)
        if not many:
            raise MotionFileError("no motions to take the mean quality of")
        frames = np.array([one.num_frames for one in many], dtype=np.float64)
        contacts = frames * [one.contact_ratio for one in many]
        means: dict[str, float] = {}
        for name in (field.name for field in fields(cls) if field.name != "num_frames"):
            weight = contacts if name == "skating_speed" else frames
            total = float(weight.sum())
            values = np.array([getattr(one, name) for one in many])
            means[name] = float(values @ weight) / total if total > 0 else 0.0
        return cls(num_frames=int(frames.sum()), **means)


def motion_quality(joints: Float[np.ndarray, "T 22 3"], fps: float = QUALITY_FPS) -> MotionQuality:
    """All measures of a motion, resampled to `QUALITY_FPS` where it has another rate.

    Raises:
        MotionFileError: a wrong shape, NaN, or fewer than 4 frames at `QUALITY_FPS`.
    """
    clip = Clip(joints=joints, fps=fps)
    p = np.asarray(clip.joints if fps == QUALITY_FPS else clip.resample(QUALITY_FPS).joints, dtype=np.float64)
    if len(p) < 4:
        raise MotionFileError(
            f"quality is measured over 4 frames at {QUALITY_FPS} a second at least, got {len(p)}"
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

    A foot slides where it is below `CONTACT_HEIGHT` in both frames and faster along the floor than
    `SKATING_SPEED`, in this step and in the mean over `SKATING_WINDOW` around it (5 steps at 20 a second;
    outside the motion a foot stands).

    Source: GMD (Karunratanakul et al. 2023), foot skating ratio; OmniControl (Xie et al. 2024) uses it too.
    """
    speed = _floor_speed(joints[:, FEET], fps)
    window = max(1, round(SKATING_WINDOW * fps))
    around = uniform_filter1d(speed, window, axis=0, mode="constant")
    skating = _contacts(joints) & (speed > SKATING_SPEED) & (around > SKATING_SPEED)
    return float(skating.any(1).mean())


def penetration(joints: Float[np.ndarray, "T 22 3"]) -> float:
    """Mean over frames of how far the lowest joint is below the floor, beyond `FLOOR_TOLERANCE`, metres.

    Source: PhysDiff (Yuan et al. 2023), Penetrate.
    """
    return float(np.maximum(-joints[..., 1].min(1) - FLOOR_TOLERANCE, 0).mean())


def floating(joints: Float[np.ndarray, "T 22 3"]) -> float:
    """Mean over frames of how far the lowest joint is above the floor, beyond `FLOOR_TOLERANCE`, metres.

    Source: PhysDiff (Yuan et al. 2023), Float.
    """
    return float(np.maximum(joints[..., 1].min(1) - FLOOR_TOLERANCE, 0).mean())


def jitter(joints: Float[np.ndarray, "T 22 3"], fps: float = QUALITY_FPS) -> float:
    """Mean over joints and frames of the length of the third derivative of position, metres a second cubed.

    Noise grows with the cube of the rate: compare motions at one rate, `QUALITY_FPS` where it is published.

    Source: TransPose (Yi et al. 2021), jitter.
    """
    return float(np.linalg.norm(np.diff(joints, n=3, axis=0), axis=-1).mean() * fps**3)


def bone_drift(joints: Float[np.ndarray, "T 22 3"]) -> float:
    """Mean over bones and frames of the distance of a bone's length from its median over time, metres."""
    lengths = np.linalg.norm(joints[:, 1:] - joints[:, PARENTS[1:]], axis=-1)
    return float(np.abs(lengths - np.median(lengths, axis=0)).mean())


def _floor_speed(points: Float[np.ndarray, "T P 3"], fps: float) -> Float[np.ndarray, "T-1 P"]:
    """Speed along the floor from each frame to the next, metres a second."""
    return np.asarray(np.linalg.norm(np.diff(points[..., ::2], axis=0), axis=-1) * fps)


def _contacts(joints: Float[np.ndarray, "T 22 3"]) -> Bool[np.ndarray, "T-1 2"]:
    """Whether each foot is low in a frame and in the next."""
    low = joints[:, FEET, 1] < CONTACT_HEIGHT
    return np.asarray(low[:-1] & low[1:])
