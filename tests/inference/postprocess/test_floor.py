"""Nothing is below the floor, and feet in contact are on it."""

import numpy as np
import pytest

from bimotion.features.clips import clip_to_features
from bimotion.features.layout import CONTACTS
from bimotion.inference.postprocess.floor import raise_above_floor, stand_on_floor
from bimotion.motion.clip import Clip
from bimotion.motion.skeleton import PARENTS


def bones(joints: np.ndarray) -> np.ndarray:
    return np.linalg.norm(joints[:, 1:] - joints[:, list(PARENTS[1:])], axis=-1)


@pytest.fixture
def standing(walk: Clip) -> tuple[np.ndarray, np.ndarray]:
    """Three seconds of a standing pose, with contacts throughout, and its features."""
    joints = np.repeat(walk.joints[:1], 61, axis=0).copy()
    features = clip_to_features(Clip(joints, 20.0)).copy()
    features[:, CONTACTS] = 1
    return joints[:60], features[:60]


@pytest.mark.parametrize("error", [-0.2, -0.05, 0.1])
def test_a_body_at_a_wrong_height_is_put_on_the_floor(
    standing: tuple[np.ndarray, np.ndarray], error: float
) -> None:
    joints, features = standing
    moved = joints + np.array([0, error, 0], np.float32)
    expected = joints - np.array([0, joints[..., 1].min(), 0])
    np.testing.assert_allclose(stand_on_floor(moved, features), expected, atol=1e-5)


def test_a_sinking_part_is_raised_without_a_jump(standing: tuple[np.ndarray, np.ndarray]) -> None:
    joints, features = standing
    sink = np.zeros(60, np.float32)
    sink[25:35] = -0.25
    out = stand_on_floor(joints + (sink[:, None, None] * np.array([0, 1, 0], np.float32)), features)
    assert out[..., 1].min() >= -1e-6
    assert np.abs(out[..., 1].min(1)[[0, 10, 50]]).max() < 0.01
    np.testing.assert_allclose(bones(out), bones(joints), atol=1e-5)


def test_a_jump_stays_in_the_air(standing: tuple[np.ndarray, np.ndarray]) -> None:
    joints, features = standing
    height = np.zeros(60, np.float32)
    height[20:40] = 0.5 * np.sin(np.linspace(0, np.pi, 20))
    features = features.copy()
    features[20:40, CONTACTS] = 0
    out = stand_on_floor(joints + height[:, None, None] * np.array([0, 1, 0], np.float32), features)
    np.testing.assert_allclose(out[..., 1].min(1), height, atol=0.02)


def test_a_hand_in_the_floor_is_raised_by_the_arm_alone(standing: tuple[np.ndarray, np.ndarray]) -> None:
    joints, features = standing
    low = joints.copy()
    low[20:40, [16, 18, 20], 1] -= low[20:40, 20, 1].min() + 0.08  # the left arm, its shoulder included
    out = stand_on_floor(low, features)
    assert out[..., 1].min() >= -1e-6
    rest = [joint for joint in range(22) if joint not in (18, 20)]
    np.testing.assert_allclose(out[:, rest], low[:, rest] - [0, low[0, :, 1].min(), 0], atol=0.02)
    np.testing.assert_allclose(bones(out), bones(low), atol=1e-4)


def test_without_contacts_only_what_is_below_is_raised(standing: tuple[np.ndarray, np.ndarray]) -> None:
    joints, features = standing
    features = features.copy()
    features[:, CONTACTS] = 0
    above = joints + np.array([0, 0.3, 0], np.float32)
    np.testing.assert_allclose(stand_on_floor(above, features), above, atol=1e-6)
    below = stand_on_floor(joints - np.array([0, 0.3, 0], np.float32), features)
    assert 0 <= below[..., 1].min() < 0.01


@pytest.mark.parametrize("fps", [20.0, 60.0])
def test_new_frames_are_raised_without_a_step_at_given_ones(
    standing: tuple[np.ndarray, np.ndarray], fps: float
) -> None:
    joints, _ = standing
    joints = joints - np.array([0, joints[..., 1].min(), 0], np.float32)
    frames = round(3 * fps)
    sink = -0.2 * np.sin(np.linspace(0, np.pi, frames)).astype(np.float32)
    moved = np.resize(joints, (frames, 22, 3)) + sink[:, None, None] * np.array([0, 1, 0], np.float32)
    out = raise_above_floor(moved, fps, fixed_end=True)
    lift = out[:, 0, 1] - moved[:, 0, 1]
    assert out[..., 1].min() >= -1e-6
    assert max(lift[0], lift[-1]) < 0.06
    assert np.abs(np.diff(lift)).max() < 1.0 / fps
    still = np.resize(joints, (frames, 22, 3))
    assert raise_above_floor(still, fps) is still
