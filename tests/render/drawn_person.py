"""A drawn person to test with: stands, raises the left arm, walks along +Z."""

import numpy as np

from bimotion.motion.clip import Clip
from bimotion.motion.skeleton import JOINT_NAMES, PARENTS, TARGET_OFFSETS


def _rest() -> np.ndarray:
    joints = np.zeros((22, 3))
    for joint in range(1, 22):
        joints[joint] = joints[PARENTS[joint]] + TARGET_OFFSETS[joint]
    neck, head = JOINT_NAMES.index("neck"), JOINT_NAMES.index("head")
    joints[head] = joints[neck] + [0, 0.08, 0.06]  # the bone to the head leans forward in people
    joints[:, 1] -= joints[:, 1].min()
    return joints


def make_clip(
    frames: int = 21, fps: float = 20.0, speed: float = 0.0, name: str = "", caption: str = ""
) -> Clip:
    """The left arm rises sideways from hanging to overhead; the whole body moves `speed` metres a second."""
    joints = np.repeat(_rest()[None], frames, axis=0)
    shoulder, elbow, wrist = (JOINT_NAMES.index(f"left_{part}") for part in ("shoulder", "elbow", "wrist"))
    angle = np.linspace(0, np.pi, frames)
    arm = np.stack([np.sin(angle), -np.cos(angle), 0 * angle], axis=-1)
    joints[:, elbow] = joints[:, shoulder] + 0.26 * arm
    joints[:, wrist] = joints[:, shoulder] + 0.53 * arm
    joints[..., 2] += speed * np.arange(frames)[:, None] / fps
    return Clip(joints=joints.astype(np.float32), fps=fps, name=name, caption=caption)
