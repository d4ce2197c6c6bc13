"""Feet stand, and leave the floor between, whatever the contact columns say."""

import numpy as np

from bimotion.features.layout import CONTACTS, FPS
from bimotion.inference.postprocess.feet import LEGS, plant_feet
from bimotion.inference.postprocess.stance import CLEARANCE, standing, swing_lift
from bimotion.motion.clip import Clip
from bimotion.motion.quality import skating_ratio

STEP = 0.6
"""Way of a foot in a step, metres."""


def stepping(num_steps: int = 4, stand: int = 10, swing: int = 10) -> tuple[np.ndarray, np.ndarray]:
    """A ball of the foot that slides ahead in steps at 2 cm above the floor, and whether it stands: (T, 3), (T,)."""
    way, stands = [0.0], [True]
    for _ in range(num_steps):
        way += [way[-1]] * stand
        way += (way[-1] + STEP * (0.5 - 0.5 * np.cos(np.pi * np.arange(1, swing + 1) / swing))).tolist()
        stands += [True] * stand + [False] * swing
    ball = np.zeros((len(way), 3))
    ball[:, 1], ball[:, 2] = 0.02, way
    return ball, np.array(stands)


def test_a_foot_that_always_touches_the_floor_stands_while_it_is_slow() -> None:
    ball, stands = stepping()
    found = standing(ball, np.ones(len(ball), bool))
    fast = np.abs(np.gradient(ball[:, 2])) * FPS > 0.7
    assert not found[fast].any()
    middle = stands & ~np.convolve(~stands, np.ones(5), "same").astype(bool)
    assert found[middle].all()


def test_a_foot_that_hardly_moves_stands_as_long_as_it_touches() -> None:
    ball, _ = stepping(1)
    ball[:, 2] *= 0.3
    touches = np.ones(len(ball), bool)
    touches[-5:] = False
    np.testing.assert_array_equal(standing(ball, touches), touches)


def test_a_foot_in_the_air_does_not_stand() -> None:
    ball, _ = stepping()
    assert not standing(ball, np.zeros(len(ball), bool)).any()


def test_a_swinging_foot_clears_the_floor_smoothly() -> None:
    ball, stands = stepping()
    lift = swing_lift(ball, stands, np.full(len(ball), 0.9))
    assert lift[stands].max() < 0.015
    assert 0.9 * CLEARANCE < lift.max() < CLEARANCE + 1e-9
    assert np.abs(np.diff(lift, 2)).max() < 0.02


def test_those_who_crawl_and_feet_that_fly_are_not_lifted() -> None:
    ball, stands = stepping()
    assert not swing_lift(ball, stands, np.full(len(ball), 0.3)).any()
    ball[~stands, 1] += 0.2
    assert swing_lift(ball, stands, np.full(len(ball), 0.9)).max() < CLEARANCE


def test_feet_that_are_said_to_stand_all_the_time_make_steps(walk: Clip) -> None:
    joints = np.repeat(walk.joints[:1], 80, axis=0).astype(np.float32)
    way = stepping(3)[0][:, 2]
    feet = np.concatenate([way, np.full(80 - len(way), way[-1])])
    other = np.concatenate([np.zeros(10), feet[:-10]])
    joints[..., 2] += (0.5 * (feet + other))[:, None].astype(np.float32)
    for (_, knee, ankle, ball), contact in zip(LEGS, (feet, other), strict=True):
        shift = contact - 0.5 * (feet + other)
        joints[:, [ankle, ball], 2] += shift[:, None].astype(np.float32)
        joints[:, knee, 2] += 0.5 * shift.astype(np.float32)
        joints[:, ankle, 1] += 0.02 - joints[:, ball, 1]
        joints[:, ball, 1] = 0.02
    features = np.zeros((len(joints), 263), np.float32)
    features[:, CONTACTS] = 1
    before, after = skating_ratio(joints), skating_ratio(plant_feet(joints, features))
    assert before > 0.3
    assert after < 0.3 * before
