import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bimotion.features import joints_to_features
from bimotion.features.mirror import mirror_features, symmetric_skeleton
from bimotion.motion.skeleton import MIRROR, TARGET_OFFSETS
from tests.data.made_up import make_motion


@settings(max_examples=10, deadline=None)
@given(st.floats(-250, 250), st.floats(0, 2), st.sampled_from(["left", "right", "both"]))
def test_mirrored_features_are_those_of_the_mirrored_motion(turn: float, speed: float, hand: str) -> None:
    joints = make_motion(60, turn_deg=turn, speed=speed, hand=hand, swings=3)
    image = joints[:, MIRROR] * np.array([-1, 1, 1], np.float32)
    skeleton = symmetric_skeleton()
    expected = joints_to_features(image, uniform_skeleton=skeleton)
    found = mirror_features(joints_to_features(joints, uniform_skeleton=skeleton))
    np.testing.assert_allclose(found, expected, atol=2e-5)


def test_mirroring_twice_is_the_identity() -> None:
    features = np.random.default_rng(0).normal(size=(5, 7, 263)).astype(np.float32)
    np.testing.assert_array_equal(mirror_features(mirror_features(features)), features)


def test_the_symmetric_skeleton_is_the_published_one_within_a_centimetre() -> None:
    skeleton = symmetric_skeleton()
    np.testing.assert_array_equal(skeleton[MIRROR] * [-1, 1, 1], skeleton)
    assert np.abs(skeleton - TARGET_OFFSETS).max() < 0.01
