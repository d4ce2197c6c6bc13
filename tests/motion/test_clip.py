from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest

from bimotion.errors import MotionFileError
from bimotion.motion.clip import Clip, facing
from bimotion.motion.kinematics import clip_rotations, clip_to_pose
from bimotion.motion.skeleton import JOINT_NAMES, MIRROR, PARENTS, RAW_OFFSETS, TARGET_OFFSETS
from tests.motion.skeletons import with_rotations


def turned(clip: Clip, angle: float, shift: tuple[float, float, float]) -> Clip:
    c, s = np.cos(angle), np.sin(angle)
    about_y = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    return replace(clip, joints=clip.joints @ about_y.T + shift)


def test_a_clip_cannot_be_changed_and_does_not_follow_its_source(walk) -> None:
    source = walk.joints.copy()
    clip = Clip(source, 20)
    source[:] = 0
    assert clip.joints.any()
    with pytest.raises(ValueError, match="read-only"):
        clip.joints[0] = 0
    with pytest.raises(FrozenInstanceError):
        clip.fps = 3  # type: ignore[misc]


def test_length_duration_and_cutting(walk) -> None:
    assert len(walk) == 41
    assert walk.duration == pytest.approx(41 / 20)
    part = walk[10:20]
    np.testing.assert_array_equal(part.joints, walk.joints[10:20])
    assert (len(part), part.fps, part.name) == (10, 20, walk.name)
    assert len(with_rotations(walk)[-5:].rotations) == 5
    with pytest.raises(TypeError, match="resample"):
        walk[::2]
    with pytest.raises(MotionFileError, match="at least one frame"):
        walk[5:5]


@pytest.mark.parametrize(
    ("joints", "fps", "message"),
    [
        (np.zeros((3, 21, 3)), 20, r"\(frames, 22, 3\), got \(3, 21, 3\)"),
        (np.zeros((0, 22, 3)), 20, "at least one frame"),
        (np.full((2, 22, 3), np.nan), 20, "frame 0"),
        (np.zeros((2, 22, 3)), 0, "above 0"),
        (np.zeros((2, 22, 3)), float("nan"), "above 0"),
    ],
)
def test_what_is_no_motion_is_refused(joints, fps, message) -> None:
    with pytest.raises(MotionFileError, match=message):
        Clip(joints, fps)


def test_rotations_must_fit_the_joints(walk) -> None:
    with pytest.raises(MotionFileError, match="41 frames of joints but 40 of rotations"):
        replace(walk, rotations=np.tile(np.float32([1, 0, 0, 0]), (40, 22, 1)))


def test_mirror_swaps_left_and_right_and_twice_is_the_same(walk) -> None:
    clip = with_rotations(turned(walk, 0.4, (1, 0, 2)))
    mirrored = clip.mirror()
    left, right = JOINT_NAMES.index("left_wrist"), JOINT_NAMES.index("right_wrist")
    np.testing.assert_allclose(mirrored.joints[:, left], clip.joints[:, right] * [-1, 1, 1])
    np.testing.assert_array_equal(mirrored.mirror().joints, clip.joints)
    np.testing.assert_array_equal(mirrored.mirror().rotations, clip.rotations)
    # the mirrored rotations are those of the mirrored joints
    np.testing.assert_allclose(clip_to_pose(mirrored).joints(), mirrored.joints, atol=1e-5)


def test_the_canonical_pose_does_not_depend_on_where_the_motion_was(walk) -> None:
    base = walk.canonical()
    moved = with_rotations(turned(walk, 2.5, (3, 1, -7))).canonical()
    np.testing.assert_allclose(moved.joints, base.joints, atol=1e-5)
    assert moved.joints[..., 1].min() == pytest.approx(0, abs=1e-6)
    np.testing.assert_allclose(moved.joints[0, 0, [0, 2]], 0, atol=1e-6)
    np.testing.assert_allclose(facing(moved.joints[0]), [0, 0, 1], atol=1e-6)
    np.testing.assert_allclose(clip_to_pose(moved).joints(), moved.joints, atol=1e-5)


def test_facing_is_where_a_walker_goes(walk) -> None:
    way = walk.joints[-1, 0] - walk.joints[0, 0]
    assert facing(walk.joints).mean(0) @ way / np.linalg.norm(way) > 0.99
    assert facing(np.zeros((2, 22, 3), dtype=np.float32)).tolist() == [[0, 0, 1]] * 2


def test_resampling_to_an_even_part_takes_frames_as_they_are(walk) -> None:
    np.testing.assert_array_equal(walk.resample(10).joints, walk.joints[::2])
    assert walk.resample(20).joints.shape == walk.joints.shape


@pytest.mark.parametrize("method", ["cubic", "linear"])
@pytest.mark.parametrize("fps", [12.5, 30, 7, 59.94])
def test_resampling_keeps_time_and_the_way(walk, fps, method) -> None:
    clip = with_rotations(walk).resample(fps, method=method)
    assert abs((len(clip) - 1) / fps - 2) <= 1 / fps
    np.testing.assert_allclose(
        clip.joints[:, 0, 2], walk.joints[0, 0, 2] + np.arange(len(clip)) / fps, atol=1e-5
    )
    np.testing.assert_allclose(np.linalg.norm(clip.rotations, axis=-1), 1, atol=1e-5)


def test_cubic_resampling_keeps_bones_better_than_linear(walk) -> None:
    def shortest(clip: Clip) -> float:
        bones = np.linalg.norm((clip.joints - clip.joints[:, list(PARENTS)])[:, 1:], axis=-1)
        return float((bones / np.linalg.norm(TARGET_OFFSETS[1:], axis=-1)).min())

    coarse = walk.resample(10)
    assert shortest(coarse.resample(20)) > shortest(coarse.resample(20, method="linear"))


def test_resampled_rotations_move_between_their_neighbours(walk) -> None:
    clip = with_rotations(walk)
    fine = clip.resample(40)
    np.testing.assert_allclose(fine.rotations[::2], clip.rotations, atol=1e-5)
    np.testing.assert_allclose(clip_to_pose(fine).joints()[::2], clip.joints, atol=2e-3)


def test_identity_rotations_are_the_raw_pose() -> None:
    lengths = np.linalg.norm(TARGET_OFFSETS, axis=-1)
    joints = np.zeros((1, 22, 3), dtype=np.float32)
    for joint, parent in enumerate(PARENTS[1:], 1):
        joints[:, joint] = joints[:, parent] + RAW_OFFSETS[joint] * lengths[joint]
    one_child = [JOINT_NAMES.index(name) for name in ("left_knee", "right_knee", "left_elbow", "right_elbow")]
    rotations = clip_rotations(clip_to_pose(Clip(joints, 20)).rotations)
    np.testing.assert_allclose(np.abs(rotations[:, one_child, 0]), 1, atol=1e-6)


def test_the_mirror_pairs_every_side() -> None:
    assert [JOINT_NAMES[i] for i in MIRROR[:3]] == ["pelvis", "right_hip", "left_hip"]
    assert (MIRROR[MIRROR] == np.arange(22)).all()
    np.testing.assert_array_equal(RAW_OFFSETS[MIRROR] * [-1, 1, 1], RAW_OFFSETS)
