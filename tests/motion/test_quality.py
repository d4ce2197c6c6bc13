import dataclasses

import numpy as np
import pytest

from bimotion.errors import MotionFileError
from bimotion.motion.quality import (
    MotionQuality,
    bone_drift,
    floating,
    jitter,
    motion_quality,
    penetration,
    skating_ratio,
)
from bimotion.motion.skeleton import PARENTS, TARGET_OFFSETS


@pytest.fixture
def standing():
    """41 frames on straight legs, balls of the feet on the floor."""
    rest = np.zeros((22, 3))
    for joint in range(1, 22):
        rest[joint] = rest[PARENTS[joint]] + TARGET_OFFSETS[joint]
    rest[[7, 10], 1] = rest[[8, 11], 1]  # the target's legs differ by 4 mm
    rest[:, 1] -= rest[:, 1].min()
    return np.tile(rest, (41, 1, 1))


def moved(joints, axis, metres_a_frame, which=slice(None)):
    joints = joints.copy()
    joints[:, which, axis] += metres_a_frame * np.arange(len(joints))[:, None]
    return joints


def test_a_body_that_stands_is_without_fault(standing):
    quality = motion_quality(standing, 20)
    assert quality == MotionQuality(41, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def test_a_body_pushed_along_the_floor_skates_at_its_speed(standing):
    quality = motion_quality(moved(standing, 0, 0.05), 20)
    assert quality.skating_speed == pytest.approx(1.0, rel=1e-4)
    assert quality.speed == pytest.approx(1.0, rel=1e-4)
    assert quality.skating_ratio == 1.0


@pytest.mark.parametrize(("metres_a_frame", "ratio"), [(0.0249, 0.0), (0.0251, 0.95)])
def test_feet_skate_from_two_and_a_half_centimetres_a_frame(standing, metres_a_frame, ratio):
    # Just above it the means over five steps at both ends, where a foot stands outside, are below.
    found = skating_ratio(moved(standing, 2, metres_a_frame), 20)
    assert found == pytest.approx(ratio, abs=0.06)
    assert (found > 0) == (ratio > 0)


def test_one_quick_step_is_no_skating_but_three_of_five_are(standing):
    for steps, skates in ((1, 0), (3, 3)):
        joints = standing.copy()
        joints[20 + np.arange(steps)[:, None], 10, 0] += 0.1 * np.arange(1, steps + 1)[:, None]
        joints[20 + steps :, 10, 0] += 0.1 * steps
        # 2 m/s in one step is 0.4 m/s in the mean over five; in three steps it is 0.8 m/s at least.
        assert skating_ratio(joints, 20) * 40 == pytest.approx(skates, abs=1e-9)


@pytest.mark.parametrize(("height", "contact"), [(0.049, 1.0), (0.051, 0.0)])
def test_lifted_feet_are_not_in_contact(standing, height, contact):
    joints = moved(standing, 0, 0.05) + [0, height, 0]
    quality = motion_quality(joints, 20)
    assert quality.contact_ratio == contact
    assert quality.skating_ratio == contact
    assert quality.skating_speed == pytest.approx(contact, rel=1e-4)


def test_depth_and_height_beyond_the_tolerance_are_averaged_over_frames(standing):
    sunk = standing.copy()
    sunk[:10, 10, 1] = -0.025
    assert penetration(sunk) == pytest.approx(0.020 * 10 / 41)
    assert floating(sunk) == 0
    lifted = standing + [0, 0.105, 0]
    assert floating(lifted) == pytest.approx(0.1)
    assert penetration(standing - [0, 0.004, 0]) == 0


def test_jitter_is_the_third_derivative(standing):
    time = np.arange(41) / 20
    cubic = standing + np.stack([time**3, 0 * time, 0 * time], -1)[:, None]  # third derivative 6
    assert jitter(cubic, 20) == pytest.approx(6)
    bent = standing + np.stack([time**2, 3 * time, 0 * time], -1)[:, None]
    assert jitter(bent, 20) == pytest.approx(0, abs=1e-8)
    shaken = standing.copy()
    shaken[1::2, 5, 1] += 0.001  # one of 22 joints up and down: differences of 1 mm times 4
    assert jitter(shaken, 20) == pytest.approx(0.004 * 20**3 / 22)


def test_bone_drift_is_measured_from_the_usual_length(standing):
    stretched = standing.copy()
    stretched[:4, 15, 2] += 0.05  # the head bone, ahead, in 4 of 41 frames
    assert bone_drift(stretched) == pytest.approx(0.05 * 4 / 41 / 21)


def test_another_rate_measures_the_same_motion(standing):
    time = np.arange(121) / 60
    still = np.tile(standing[:1], (121, 1, 1))
    joints = still + np.stack([0.8 * time, 0 * time, 0.1 * np.sin(3 * time)], -1)[:, None]
    fast, slow = motion_quality(joints, 60), motion_quality(joints[::3], 20)
    assert fast.num_frames == slow.num_frames == 41
    for name in ("skating_ratio", "skating_speed", "jitter", "speed"):
        assert getattr(fast, name) == pytest.approx(getattr(slow, name), rel=1e-3)


def test_the_mean_weighs_by_frames_and_skating_by_contacts():
    long = MotionQuality(30, 1.0, 0.2, 0.1, 0.0, 0.0, 4.0, 0.0, 1.0)
    short = MotionQuality(10, 0.5, 0.6, 0.8, 0.0, 0.0, 8.0, 0.0, 2.0)
    mean = MotionQuality.mean([long, short])
    assert mean.num_frames == 40
    assert mean.skating_ratio == pytest.approx(0.3)
    assert mean.skating_speed == pytest.approx((30 * 0.1 + 5 * 0.8) / 35)
    assert mean.jitter == pytest.approx(5)
    flying = dataclasses.replace(long, contact_ratio=0.0, skating_speed=0.0)
    assert MotionQuality.mean([flying]).skating_speed == 0
    with pytest.raises(MotionFileError, match="at least one motion"):
        MotionQuality.mean([])


def test_too_short_a_motion_is_named(standing):
    with pytest.raises(MotionFileError, match="at least 4 frames at 20 fps, got 3"):
        motion_quality(standing[:3], 20)
