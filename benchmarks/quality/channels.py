"""What the content classifier sees of a motion: channels of joint positions, whatever features they came from.

Legend: T frames, J = 22 joints, C = `NUM_CHANNELS` channels. Metres and radians at 20 frames per second.
"""

import numpy as np
from jaxtyping import Float
from scipy.ndimage import gaussian_filter1d

from bimotion.motion.skeleton import MIRROR

NUM_CHANNELS = 70
"""21 joints x 3 in the body's frame, height of the pelvis, its step (2), turn a frame, turn and place since frame 0."""

SINCE_START = slice(67, 70)
"""Turn since frame 0, place since frame 0 as seen from the body in frame 0: leftward, forward."""

_LEG_M = 0.82


def channels(joints: Float[np.ndarray, "T J 3"]) -> Float[np.ndarray, "T C"]:
    """The channels of a motion, float32; where it stands, faces and how tall the body is do not matter."""
    p = np.asarray(joints, np.float64)
    bones = [(1, 4), (4, 7), (2, 5), (5, 8)]
    leg = sum(np.linalg.norm(p[:, b] - p[:, a], axis=-1).mean() for a, b in bones) / 2
    p = p * (_LEG_M / leg)
    p = p - [0.0, float(np.percentile(p[:, [7, 8, 10, 11], 1].min(1), 5)), 0.0]
    yaw = body_yaw(p)
    body = turned(p - p[:, :1] * [1.0, 0.0, 1.0], -yaw)
    step = turned(np.gradient(p[:, :1], axis=0), -yaw)[:, 0]
    place = turned(p[:, :1] - p[:1, :1], np.full(len(p), -yaw[0]))[:, 0]
    columns = [
        body[:, 1:].reshape(len(p), -1),
        p[:, 0, 1:2],
        step[:, ::2],
        np.gradient(yaw)[:, None],
        (yaw - yaw[0])[:, None],
        place[:, ::2],
    ]
    return np.concatenate(columns, axis=-1).astype(np.float32)


def cut(rows: Float[np.ndarray, "T C"], start: int, stop: int) -> Float[np.ndarray, "_ C"]:
    """The channels of part of a motion, counted from where the part begins."""
    part = rows[start:stop].copy()
    part[:, SINCE_START] -= part[0, SINCE_START]
    turn = float(rows[start, SINCE_START.start])
    x, z = part[:, SINCE_START.start + 1].copy(), part[:, SINCE_START.start + 2].copy()
    c, s = np.cos(turn), np.sin(turn)
    part[:, SINCE_START.start + 1], part[:, SINCE_START.start + 2] = x * c - z * s, x * s + z * c
    return part


def mirrored(joints: Float[np.ndarray, "T J 3"]) -> Float[np.ndarray, "T J 3"]:
    """The motion seen in a mirror."""
    return np.asarray(joints)[:, np.asarray(MIRROR)] * np.array([-1.0, 1.0, 1.0])


def body_yaw(p: Float[np.ndarray, "T J 3"]) -> Float[np.ndarray, " T"]:
    """Where hips and shoulders face, radians without jumps: 0 is +Z, + is to the left; smoothed over 0.25 s."""
    across = (p[:, 1] - p[:, 2]) + (p[:, 16] - p[:, 17])
    facing = np.stack([-across[:, 2], across[:, 0]], -1)
    facing = gaussian_filter1d(facing / (np.linalg.norm(facing, axis=-1, keepdims=True) + 1e-9), 5, axis=0)
    return np.unwrap(np.arctan2(facing[:, 0], facing[:, 1]))


def turned(points: Float[np.ndarray, "T N 3"], angle: Float[np.ndarray, " T"]) -> Float[np.ndarray, "T N 3"]:
    """Points turned about +Y, frame by frame."""
    c, s = np.cos(angle)[:, None], np.sin(angle)[:, None]
    x, y, z = points[..., 0], points[..., 1], points[..., 2]
    return np.stack([x * c + z * s, y, z * c - x * s], -1)
