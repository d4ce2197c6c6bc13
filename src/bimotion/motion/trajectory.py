"""The path of a body along the floor, separated from its pose. T frames; metres, radians."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from bimotion.motion.clip import Clip
from bimotion.motion.clip import heading as body_heading

_SMOOTHING = 0.3
"""Standard deviation of the Gaussian, seconds, that separates the sway of single steps from the path."""


@dataclass(frozen=True)
class Trajectory:
    """Position and heading of a body, without the sway of single steps."""

    xz: Float[np.ndarray, "T 2"]
    """Position on the floor."""
    heading: Float[np.ndarray, "T"]
    """Angle about +Y from +Z to where the body faces, without jumps."""


def trajectory(clip: Clip) -> Trajectory:
    """The pelvis's path along the floor and the body's heading, smoothed over about a second."""
    joints = clip.joints.astype(np.float64)
    heading = body_heading(joints)
    sigma = _SMOOTHING * clip.fps
    smooth = np.stack(
        [_smooth(column, sigma) for column in (joints[:, 0, 0], joints[:, 0, 2], heading)], axis=1
    )
    return Trajectory(smooth[:, :2], smooth[:, 2])


def in_place(clip: Clip) -> Clip:
    """The clip without horizontal root translation: it stays over the origin and keeps its heading."""
    path = np.zeros((len(clip), 1, 3))
    path[:, 0, [0, 2]] = trajectory(clip).xz
    return replace(clip, joints=(clip.joints - path).astype(np.float32))


def _smooth(values: Float[np.ndarray, "T"], sigma: float) -> Float[np.ndarray, "T"]:
    """The values smoothed by a Gaussian; the ends are extended by odd reflection."""
    radius = min(int(np.ceil(3 * sigma)), len(values) - 1)
    if radius < 1:
        return values
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    padded = np.pad(values, radius, mode="reflect", reflect_type="odd")
    return np.convolve(padded, weights / weights.sum(), mode="valid")
