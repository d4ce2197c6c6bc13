"""Input of the activity classifier: channels of joint positions, whatever the source of the motion.

Legend: T frames, J = 22 joints, C = `NUM_CHANNELS` channels. Metres and radians at 20 frames per second.
"""

import numpy as np
from jaxtyping import Float

from bimotion.captions.facts import LEG_M, heading, leg_length, to_body
from bimotion.motion.skeleton import MIRROR, joint_indices

_FEET = list(joint_indices("left_ankle", "left_foot", "right_ankle", "right_foot"))

NUM_CHANNELS = 70
"""21 joints x 3 in the body's frame; height, step (2) and turn of the pelvis; turn and position since frame 0."""

SINCE_START = slice(67, 70)
"""Turn since frame 0, position since frame 0 in the body's frame of frame 0: leftward, forward."""


def channels(joints: Float[np.ndarray, "T J 3"]) -> Float[np.ndarray, "T C"]:
    """The channels of a motion, float32; independent of position, heading and body height."""
    p = np.asarray(joints, np.float64)
    p = p * (LEG_M / leg_length(p))
    p = p - [0.0, float(np.percentile(p[:, _FEET, 1].min(1), 5)), 0.0]
    yaw = heading(p)
    body = _turned(p - p[:, :1] * [1.0, 0.0, 1.0], yaw)
    step = _turned(np.gradient(p[:, :1], axis=0), yaw)[:, 0]
    displacement = _turned(p[:, :1] - p[:1, :1], np.full(len(p), yaw[0]))[:, 0]
    columns = [
        body[:, 1:].reshape(len(p), -1),
        p[:, 0, 1:2],
        step[:, ::2],
        np.gradient(yaw)[:, None],
        (yaw - yaw[0])[:, None],
        displacement[:, ::2],
    ]
    return np.concatenate(columns, axis=-1).astype(np.float32)


def cut(rows: Float[np.ndarray, "T C"], start: int, stop: int) -> Float[np.ndarray, "_ C"]:
    """The channels of part of a motion, turn and position counted from where the part begins."""
    part = np.array(rows[start:stop])
    part[:, SINCE_START] -= part[0, SINCE_START]
    turn = float(rows[start, SINCE_START.start])
    x, z = part[:, SINCE_START.start + 1].copy(), part[:, SINCE_START.start + 2].copy()
    c, s = np.cos(turn), np.sin(turn)
    part[:, SINCE_START.start + 1], part[:, SINCE_START.start + 2] = x * c - z * s, x * s + z * c
    return np.asarray(part)


def mirrored(joints: Float[np.ndarray, "T J 3"]) -> Float[np.ndarray, "T J 3"]:
    """The motion seen in a mirror."""
    swapped = np.asarray(joints)[:, MIRROR]
    return np.asarray(swapped * np.array([-1.0, 1.0, 1.0]))


def _turned(points: Float[np.ndarray, "T N 3"], yaw: Float[np.ndarray, " T"]) -> Float[np.ndarray, "T N 3"]:
    """Points in the frame of a body that faces `yaw`."""
    return np.asarray(np.stack([to_body(points[:, number], yaw) for number in range(points.shape[1])], 1))
