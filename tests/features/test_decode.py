import numpy as np
import pytest
import torch

from bimotion.errors import DataError
from bimotion.features import features_to_joints, features_to_root, joints_to_features
from bimotion.features.layout import FEATURE_DIM, R_VEL, RIC, ROOT_XZ_VEL, ROOT_Y


def test_a_steady_turn_and_step_walk_a_circle():
    turn, step, frames = 0.05, 0.1, 200
    features = np.zeros((frames, FEATURE_DIM))
    features[:, R_VEL] = -turn / 2  # half of the world-to-root turn: the body turns to its left
    features[:, ROOT_XZ_VEL] = [0, step]
    features[:, ROOT_Y] = 0.9
    angle, xz = features_to_root(features)
    np.testing.assert_allclose(angle, turn * np.arange(frames), atol=1e-12)
    walked = step * np.cumsum(np.stack([np.sin(angle), np.cos(angle)], -1)[1:], 0)
    np.testing.assert_allclose(xz[1:], walked, atol=1e-12)
    assert xz[40, 0] > 0  # +X is the left of who faces +Z


def test_joints_are_turned_with_the_root_and_carried_along():
    features = np.zeros((2, FEATURE_DIM))
    features[0, R_VEL] = -np.pi / 4  # a quarter turn to the left before frame 1
    features[0, ROOT_XZ_VEL] = [0, 2.0]  # two metres ahead, seen from frame 1
    features[:, ROOT_Y] = 0.9
    features[:, RIC] = np.tile([0.1, 1.5, 0.3], 21)  # 10 cm to the left, 30 cm ahead
    joints = features_to_joints(features)
    np.testing.assert_allclose(joints[0], [[0, 0.9, 0]] + [[0.1, 1.5, 0.3]] * 21, atol=1e-12)
    np.testing.assert_allclose(joints[1], [[2, 0.9, 0]] + [[2.3, 1.5, -0.1]] * 21, atol=1e-12)


def test_torch_decodes_as_numpy_and_any_batch_as_its_parts(make_motion):
    features = joints_to_features(np.stack([make_motion(31, seed) for seed in range(4)]))
    joints = features_to_joints(features)
    assert joints.shape == (4, 30, 22, 3)
    assert joints.dtype == np.float32
    np.testing.assert_allclose(features_to_joints(torch.from_numpy(features)).numpy(), joints, atol=2e-6)
    four = features_to_joints(features.reshape(2, 2, 30, FEATURE_DIM))
    np.testing.assert_array_equal(four.reshape(joints.shape), joints)
    np.testing.assert_allclose(features_to_joints(features[2]), joints[2], atol=1e-6)


def test_decoding_is_differentiable():
    features = torch.randn(1, 3, FEATURE_DIM, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    features = features[..., : RIC.start + 6]

    def decode(columns):
        rest = columns.new_zeros(*columns.shape[:-1], FEATURE_DIM - columns.shape[-1])
        return features_to_joints(torch.cat([columns, rest], -1))

    assert torch.autograd.gradcheck(decode, (features.requires_grad_(),))


def test_one_frame_stands_over_the_origin():
    angle, xz = features_to_root(np.ones((1, FEATURE_DIM)))
    assert angle.tolist() == [0]
    assert xz.tolist() == [[0, 0]]


@pytest.mark.parametrize("make", [np.zeros, torch.zeros])
@pytest.mark.parametrize("decode", [features_to_joints, features_to_root])
def test_wrong_columns_are_named(make, decode):
    with pytest.raises(DataError, match=r"shape \(\.\.\., frames, 263\), got \(4, 22, 3\)"):
        decode(make((4, 22, 3)))
