"""Filters along time are those of scipy."""

import numpy as np
import pytest
from scipy import ndimage

from bimotion.motion.filters import gaussian_filter, maximum_filter, mean_filter

CURVES = [
    np.random.default_rng(n).normal(size=(n, *rest)) for n in (1, 2, 7, 110) for rest in ((), (2,), (3, 2))
]


@pytest.mark.parametrize("x", CURVES, ids=lambda x: str(x.shape))
def test_filters_are_those_of_scipy(x: np.ndarray) -> None:
    near = {"rtol": 0, "atol": 1e-14}
    for sigma in (1, 1.5, 4.9):
        for ends in ("reflect", "nearest"):
            expected = ndimage.gaussian_filter1d(x, sigma, axis=0, mode=ends)
            np.testing.assert_allclose(gaussian_filter(x, sigma, ends), expected, **near)
    for size in (1, 2, 5, 8):
        np.testing.assert_allclose(
            mean_filter(x, size, "nearest"), ndimage.uniform_filter1d(x, size, axis=0, mode="nearest"), **near
        )
        np.testing.assert_allclose(
            mean_filter(x, size, "zero"), ndimage.uniform_filter1d(x, size, axis=0, mode="constant"), **near
        )
    if x.ndim == 1:
        for radius in (0, 1, 6):
            expected = ndimage.maximum_filter1d(x, 2 * radius + 1, mode="nearest")
            np.testing.assert_array_equal(maximum_filter(x, radius), expected)
