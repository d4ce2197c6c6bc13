"""Motions whose length nobody asked for end in a full step."""

import numpy as np

from bimotion.inference.postprocess.ending import FEWEST_FRAMES, MOST_FRAMES, full_step
from bimotion.motion.skeleton import joint_indices

LEFT = list(joint_indices("left_ankle", "left_foot"))


def going(num: int, up: range, speed: float = 1.0) -> np.ndarray:
    """A body that stands upright and swings an arm, the left foot up in some frames: (T, 22, 3)."""
    joints = np.zeros((num, 22, 3), np.float32)
    joints[:, 0, 1] = 0.9
    joints[:, joint_indices("left_wrist", "right_wrist")] += (
        np.sin(np.arange(num) * speed)[:, None, None] * np.float32(2)
    ).astype(np.float32)
    joints[:, LEFT, 1] += np.isin(np.arange(num), list(up))[:, None] * np.float32(0.2)
    return joints


def test_a_foot_in_mid_air_is_left_out() -> None:
    assert full_step(going(60, range(55, 60))) == 55


def test_a_motion_that_ends_on_both_feet_keeps_all_frames() -> None:
    assert full_step(going(60, range(40, 50))) == 60


def test_a_motion_at_rest_keeps_all_frames() -> None:
    assert full_step(going(60, range(40, 60), speed=0.0)) == 60


def test_no_more_is_left_out_than_half_a_second_or_so_and_short_motions_stay() -> None:
    assert full_step(going(60, range(60 - MOST_FRAMES - 3, 60))) == 60
    assert full_step(going(FEWEST_FRAMES, range(FEWEST_FRAMES))) == FEWEST_FRAMES
