"""Slow limbs do not tremble, fast ones keep their motion."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bimotion.inference.postprocess.steady import steady_limbs
from bimotion.motion.clip import Clip
from bimotion.motion.skeleton import joint_indices
from tests.data.made_up import make_motion

(WRIST, PELVIS) = joint_indices("right_wrist", "pelvis")


def jitter(course: np.ndarray) -> float:
    return float(np.linalg.norm(np.diff(course, n=3, axis=0), axis=-1).mean())


def test_a_limb_that_hangs_stops_trembling() -> None:
    still = np.repeat(np.asarray(make_motion(60))[:1], 60, axis=0)
    trembling = still + np.random.default_rng(0).normal(0, 0.004, still.shape)
    trembling[:, PELVIS] = still[:, PELVIS]
    steady = steady_limbs(trembling.astype(np.float32))
    assert jitter(steady[:, WRIST]) < 0.1 * jitter(trembling[:, WRIST])
    assert np.abs(steady - still).max() < 0.01


def test_a_fast_limb_keeps_its_course(walk: Clip) -> None:
    joints = walk.joints.astype(np.float64).copy()
    swing = 0.4 * np.sin(2 * np.pi * 1.5 * np.arange(len(joints)) / 20)
    joints[:, WRIST, 1] += swing
    steady = steady_limbs(joints)
    assert np.abs(steady[:, WRIST] - joints[:, WRIST]).max() < 0.03
    kept = np.ptp(steady[:, WRIST, 1] - steady[:, PELVIS, 1]) / np.ptp(
        joints[:, WRIST, 1] - joints[:, PELVIS, 1]
    )
    assert kept > 0.95


@given(st.integers(1, 12))
def test_motions_of_any_length_keep_the_pelvis(frames: int) -> None:
    joints = np.random.default_rng(frames).normal(size=(frames, 22, 3)).astype(np.float32)
    steady = steady_limbs(joints)
    assert steady.shape == joints.shape
    assert steady.dtype == joints.dtype
    np.testing.assert_allclose(steady[:, PELVIS], joints[:, PELVIS], atol=1e-6)
