"""A made-up body whose motion is known in closed form."""

import numpy as np

from bimotion.features.mirror import symmetric_skeleton
from bimotion.motion.skeleton import PARENTS


def make_motion(
    frames: int = 60,
    *,
    speed: float = 0.0,
    turn_deg: float = 0.0,
    course_deg: float = 0.0,
    hand: str = "none",
    swings: int = 0,
    size: float = 1.0,
) -> np.ndarray:
    """Joints (frames, 22, 3) at 20 fps: a body that glides at `speed` m/s while it turns, and raises a hand.

    `turn_deg` is the facing at the end (+ left), `course_deg` the direction of travel seen from the body.
    The raised wrist goes to and fro `swings` times.
    """
    offsets, rest = symmetric_skeleton(), np.zeros((22, 3))
    for joint, parent in enumerate(PARENTS):
        rest[joint] = rest[parent] + offsets[joint] if parent >= 0 else 0.0
    rest[:, 1] -= rest[:, 1].min()
    pose = np.repeat(rest[None], frames, axis=0)
    phase = np.linspace(0, 1, frames)
    for side, (shoulder, elbow, wrist) in {"left": (16, 18, 20), "right": (17, 19, 21)}.items():
        raised = np.sin(np.pi * phase) * (hand in (side, "both"))
        up = np.clip(3 * raised, 0, 1)[:, None]
        swing = 0.5 * np.sin(2 * np.pi * swings * phase) * (up[:, 0] >= 1)
        down = np.array([0.0, -1.0, 0.0])
        direction = down * (1 - up) - down * up + np.array([0.0, 0.0, 0.2])
        pose[:, elbow] = pose[:, shoulder] + 0.26 * direction
        forearm = direction + swing[:, None] * np.array([1.0, 0.0, 0.0])
        pose[:, wrist] = pose[:, elbow] + 0.25 * forearm / np.linalg.norm(forearm, axis=-1, keepdims=True)
    yaw = np.radians(turn_deg) * phase
    c, s = np.cos(yaw)[:, None], np.sin(yaw)[:, None]
    x, y, z = np.moveaxis(pose, -1, 0)
    turned = np.stack([x * c + z * s, y, z * c - x * s], -1)
    course = yaw + np.radians(course_deg)
    steps = speed / 20 * np.stack([np.sin(course), np.zeros(frames), np.cos(course)], -1)
    path = np.concatenate([np.zeros((1, 3)), np.cumsum(steps[:-1], axis=0)])
    return (size * (turned + path[:, None])).astype(np.float32)
