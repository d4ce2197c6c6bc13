"""The end of a motion whose length nobody asked for: a full step instead of a foot in mid-air.

Legend: T frames, J = 22 joints; metres, Y up, floor at y = 0, frames at 20 per second.
"""

import numpy as np
from jaxtyping import Bool, Float

from bimotion.features.layout import FPS
from bimotion.motion.skeleton import joint_indices

FEET = joint_indices("left_ankle", "left_foot"), joint_indices("right_ankle", "right_foot")
"""Ankle and ball: left, right."""

ANKLE_STANDS, BALL_STANDS, DOWN = 0.06, 0.01, 0.035
"""Heights of ankle and ball of a foot that stands; a foot of which one is at most `DOWN` higher is down, metres."""

MOST_FRAMES = 12
"""Most frames that are left out."""

FEWEST_FRAMES = 20
"""Motions are not made shorter than this."""

AT_REST = 0.3
"""A motion whose joints move more slowly than this in its last frames has come to rest, mean in m/s."""

REST_FRAMES = 4
"""Frames over which that speed is measured."""


def full_step(joints: Float[np.ndarray, "T J 3"]) -> int:
    """Number of frames up to the last moment in which both feet are down, or all if that is too far from the end.

    A motion that has come to rest keeps all frames.
    """
    num = len(joints)
    if num <= FEWEST_FRAMES:
        return num
    last = joints[-REST_FRAMES - 1 :] - joints[-REST_FRAMES - 1 :, :1]
    if np.linalg.norm(np.diff(last, axis=0), axis=-1).mean() * FPS < AT_REST:
        return num
    first = max(num - 1 - MOST_FRAMES, FEWEST_FRAMES - 1)
    down = np.flatnonzero(_both_down(joints[first:]))
    return first + int(down[-1]) + 1 if len(down) else num


def _both_down(joints: Float[np.ndarray, "T J 3"]) -> Bool[np.ndarray, "T"]:
    heights = [
        np.minimum(joints[:, ankle, 1] - ANKLE_STANDS, joints[:, ball, 1] - BALL_STANDS)
        for ankle, ball in FEET
    ]
    return np.asarray(np.max(heights, axis=0) <= DOWN)
