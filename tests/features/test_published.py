import numpy as np
import pytest

from bimotion.features import clips_to_features, features_to_joints, joints_to_features
from bimotion.features.layout import R_VEL, ROT6D

VARIATIONS = [
    ("in.new_joints", "out.features"),
    ("var2.joints", "var2.features"),
    ("var3.joints", "var3.features"),
]


@pytest.mark.parametrize(("joints", "features"), VARIATIONS)
def test_a_published_recording_gives_the_published_numbers(published, joints, features):
    found = joints_to_features(published[joints], compatible=True)
    np.testing.assert_allclose(found, published[features], atol=1e-6)
    np.testing.assert_allclose(joints_to_features(published[joints]), published[features], atol=1e-5)


def test_the_published_file_agrees_until_the_filter_sees_its_end(published):
    found = joints_to_features(published["in.new_joints"], compatible=True)
    np.testing.assert_allclose(found[:80], published["in.new_joint_vecs_published"][:80], atol=1e-5)


def test_windows_of_recordings_give_the_published_numbers(windows):
    found = clips_to_features([joints for _, _, joints, _, _ in windows], compatible=True)
    for (name, _, _, expected, _), features in zip(windows, found, strict=True):
        np.testing.assert_allclose(features, expected, atol=1e-6, err_msg=name)


def test_exact_features_differ_in_one_turn_and_in_the_published_roundings(windows):
    for name, crosses, joints, expected, _ in windows:
        off = np.abs(joints_to_features(joints) - expected)
        assert ((off[:, R_VEL] > 1e-3).sum() > 0) == crosses, name
        assert off[:, 1 : ROT6D.start].max() < 5e-5, name
        assert off[:, ROT6D].max() < 2e-4, name


def test_published_features_decode_to_the_published_joints(published, windows):
    decoded = features_to_joints(published["in.new_joint_vecs_published"])
    np.testing.assert_allclose(decoded, published["out.recover_from_ric_published"], atol=5e-6)
    for name, _, _, features, joints in windows:
        np.testing.assert_allclose(features_to_joints(features), joints, atol=5e-6, err_msg=name)


def test_windows_that_cross_half_a_turn_are_decoded_where_the_published_turn_fails(windows):
    crossing = [(joints, new) for _, crosses, joints, _, new in windows if crosses]
    assert len(crossing) == 9
    for joints, published_joints in crossing:
        exact = features_to_joints(joints_to_features(joints))
        again = features_to_joints(joints_to_features(joints, compatible=True))
        np.testing.assert_allclose(again, published_joints, atol=1e-5)
        assert np.abs(exact - again).max() > 1e-3
