"""Repairs of recorded motion, and its resampling to 20 frames per second. Legend: T frames, J joints."""

import numpy as np
from jaxtyping import Float
from scipy.ndimage import gaussian_filter1d, median_filter

from bimotion.features.layout import FPS
from bimotion.motion.clip import resample_positions
from bimotion.motion.skeleton import JOINT_NAMES

Joints = Float[np.ndarray, "T J 3"]

_SHOULDERS, _WRISTS = (
    [JOINT_NAMES.index(f"{side}_{joint}") for side in ("left", "right")] for joint in ("shoulder", "wrist")
)
_JUMP_SPEED = 12.0  # m/s relative to the root between two frames: the fastest wrist of all recordings does 11
_LOOK_SECONDS = 0.6
_JUMP_SECONDS = 0.1
_SMEAR_SECONDS = 0.03


def trim_rest_pose(joints: Joints, fps: float) -> tuple[Float[np.ndarray, "S J 3"], int]:
    """The motion without a rest pose at its start, and the number of frames dropped.

    A rest pose is found by its geometry in the first frame; it may last up to 0.6 s. If the body then jumps into the
    motion, faster than 12 m/s relative to the root, the trace that a converter's low-pass filter leaves of the jump
    is dropped too: everything up to 0.03 s after the last jump within 0.1 s. A jump without a rest pose before it is
    a glitch, and nothing is dropped."""
    look = min(len(joints) - 1, max(2, round(_LOOK_SECONDS * fps)))
    start = 0
    while start < look and _is_rest_pose(joints[start]):
        start += 1
    if start == 0:
        return joints, 0
    around = joints[start - 1 : start + max(2, round(_JUMP_SECONDS * fps))]
    relative = around - around[:, :1]
    speed = np.linalg.norm(np.diff(relative, axis=0), axis=-1).max(-1, initial=0) * fps
    jumps = np.flatnonzero(speed > _JUMP_SPEED)
    if len(jumps):
        start = min(look, start + int(jumps[-1]) + int(_SMEAR_SECONDS * fps))
    return (joints[start:], start) if len(joints) - start >= 2 else (joints, 0)


def _is_rest_pose(pose: Float[np.ndarray, "J 3"]) -> bool:
    """Both arms level and straight out to the sides, or up to 13 degrees ahead of them as in DAZ."""
    arms = pose[_WRISTS] - pose[_SHOULDERS]
    arms = arms / (np.linalg.norm(arms, axis=-1, keepdims=True) + 1e-9)
    level = np.abs(arms[:, 1]).max() < 0.12
    opposite = float(arms[0] @ arms[1]) < -0.9
    straight = all(
        np.linalg.norm(pose[w] - pose[s])
        > 0.98 * (np.linalg.norm(pose[w] - pose[e]) + np.linalg.norm(pose[e] - pose[s]))
        for w, e, s in ((20, 18, 16), (21, 19, 17))
    )
    return bool(level and opposite and straight)


def repair_spikes(joints: Joints, fps: float) -> tuple[Joints, int]:
    """The motion with spikes of a few frames replaced, lightly smoothed, and the number of samples replaced.

    A joint (relative to the root) farther than 5 cm from its running median of 0.15 s and farther than six
    median absolute deviations is interpolated (a Hampel filter). The Gaussian that follows has 12.5 ms and
    takes marker noise above 10 Hz, the highest frequency that 20 frames per second hold.
    """
    half = max(1, round(0.075 * fps))
    root = joints[:, :1]
    relative = np.concatenate([root, joints[:, 1:] - root], 1).astype(np.float64)
    median = median_filter(relative, size=(2 * half + 1, 1, 1), mode="nearest")
    distance = np.linalg.norm(relative - median, axis=-1)
    deviation = median_filter(distance, size=(2 * half + 1, 1), mode="nearest")
    bad = (distance > 0.05) & (distance > 6 * deviation + 1e-4)
    frames = np.arange(len(joints))
    for joint in np.flatnonzero(bad.any(0)):
        wrong = bad[:, joint]
        if (~wrong).sum() > 2:
            for axis in range(3):
                kept = relative[~wrong, joint, axis]
                relative[wrong, joint, axis] = np.interp(frames[wrong], frames[~wrong], kept)
    relative[:, 1:] += relative[:, :1]
    smooth = gaussian_filter1d(relative, 0.0125 * fps, axis=0, mode="nearest")
    return smooth.astype(joints.dtype), int(bad.sum())


def resample_joints(joints: Joints, fps: float) -> Float[np.ndarray, "S J 3"]:
    """The motion at 20 frames per second, from its first frame on."""
    return resample_positions(joints, fps / FPS)


def window_bounds(num_frames: int, longest: int) -> list[tuple[int, int]]:
    """Where to cut so many feature frames into windows of nearly equal length, none longer than `longest`."""
    count = -(-num_frames // longest)
    edges = [round(i * num_frames / count) for i in range(count + 1)]
    return list(zip(edges[:-1], edges[1:], strict=True))
