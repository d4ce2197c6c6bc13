"""Arrays of other systems that look like HumanML3D features."""

import numpy as np
import pytest

from bimotion.errors import MotionFileError
from bimotion.features import features_to_joints, joints_to_features
from bimotion.features.clip_encoding import encode_clip
from bimotion.features.layout import FEATURE_DIM, RIC
from bimotion.features.normalise import FeatureStats
from bimotion.features.variants import as_features
from tests.data.made_up import make_motion


@pytest.fixture
def features() -> np.ndarray:
    return encode_clip(make_motion(80, speed=1.2, turn_deg=120, hand="left", swings=3))


def test_features_are_taken_as_they_are(features: np.ndarray) -> None:
    np.testing.assert_array_equal(as_features(features, "x"), features)
    np.testing.assert_array_equal(as_features(features.astype(np.float64), "x"), features)
    published = joints_to_features(make_motion(80, speed=1.2), compatible=True)
    assert as_features(published, "x") is not None


def test_features_as_a_network_generates_them_are_taken(features: np.ndarray) -> None:
    noise = np.random.default_rng(0).normal(size=features.shape).astype(np.float32)
    noisy = features + 0.03 * noise  # 3 cm a joint and 0.6 m/s of the root
    assert as_features(noisy, "x") is not None


def test_normalised_features_are_refused(features: np.ndarray) -> None:
    stats = FeatureStats.of([features, encode_clip(make_motion(60, hand="right", swings=5))])
    with pytest.raises(MotionFileError, match=r"x\.npy: .*look normalised.*Std and add the Mean"):
        as_features(stats.normalise(features), "x.npy")


@pytest.mark.parametrize("speed", [0.3, 1.2, 4.0])
def test_absolute_roots_are_refused(speed: float) -> None:
    features = encode_clip(make_motion(80, speed=speed, turn_deg=60))
    absolute = features.copy()
    absolute[:, 1:3] = features_to_joints(features)[:, 0, [0, 2]]
    with pytest.raises(MotionFileError, match="root's columns look absolute"):
        as_features(absolute, "x.npy")


@pytest.mark.parametrize(("columns", "name"), [(251, "KIT-ML"), (272, "MotionStreamer")])
def test_other_layouts_are_refused_by_name(columns: int, name: str) -> None:
    with pytest.raises(MotionFileError, match=name):
        as_features(np.zeros((40, columns), np.float32), "x.npy")


def test_root_and_joint_columns_are_completed(features: np.ndarray) -> None:
    completed = as_features(features[:, : RIC.stop], "x.npy")
    assert completed is not None
    assert completed.shape == features.shape
    joints = features_to_joints(features)
    np.testing.assert_array_equal(features_to_joints(completed), joints)
    np.testing.assert_allclose(completed[:-1, RIC.stop :], features[:-1, RIC.stop :], atol=0.02)


def test_other_arrays_are_no_features() -> None:
    assert as_features(np.zeros((40, 66)), "x.npy") is None
    assert as_features(np.zeros((40, 22, 3)), "x.npy") is None
    with pytest.raises(MotionFileError, match="2 or more frames"):
        as_features(np.zeros((1, FEATURE_DIM)), "x.npy")
