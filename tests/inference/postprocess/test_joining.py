import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bimotion.features.clips import FloorTransform
from bimotion.inference.postprocess.bones import with_bones_of
from bimotion.inference.postprocess.joining import Path, bridge
from bimotion.motion.clip import Clip
from bimotion.motion.skeleton import PARENTS


def speeds(joints: np.ndarray) -> np.ndarray:
    return np.linalg.norm(np.diff(joints, axis=0), axis=-1).max(-1)


def moved(joints: np.ndarray, yaw: float, x: float, z: float) -> np.ndarray:
    return FloorTransform(yaw, (x, z)).to_world(joints)


def test_path_taken_apart_and_put_together_is_the_same(walk: Clip) -> None:
    np.testing.assert_allclose(Path.of(walk.joints).joints(), walk.joints, atol=1e-6)


@settings(max_examples=20, deadline=None)
@given(yaw=st.floats(-6, 6), x=st.floats(-5, 5), z=st.floats(-5, 5))
def test_where_the_new_motion_was_made_does_not_matter(walk: Clip, yaw: float, x: float, z: float) -> None:
    here, _ = bridge(walk.joints[:20], walk.joints[20:], window=8)
    there, _ = bridge(walk.joints[:20], moved(walk.joints[20:], yaw, x, z), window=8)
    np.testing.assert_allclose(there, here, atol=1e-4)


def test_a_motion_cut_in_two_is_joined_without_a_jump(walk: Clip) -> None:
    new, _ = bridge(walk.joints[:20], moved(walk.joints[20:], 1.0, 3.0, 2.0), window=8)
    np.testing.assert_allclose(new, walk.joints[20:], atol=0.03)
    joined = np.concatenate([walk.joints[:20], new])
    assert speeds(joined).max() < 1.2 * speeds(walk.joints).max()


def test_a_different_pose_fades_in(walk: Clip) -> None:
    other = walk.joints.copy()
    other[:, [18, 20]] += [0.0, 0.5, 0.0]  # the left forearm is held up
    new, _ = bridge(walk.joints[:20], other[20:], window=8)
    # 0.5 m over eight frames: 0.094 m in the fastest frame of the cubic, on top of the walk's own speed.
    assert speeds(np.concatenate([walk.joints[:20], new])).max() < speeds(walk.joints).max() + 0.1
    np.testing.assert_allclose(Path.of(new).pose[10:], Path.of(other[20:]).pose[10:], atol=1e-5)


def test_what_follows_is_moved_to_where_the_new_motion_arrives(walk: Clip) -> None:
    last = moved(walk.joints[30:], 2.0, 5.0, -1.0)
    new, after = bridge(walk.joints[:15], walk.joints[15:30], last, window=6)
    assert after is not None
    joined = np.concatenate([walk.joints[:15], new, after])
    assert speeds(joined).max() < 1.2 * speeds(walk.joints).max()
    np.testing.assert_allclose(Path.of(after).pose, Path.of(last).pose, atol=1e-5)


def test_what_keeps_its_place_is_led_to(walk: Clip) -> None:
    last = walk.joints[30:] + np.array([0.3, 0, 0.2], dtype=np.float32)
    new, after = bridge(walk.joints[:15], walk.joints[15:30], last, window=6, fixed_end=True)
    assert after is last
    joined = np.concatenate([walk.joints[:15], new, after])
    # 0.36 m over fifteen frames, at most 1.5 times as fast in the middle.
    assert speeds(joined).max() < speeds(walk.joints).max() + 1.6 * 0.36 / 16


@pytest.mark.parametrize("num", [1, 2, 3])
def test_a_gap_of_few_frames_is_filled(walk: Clip, num: int) -> None:
    new, after = bridge(walk.joints[:15], walk.joints[15 : 15 + num], walk.joints[15 + num :], window=8)
    assert after is not None
    assert speeds(np.concatenate([walk.joints[:15], new, after])).max() < 1.5 * speeds(walk.joints).max()


def test_another_body_has_its_own_bones_and_longer_steps(walk: Clip) -> None:
    tall = with_bones_of(walk.joints, walk.joints * np.float32(1.5))
    np.testing.assert_allclose(tall, walk.joints * 1.5, atol=1e-5)
    bones = np.linalg.norm(tall[:, 1:] - tall[:, list(PARENTS[1:])], axis=-1)
    np.testing.assert_allclose(bones, np.broadcast_to(bones[:1], bones.shape), atol=1e-5)
