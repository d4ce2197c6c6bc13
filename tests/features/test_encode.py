import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bimotion.errors import MotionFileError
from bimotion.features import (
    clips_to_features,
    compiled,
    features_to_joints,
    features_to_root,
    joints_to_features,
)
from bimotion.features.clip_encoding import encode_clip
from bimotion.features.layout import CONTACTS, LOCAL_VEL, R_VEL, RIC, ROOT_XZ_VEL, ROOT_Y, ROT6D
from bimotion.motion.clip import Clip
from bimotion.motion.skeleton import PARENTS, TARGET_OFFSETS


def canonical(joints):
    return Clip(joints=joints.astype(np.float32), fps=20).canonical().joints


@pytest.mark.parametrize("turns", [0.4, 0.6, 1.0, 3.0, -2.2, 10.0])
def test_turns_of_any_size_are_decoded_rightly(make_motion, turned, turns):
    joints = turned(make_motion(160), np.linspace(0, 2 * np.pi * turns, 160))
    features = joints_to_features(joints.astype(np.float32), uniform_skeleton=None)
    np.testing.assert_allclose(features_to_joints(features), canonical(joints)[:-1], atol=1e-4)


def test_the_angle_counts_whole_turns(make_motion, turned):
    standing = np.repeat(make_motion(1), 400, 0)
    joints = turned(standing, np.linspace(0, 2 * np.pi * 3, 400))
    angle, _ = features_to_root(joints_to_features(joints))
    # Away from the held ends the filter keeps a steady rate.
    assert angle[300] - angle[100] == pytest.approx(2 * np.pi * 3 * 200 / 399, abs=1e-3)
    assert np.diff(angle)[1:].max() < 0.1  # no jump at half a turn


def test_past_half_a_turn_only_the_compatible_turn_is_wrong(make_motion, turned):
    standing = np.repeat(make_motion(1), 160, 0)
    joints = turned(standing, np.linspace(0, 2 * np.pi * 0.8, 160)).astype(np.float32)
    exact = joints_to_features(joints, uniform_skeleton=None)
    compatible = joints_to_features(joints, uniform_skeleton=None, compatible=True)
    assert (np.abs(exact - compatible)[:, R_VEL] > 1e-4).sum() == 1
    assert np.abs(features_to_joints(compatible) - canonical(joints)[:-1]).max() > 0.01
    np.testing.assert_allclose(exact[:, 1:], compatible[:, 1:], atol=2e-4)


@settings(max_examples=20, deadline=None)
@given(
    angle=st.floats(-7, 7), x=st.floats(-5, 5), y=st.floats(-2, 2), z=st.floats(-5, 5), size=st.floats(0.5, 2)
)
def test_place_heading_and_size_do_not_matter(make_motion, turned, angle, x, y, z, size):
    joints = make_motion(50, dtype=np.float64)
    moved = size * turned(joints, angle) + [x, y, z]
    np.testing.assert_allclose(joints_to_features(moved), joints_to_features(joints), atol=1e-7)


