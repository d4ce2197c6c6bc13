import numpy as np

from bimotion.motion.easing import fading_offset, smooth_step


def test_a_smooth_step_is_flat_at_both_ends_and_symmetric() -> None:
    x = np.linspace(-1, 5, 601)
    y = smooth_step(x, 1.0, 3.0)
    assert np.all(y[x <= 1] == 0)
    assert np.all(y[x >= 3] == 1)
    np.testing.assert_allclose(y + smooth_step(4 - x, 1.0, 3.0), 1, atol=1e-12)
    assert np.abs(np.gradient(y, x)[[np.searchsorted(x, 1), np.searchsorted(x, 3)]]).max() < 0.01


def test_an_offset_starts_with_its_value_and_rate_and_fades_to_zero() -> None:
    value, rate = np.array([[1.0, -2.0]]), np.array([[0.3, 0.1]])
    step = 1e-4
    start = fading_offset(value, rate, np.array([0.0, step]), 8)
    np.testing.assert_allclose(start[0], value)
    np.testing.assert_allclose((start[1] - start[0]) / step, rate, atol=1e-3)
    end = fading_offset(value, rate, np.array([8 - step, 8.0, 20.0]), 8)
    np.testing.assert_allclose(end[1:], 0, atol=0)
    assert np.abs(end[0]).max() < 1e-6
