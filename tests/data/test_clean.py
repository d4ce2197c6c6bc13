import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bimotion.data.clean import repair_spikes, resample_joints, trim_rest_pose, window_bounds
from tests.data.made_up import make_motion


@given(st.integers(1, 5000), st.integers(20, 200))
def test_windows_cover_everything_and_are_alike(frames: int, longest: int) -> None:
    bounds = window_bounds(frames, longest)
    assert bounds[0][0] == 0
    assert bounds[-1][1] == frames
    assert all(before[1] == after[0] for before, after in zip(bounds, bounds[1:], strict=False))
    lengths = [end - start for start, end in bounds]
    assert max(lengths) <= longest
    assert max(lengths) - min(lengths) <= 1


@pytest.mark.parametrize("fps", [20.0, 30.0, 60.0, 120.0, 59.94])
def test_resampling_follows_a_smooth_motion(fps: float) -> None:
    times = np.arange(round(2 * fps)) / fps
    joints = np.sin(2 * np.pi * times)[:, None, None] * np.ones((1, 22, 3))
    resampled = resample_joints(joints, fps)
    expected = np.sin(2 * np.pi * np.arange(len(resampled)) / 20)
    assert np.abs(resampled[:, 0, 0] - expected).max() < 1e-3
    assert len(resampled) == int((len(times) - 1) / fps * 20 + 1e-6) + 1


def test_a_spike_is_repaired_and_the_rest_left() -> None:
    joints = make_motion(240, hand="left")
    spoilt = joints.copy()
    spoilt[120, 20] += 0.8
    repaired, count = repair_spikes(spoilt, 120.0)
    assert 1 <= count <= repair_spikes(joints, 120.0)[1] + 1
    assert np.abs(repaired - joints)[100:140].max() < 0.02


def test_a_rest_pose_before_the_motion_is_dropped() -> None:
    joints = make_motion(60, speed=1.0, hand="right")
    rest = joints[:1].copy()
    for shoulder, elbow, wrist, sign in ((16, 18, 20, 1), (17, 19, 21, -1)):
        rest[0, elbow] = rest[0, shoulder] + [0.26 * sign, 0, 0]
        rest[0, wrist] = rest[0, shoulder] + [0.5 * sign, 0, 0]
    trimmed, dropped = trim_rest_pose(np.concatenate([rest, rest, joints]), 30.0)
    assert dropped == 2
    np.testing.assert_array_equal(trimmed, joints)
    assert trim_rest_pose(joints, 30.0)[1] == 0


@pytest.mark.parametrize("fps", [20.0, 30.0, 60.0, 120.0])
def test_a_rest_pose_of_one_frame_is_found_at_any_rate(fps: float) -> None:
    joints = make_motion(240, hand="left")
    rest = joints[0].copy()
    # arms straight out and 8 degrees ahead, as DAZ exports begin
    for side, chain in ((1, (16, 18, 20)), (-1, (17, 19, 21))):
        for i, joint in enumerate(chain):
            rest[joint] = rest[chain[0]] + 0.26 * i * np.array([side * np.cos(0.14), 0, np.sin(0.14)])
    trimmed, dropped = trim_rest_pose(np.concatenate([rest[None], joints]), fps)
    assert 1 <= dropped <= 1 + 0.03 * fps
    np.testing.assert_array_equal(trimmed, joints[dropped - 1 :])


@pytest.mark.parametrize("fps", [20.0, 30.0, 120.0])
def test_a_glitch_at_the_start_cuts_nothing_away(fps: float) -> None:
    joints = make_motion(240, hand="left")
    joints[3, 20] += 0.9
    assert trim_rest_pose(joints, fps)[1] == 0
