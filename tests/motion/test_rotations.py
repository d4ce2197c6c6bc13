import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.transform import Rotation

from bimotion.motion import rotations as r
from tests.motion.euler import euler_to_matrix

few = settings(max_examples=25, deadline=None)
ORDERS = ("xyz", "xzy", "yxz", "yzx", "zxy", "zyx")


def quats(n: int = 5):
    values = st.floats(-1, 1, allow_nan=False, width=64)
    return (
        arrays(np.float64, (n, 4), elements=values)
        .filter(lambda q: (np.linalg.norm(q, axis=-1) > 1e-3).all())
        .map(r.quat_normalise)
    )


def vectors(n: int = 5, bound: float = 3.0):
    return arrays(np.float64, (n, 3), elements=st.floats(-bound, bound, allow_nan=False))


def to_scipy(q: np.ndarray) -> Rotation:
    return Rotation.from_quat(q, scalar_first=True)


@few
@given(quats(), quats(), vectors())
def test_products_matrices_and_turned_vectors_agree_with_scipy(a, b, v) -> None:
    both = to_scipy(a) * to_scipy(b)
    np.testing.assert_allclose(r.quat_to_matrix(r.quat_multiply(a, b)), both.as_matrix(), atol=1e-12)
    np.testing.assert_allclose(r.quat_rotate(a, v), to_scipy(a).apply(v), atol=1e-12)
    np.testing.assert_allclose(r.quat_rotate(r.quat_conjugate(a), r.quat_rotate(a, v)), v, atol=1e-12)


@few
@given(quats())
def test_each_form_gives_the_rotation_back(q) -> None:
    m = r.quat_to_matrix(q)
    for back in (
        r.quat_to_matrix(r.matrix_to_quat(m)),
        r.quat_to_matrix(r.axis_angle_to_quat(r.quat_to_axis_angle(q))),
        *(euler_to_matrix(r.matrix_to_euler(m, order), order) for order in ORDERS),
    ):
        np.testing.assert_allclose(back, m, atol=2e-8)


@pytest.mark.parametrize("order", ORDERS)
@few
@given(angles=vectors())
def test_euler_angles_are_intrinsic(order, angles) -> None:
    expected = Rotation.from_euler(order.upper(), angles).as_matrix()
    np.testing.assert_allclose(euler_to_matrix(angles, order), expected, atol=1e-12)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("second", [np.pi / 2, -np.pi / 2])
def test_euler_angles_at_gimbal_lock_still_mean_the_rotation(order, second) -> None:
    angles = np.stack([np.linspace(-3, 3, 13), np.full(13, second), np.linspace(2, -2, 13)], axis=-1)
    m = euler_to_matrix(angles, order)
    found = r.matrix_to_euler(m, order)
    np.testing.assert_allclose(euler_to_matrix(found, order), m, atol=1e-7)


@pytest.mark.parametrize("order", ORDERS)
def test_euler_angles_near_gimbal_lock_mean_the_rotation_too(order) -> None:
    near = np.concatenate([-np.logspace(-12, -1, 200), np.logspace(-12, -1, 200)])
    for second in (np.pi / 2, -np.pi / 2):
        angles = np.stack([np.linspace(-3, 3, 400), second + near, np.linspace(2, -2, 400)], axis=-1)
        m = euler_to_matrix(angles, order)
        np.testing.assert_allclose(euler_to_matrix(r.matrix_to_euler(m, order), order), m, atol=1e-8)
        single = m.astype(np.float32)
        back = euler_to_matrix(r.matrix_to_euler(single, order), order)
        np.testing.assert_allclose(back, single, atol=4e-6)


@pytest.mark.parametrize("angle", [0.0, 1e-9, 1e-5, 1.0, np.pi - 1e-9, np.pi])
@pytest.mark.parametrize("axis", np.eye(3))
def test_axis_angle_of_hard_angles(angle, axis) -> None:
    q = r.axis_angle_to_quat(axis * angle)
    np.testing.assert_allclose(np.linalg.norm(r.quat_to_axis_angle(q)), angle, atol=1e-12)
    back = r.matrix_to_quat(r.quat_to_matrix(q))
    np.testing.assert_allclose(abs((back * q).sum()), 1, atol=1e-12)


@few
@given(vectors(), vectors())
def test_the_rotation_between_directions_brings_one_to_the_other(a, b) -> None:
    length_a, length_b = (np.linalg.norm(v, axis=-1, keepdims=True) for v in (a, b))
    sure = ((length_a > 1e-6) & (length_b > 1e-6))[:, 0]
    turned = r.quat_rotate(r.quat_between(a, b), a)[sure]
    np.testing.assert_allclose(turned / length_a[sure], b[sure] / length_b[sure], atol=1e-6)


def test_opposite_and_zero_directions_have_a_rotation_between_them() -> None:
    a = np.array([[1.0, 0, 0], [0, -2.0, 0], [0.3, 0.4, 0.5]])
    np.testing.assert_allclose(r.quat_rotate(r.quat_between(a, -a), a), -a, atol=1e-12)
    np.testing.assert_array_equal(r.quat_between(np.zeros(3), a[0]), [1, 0, 0, 0])


@few
@given(quats(), quats(), st.floats(0, 1))
def test_slerp_turns_at_constant_speed_the_shorter_way(a, b, t) -> None:
    def angle(p, q):
        return np.linalg.norm(r.quat_to_axis_angle(r.quat_multiply(r.quat_conjugate(p), q)), axis=-1)

    whole = angle(a, b)
    np.testing.assert_allclose(angle(a, r.slerp(a, b, t)), t * whole, atol=2e-6)
    # half a turn has two shorter ways
    sure = whole < 3.14
    np.testing.assert_allclose(angle(r.slerp(a, -b, t), r.slerp(a, b, t))[sure], 0, atol=2e-6)


def test_float32_stays_float32() -> None:
    q = np.array([[0.5, 0.5, 0.5, 0.5]], dtype=np.float32)
    m = r.quat_to_matrix(q)
    for result in (
        m,
        r.matrix_to_quat(m),
        r.matrix_to_euler(m, "zyx"),
        r.quat_to_axis_angle(q),
        r.slerp(q, q, 0.5),
    ):
        assert result.dtype == np.float32


def test_batch_dimensions_are_free() -> None:
    q = r.quat_normalise(np.random.default_rng(0).normal(size=(2, 3, 4, 4)))
    v = np.ones(3)
    assert r.quat_rotate(q, v).shape == (2, 3, 4, 3)
    np.testing.assert_array_equal(r.quat_to_matrix(q)[1, 2, 3], r.quat_to_matrix(q[1, 2, 3]))
    np.testing.assert_array_equal(
        r.quat_multiply(q, q[0, 0, 0]), r.quat_multiply(q, np.broadcast_to(q[0, 0, 0], q.shape))
    )
