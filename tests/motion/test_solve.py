"""The tridiagonal system of smoothed bend directions."""

import numpy as np
import pytest

from bimotion.motion.solve import _tridiagonal


@pytest.mark.parametrize("size", [2, 3, 120])
def test_a_tridiagonal_system_is_solved(size: int) -> None:
    rng = np.random.default_rng(size)
    diagonal, right = 2.0 + rng.random(size), rng.normal(size=size) + 1j * rng.normal(size=size)
    matrix = np.diag(diagonal) - np.eye(size, k=1) - np.eye(size, k=-1)
    np.testing.assert_allclose(
        _tridiagonal(diagonal.tolist(), -1.0, right.tolist()),
        np.linalg.solve(matrix, right),
        rtol=0,
        atol=1e-12,
    )
