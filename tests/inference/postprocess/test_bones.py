"""Cleaned motion is that of a rigid skeleton: files with constant bones lose nothing."""

import numpy as np
import pytest

from bimotion.features.clips import clip_to_features
from bimotion.features.layout import RIC
from bimotion.features.mirror import symmetric_skeleton
from bimotion.inference.postprocess.bones import (
    bone_offsets,
    rigid_bones_of,
    with_bones,
    with_bones_of,
)
from bimotion.inference.postprocess.cleanup import clean_clip
from bimotion.motion.clip import Clip
from bimotion.motion.kinematics import clip_to_pose
from bimotion.motion.skeleton import JOINT_NAMES, PARENTS, REST_OFFSETS
from bimotion.motion.solve import bone_vectors


def disturbed(joints: np.ndarray, size: float) -> np.ndarray:
    """Joints moved independently of each other, smoothly over time, by `size` metres (one deviation)."""
    knots = np.random.default_rng(0).normal(0, size, (len(joints) // 10 + 2, *joints.shape[1:]))
    at = np.arange(len(joints)) / 10
    low = at.astype(int)
    part = (at - low)[:, None, None]
    return (joints + knots[low] * (1 - part) + knots[low + 1] * part).astype(np.float32)


def test_a_rigid_skeleton_stays_as_it_is(walk: Clip) -> None:
    rigid = with_bones(walk.joints, symmetric_skeleton())
    np.testing.assert_allclose(with_bones(rigid, symmetric_skeleton()), rigid, atol=1e-5)
    np.testing.assert_allclose(with_bones(rigid, bone_offsets(rigid)), rigid, atol=1e-4)
    assert with_bones_of(rigid, rigid) is rigid


def test_cleaned_features_are_exactly_rotations_of_constant_bones(walk: Clip) -> None:
    features = clip_to_features(Clip(walk.joints, 20.0)).copy()
    features[:, RIC] += np.random.default_rng(0).normal(0, 0.02, features[:, RIC].shape)
    clean = clean_clip(features)
    np.testing.assert_allclose(clip_to_pose(clean).joints(), clean.joints, atol=1e-4)
    lengths = np.linalg.norm(bone_vectors(clean.joints), axis=-1)
    np.testing.assert_allclose(
        lengths, np.broadcast_to(np.linalg.norm(symmetric_skeleton(), axis=-1), lengths.shape), atol=1e-4
    )


def test_limbs_keep_their_directions_and_the_body_its_way(walk: Clip) -> None:
    moved = disturbed(walk.joints, 0.03)
    out = with_bones(moved, symmetric_skeleton())
    np.testing.assert_array_equal(out[:, 0], moved[:, 0])
    for joint in (4, 5, 7, 8, 15, 18, 19, 20, 21):  # below knees, elbows and neck
        a, b = (bone_vectors(joints)[:, joint] for joints in (moved, out))
        cosine = (a * b).sum(-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1)
        np.testing.assert_allclose(cosine, 1, atol=1e-5)


def test_hips_and_collars_of_a_human_body_stay_where_they_are(walk: Clip) -> None:
    body = with_bones_of(walk.joints, t_pose())
    cleaned = clean_clip(clip_to_features(Clip(body, 20.0))).joints
    for joint in ("left_hip", "right_hip", "left_collar", "right_collar", "neck", "spine1"):
        bone = bone_vectors(cleaned)[:, JOINT_NAMES.index(joint)]
        before = bone_vectors(body)[: len(cleaned), JOINT_NAMES.index(joint)]
        cosine = (bone * before).sum(-1) / np.linalg.norm(bone, axis=-1) / np.linalg.norm(before, axis=-1)
        assert np.degrees(np.arccos(np.clip(cosine, -1, 1))).max() < 3, joint


def t_pose() -> np.ndarray:
    joints = np.zeros((1, 22, 3), np.float32)
    for joint, parent in enumerate(PARENTS[1:], 1):
        joints[:, joint] = joints[:, parent] + REST_OFFSETS[joint]
    return joints


@pytest.mark.parametrize("size", [1.0, 1.5])
def test_new_frames_get_the_arrangement_of_the_given_body(walk: Clip, size: float) -> None:
    body = with_bones(walk.joints, symmetric_skeleton() * np.float32([1.3, 1, 1])) * np.float32(size)
    new = rigid_bones_of(disturbed(body, 0.03), body)
    rig = clip_to_pose(Clip(np.concatenate([body, new]), 20.0)).joints()
    np.testing.assert_allclose(rig, np.concatenate([body, new]), atol=1e-3)


def test_a_body_without_rigid_bones_lends_none(walk: Clip) -> None:
    loose = disturbed(walk.joints, 0.03)
    assert rigid_bones_of(walk.joints, loose) is walk.joints
