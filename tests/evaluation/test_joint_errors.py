import numpy as np
import pytest

from bimotion.evaluation.joint_errors import (
    acceleration_error,
    aligned_joint_error,
    displacement,
    flat_displacement,
    joint_error,
)


@pytest.fixture
def joints() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(9, 22, 3))


def turn(angle: float) -> np.ndarray:
    return np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])


def test_alignment_takes_shift_turn_and_scale_away_but_no_mirror_image(joints: np.ndarray) -> None:
    np.testing.assert_allclose(aligned_joint_error(2 * joints @ turn(1.0).T + 3, joints), 0, atol=1e-12)
    assert aligned_joint_error(joints * [-1, 1, 1], joints).min() > 0.1


def test_root_alignment_takes_a_path_away_and_nothing_else(joints: np.ndarray) -> None:
    path = np.cumsum(np.ones((9, 1, 3)), axis=0)
    np.testing.assert_allclose(joint_error(joints + path, joints), 0, atol=1e-12)
    raised = joints.copy()
    raised[:, 5, 1] += 0.22
    np.testing.assert_allclose(joint_error(raised, joints), 0.01, atol=1e-12)


def test_displacements_of_a_shift(joints: np.ndarray) -> None:
    moved = joints + [0.3, 0, 0.4]
    np.testing.assert_allclose(displacement(moved, joints), 0.5, atol=1e-12)
    np.testing.assert_allclose(flat_displacement(moved, joints), 0.5 * np.sqrt(22), atol=1e-12)


def test_a_constant_speed_has_no_acceleration_error(joints: np.ndarray) -> None:
    drift = joints + np.arange(9)[:, None, None] * np.linspace(0, 1, 22)[:, None]
    np.testing.assert_allclose(acceleration_error(drift, joints), 0, atol=1e-12)
    fall = joints.copy()
    fall[..., 1] -= np.arange(9)[:, None] ** 2
    np.testing.assert_allclose(acceleration_error(fall, joints), 2, atol=1e-12)