def test_clips_are_put_on_the_uniform_skeleton(make_motion):
    joints = make_motion(60)
    other = joints.copy()
    for joint in range(1, 22):  # every bone by a factor of its own, the legs' the same on both sides
        grown = (joints[:, joint] - joints[:, PARENTS[joint]]) * (1 + 0.02 * ((joint + 1) // 3))
        other[:, joint] = other[:, PARENTS[joint]] + grown
    decoded = features_to_joints(joints_to_features(other))
    bones = np.linalg.norm(decoded[:, 1:] - decoded[:, PARENTS[1:]], axis=-1)
    np.testing.assert_allclose(
        bones, np.broadcast_to(np.abs(TARGET_OFFSETS[1:]).max(-1), bones.shape), atol=1e-5
    )
    assert decoded[..., 1].min() == pytest.approx(0, abs=1e-6)


def test_columns_hold_what_the_layout_says(make_motion, turned):
    joints = make_motion(80, dtype=np.float64)
    features = joints_to_features(joints, uniform_skeleton=None)
    decoded = features_to_joints(joints_to_features(joints, uniform_skeleton=None))
    angle, xz = features_to_root(features)
    np.testing.assert_allclose(features[:, ROOT_Y.start], decoded[:, 0, 1], atol=1e-12)
    local = turned(decoded - np.concatenate([xz[:, :1], 0 * xz[:, :1], xz[:, 1:]], -1)[:, None], -angle)
    np.testing.assert_allclose(features[:, RIC].reshape(-1, 21, 3), local[:, 1:], atol=1e-9)
    steps = turned(np.diff(decoded, axis=0), -angle[:-1])
    np.testing.assert_allclose(features[:-1, LOCAL_VEL].reshape(-1, 22, 3), steps, atol=1e-9)
    root_steps = turned(np.diff(decoded[:, :1], axis=0), -angle[1:])
    np.testing.assert_allclose(features[:-1, ROOT_XZ_VEL], root_steps[:, 0, ::2], atol=1e-9)
    a, b = np.split(features[:, ROT6D].reshape(-1, 21, 6), 2, axis=-1)
    np.testing.assert_allclose([(a * a).sum(-1), (b * b).sum(-1)], np.ones((2, *a.shape[:2])), atol=1e-9)
    np.testing.assert_allclose((a * b).sum(-1), 0, atol=1e-9)


@pytest.mark.parametrize(("step", "contact"), [(0.0447, 1.0), (0.0448, 0.0)])
def test_a_foot_is_in_contact_while_its_squared_step_is_below_the_threshold(make_motion, step, contact):
    joints = np.repeat(make_motion(1), 5, 0)
    joints[:, [8, 11], 2] += (step * np.arange(5))[:, None]
    contacts = joints_to_features(joints, uniform_skeleton=None)[:, CONTACTS]
    np.testing.assert_array_equal(contacts, np.tile([1, 1, contact, contact], (4, 1)))


@pytest.mark.parametrize("compatible", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_torch_and_numpy_agree_in_any_batch_shape(make_motion, compatible, dtype):
    joints = np.stack([make_motion(45, seed, dtype) for seed in range(6)]).reshape(2, 3, 45, 22, 3)
    features = joints_to_features(joints, compatible=compatible)
    assert features.shape == (2, 3, 44, 263)
    assert features.dtype == dtype
    from_torch = joints_to_features(torch.from_numpy(joints), compatible=compatible)
    assert from_torch.dtype == torch.from_numpy(joints).dtype
    np.testing.assert_allclose(from_torch.numpy(), features, atol=2e-6)
    one = joints_to_features(joints[1, 2], compatible=compatible)
    np.testing.assert_allclose(one, features[1, 2], atol=2e-6)


def test_gradients_reach_the_joints(make_motion):
    joints = torch.from_numpy(make_motion(12, dtype=np.float64)).requires_grad_()
    weight = torch.linspace(-1, 1, 263, dtype=torch.float64)
    weight[CONTACTS] = 0
    (joints_to_features(joints) @ weight).sum().backward()
    found = joints.grad[5, 7, 2].item()
    ends = []
    for move in (1e-6, -1e-6):
        moved = joints.detach().clone()
        moved[5, 7, 2] += move
        ends.append((joints_to_features(moved) @ weight).sum().item())
    assert found == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-5)


@pytest.mark.parametrize("compatible", [False, True])
def test_clips_of_unequal_lengths_are_encoded_as_alone(make_motion, compatible):
    clips = [make_motion(n, seed=n) for n in (90, 2, 700, 41, 40, 196, 3)]
    for clip, features in zip(clips, clips_to_features(clips, compatible=compatible), strict=True):
        assert features.flags.owndata  # not a view that keeps its neighbours in memory
        np.testing.assert_allclose(features, joints_to_features(clip, compatible=compatible), atol=2e-6)


def test_no_clips_are_no_features():
    assert clips_to_features([]) == []


@pytest.mark.parametrize("compatible", [False, True])
def test_extreme_poses_stay_finite(make_motion, compatible):
    joints = np.repeat(make_motion(1), 4, 0)
    joints[1, 15] = joints[1, 12]  # a head in the neck
    joints[:, 18:22] = joints[:, 16:17] - (joints[:, 18:22] * [0, 1, 0] - joints[:, 16:17] * [0, 1, 0])
    joints[2, 20] = joints[2, 18] + [0, 0.25, 0]  # a forearm straight up: half a turn from rest
    joints[:, [1, 2, 16, 17]] = joints[:, [0]]  # neither hips nor shoulders say where the body faces
    features = joints_to_features(joints, compatible=compatible, uniform_skeleton=None)
    assert np.isfinite(features).all()
    assert np.isfinite(joints_to_features(joints + [0, 0, 0], compatible=compatible)).all()


def test_facing_straight_back_is_no_special_case(make_motion, turned):
    joints = make_motion(60, dtype=np.float64)
    start = canonical(joints).astype(np.float64)
    back = turned(start, np.pi)
    np.testing.assert_allclose(joints_to_features(back), joints_to_features(start), atol=1e-6)


@pytest.mark.parametrize("make", [np.array, torch.tensor])
def test_wrong_input_is_named(make):
    good = np.random.default_rng(0).normal(size=(3, 22, 3)).astype(np.float32)
    with pytest.raises(MotionFileError, match=r"shape \(\.\.\., frames, 22, 3\), got \(3, 24, 3\)"):
        joints_to_features(make(np.zeros((3, 24, 3), np.float32)))
    with pytest.raises(MotionFileError, match=r"got \(22, 3\)"):
        joints_to_features(make(good[0]))
    with pytest.raises(MotionFileError, match="at least 2 frames, got 1"):
        joints_to_features(make(good[:1]))
    bad = np.stack([good, good])
    bad[1, 2, 5, 0] = np.nan
    with pytest.raises(MotionFileError, match="NaN or infinite in frame 2 of clip 1"):
        joints_to_features(make(bad))
    bad[1, 2, 5, 0] = np.inf
    with pytest.raises(MotionFileError, match="NaN or infinite in frame 2$"):
        joints_to_features(make(bad[1]))
    with pytest.raises(MotionFileError, match="the size of the body is unknown"):
        joints_to_features(make(np.zeros((3, 22, 3), np.float32)))


def test_the_clip_at_fault_is_named(make_motion):
    with pytest.raises(MotionFileError, match=r"clip 1: expected .* \(frames, 22, 3\), got \(1, 5, 22, 3\)"):
        clips_to_features([make_motion(5), make_motion(5)[None]])


@pytest.mark.skipif(not compiled.available(), reason="the library was not compiled")
@pytest.mark.parametrize("frames", [2, 3, 60, 161, 400])
def test_compiled_features_are_those_of_numpy_to_the_bit(make_motion, turned, monkeypatch, frames):
    joints = turned(make_motion(frames), np.linspace(0, 5, frames)) * 1.3
    joints[:, 15] = joints[:, 12]  # a bone without a length
    joints[:, 20] = joints[:, 18] + [0, 0.25, 0]  # and one opposite to its direction at rest
    fast = encode_clip(joints)
    monkeypatch.setattr(compiled, "available", lambda: False)
    np.testing.assert_array_equal(fast, encode_clip(joints))
