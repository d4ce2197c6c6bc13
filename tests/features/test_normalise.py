import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bimotion.errors import DataError
from bimotion.features import FEATURE_DIM, FeatureStats
from bimotion.features.normalise import MIN_STD


@pytest.fixture(scope="module")
def stats():
    rng = np.random.default_rng(0)
    return FeatureStats(mean=rng.normal(size=FEATURE_DIM), std=rng.uniform(0.1, 2, FEATURE_DIM))


@settings(max_examples=20, deadline=None)
@given(lengths=st.lists(st.integers(0, 30), min_size=1, max_size=6), seed=st.integers(0, 99))
def test_statistics_are_those_of_all_frames_however_they_are_cut(lengths, seed):
    clips = [
        np.random.default_rng([seed, i]).normal(3 * i, 1 + i, (n, FEATURE_DIM)).astype(np.float32)
        for i, n in enumerate([*lengths, 5])
    ]
    found = FeatureStats.of(iter(clips))
    every = np.concatenate(clips).astype(np.float64)
    np.testing.assert_allclose(found.mean, every.mean(0), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found.std, every.std(0), rtol=1e-5)


def test_a_column_that_never_varies_is_not_blown_up():
    assert (FeatureStats.of([np.ones((9, FEATURE_DIM))]).std == np.float32(MIN_STD)).all()


def test_normalising_undoes_and_keeps_the_kind_of_array(stats):
    x = np.random.default_rng(1).normal(size=(2, 7, FEATURE_DIM)).astype(np.float32)
    normal = stats.normalise(x)
    assert normal.dtype == np.float32
    np.testing.assert_allclose(normal, (x - stats.mean) / stats.std, atol=1e-6)
    np.testing.assert_allclose(stats.denormalise(normal), x, atol=1e-5)
    tensor = stats.normalise(torch.from_numpy(x))
    assert tensor.dtype == torch.float32
    np.testing.assert_allclose(tensor.numpy(), normal, atol=1e-6)
    assert stats.denormalise(tensor.double()).dtype == torch.float64


def test_what_is_saved_is_loaded(stats, tmp_path):
    stats.save(tmp_path / "stats.npz")
    loaded = FeatureStats.load(tmp_path / "stats.npz")
    np.testing.assert_array_equal(loaded.mean, stats.mean)
    np.testing.assert_array_equal(loaded.std, stats.std)


def test_what_cannot_be_statistics_is_named(stats, tmp_path):
    with pytest.raises(DataError, match=r"feature mean must have shape \(263,\), got \(5,\)"):
        FeatureStats(mean=np.zeros(5), std=np.ones(5))
    with pytest.raises(DataError, match="std must be positive, column 3 is 0"):
        FeatureStats(mean=stats.mean, std=np.where(np.arange(FEATURE_DIM) == 3, 0, 1.0))
    with pytest.raises(DataError, match="mean holds NaN"):
        FeatureStats(mean=np.full(FEATURE_DIM, np.nan), std=stats.std)
    with pytest.raises(DataError, match="no frames"):
        FeatureStats.of([])
    with pytest.raises(DataError, match=r"shape \(frames, 263\), got \(4, 22, 3\)"):
        FeatureStats.of([np.zeros((4, 22, 3))])
    with pytest.raises(DataError, match=r"expected 263 feature columns, .* \(4, 67\)"):
        stats.normalise(np.zeros((4, 67)))
    (tmp_path / "text.npz").write_text("mean")
    for name, why in (("missing.npz", "cannot be read"), ("text.npz", "not a complete zip file")):
        with pytest.raises(DataError, match=f"{name}: {why}"):
            FeatureStats.load(tmp_path / name)


def test_statistics_are_read_only(stats):
    with pytest.raises(ValueError, match="read-only"):
        stats.mean[0] = 1
