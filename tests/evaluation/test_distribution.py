import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import sqrtm

from bimotion.errors import DataError
from bimotion.evaluation.distribution import (
    Gaussian,
    diversity,
    draw_distinct_pairs,
    draw_pairs,
    fid,
    frechet_distance,
)


def test_frechet_distance_of_two_round_gaussians_is_the_closed_form() -> None:
    # commuting covariances: |m - n|^2 + sum((sqrt(a) - sqrt(b))^2)
    m, n = np.array([1.0, 2.0, -1.0]), np.array([0.5, 2.0, 1.0])
    a, b = np.array([4.0, 1.0, 0.25]), np.array([1.0, 9.0, 0.0])
    closed = ((m - n) ** 2).sum() + ((np.sqrt(a) - np.sqrt(b)) ** 2).sum()
    got = frechet_distance(Gaussian(m, np.diag(a)), Gaussian(n, np.diag(b)))
    assert got == pytest.approx(closed, rel=1e-12)


def test_fid_of_samples_approaches_the_closed_form() -> None:
    rng = np.random.default_rng(0)
    real, generated = rng.normal(0, 1, (60_000, 4)), rng.normal(0.5, 2, (60_000, 4))
    assert fid(real, generated) == pytest.approx(4 * 0.25 + 4 * 1.0, rel=0.02)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**31), columns=st.integers(1, 12))
def test_fid_is_that_of_scipys_matrix_root(seed: int, columns: int) -> None:
    rng = np.random.default_rng(seed)
    real = rng.normal(size=(50, columns)) @ rng.normal(size=(columns, columns))
    generated = rng.normal(size=(60, columns)) @ rng.normal(size=(columns, columns)) + 1
    a, b = Gaussian.of(real), Gaussian.of(generated)
    root = np.trace(np.atleast_2d(sqrtm(a.covariance @ b.covariance)).real)
    shift = a.mean - b.mean
    with_scipy = shift @ shift + np.trace(a.covariance) + np.trace(b.covariance) - 2 * root
    assert frechet_distance(a, b) == pytest.approx(with_scipy, rel=1e-6, abs=1e-6)
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a), rel=1e-8)


def test_fid_of_fewer_motions_than_columns_is_exact() -> None:
    # two sets of 5 in 64 columns: nonzero eigenvalues of A B are those of a 5 x 5 matrix
    rng = np.random.default_rng(1)
    real, generated = rng.normal(size=(5, 64)), rng.normal(size=(5, 64))
    x, y = ((z - z.mean(0)) / 2 for z in (real, generated))
    overlap = np.linalg.svd(x @ y.T, compute_uv=False).sum()
    shift = real.mean(0) - generated.mean(0)
    closed = shift @ shift + (x * x).sum() + (y * y).sum() - 2 * overlap
    assert fid(real, generated) == pytest.approx(closed, rel=1e-9)
    assert fid(real, real) == pytest.approx(0, abs=1e-9)


def test_fid_does_not_depend_on_the_order_of_motions() -> None:
    rng = np.random.default_rng(2)
    real, generated = rng.normal(size=(40, 6)), rng.normal(size=(30, 6))
    assert fid(real[::-1], rng.permutation(generated)) == pytest.approx(fid(real, generated), rel=1e-10)


def test_fid_of_one_motion_is_refused() -> None:
    with pytest.raises(DataError, match="at least 2 motions, got 1"):
        fid(np.zeros((1, 3)), np.zeros((5, 3)))


def test_unlike_pairs_are_two_motions_each_and_published_ones_need_not_be() -> None:
    rng = np.random.default_rng(0)
    first, second = draw_distinct_pairs(3, 500, rng)
    assert (first != second).all()
    assert set(zip(first.tolist(), second.tolist(), strict=True)) == {
        (i, j) for i in range(3) for j in range(3) if i != j
    }
    first, second = draw_pairs(5, 5, rng)
    assert sorted(first) == sorted(second) == list(range(5))
    with pytest.raises(DataError, match="300 pairs cannot be drawn from 299"):
        draw_pairs(299, 300, rng)
    corners = np.eye(4) / np.sqrt(2)  # a regular simplex: every pair is at distance 1
    assert diversity(corners, *draw_distinct_pairs(4, 50, rng)) == pytest.approx(1)
