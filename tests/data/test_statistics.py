"""Deviations by which features are normalised: shared by kind, never tiny."""

import numpy as np

from bimotion.data.statistics import KINDS, LEAST, grouped_stats
from bimotion.features import layout


def test_columns_of_a_kind_share_their_mean_deviation() -> None:
    features = np.random.default_rng(0).normal(size=(500, layout.FEATURE_DIM)).astype(np.float32)
    stats = grouped_stats([features])
    for columns in KINDS:
        np.testing.assert_allclose(stats.std[columns], features.std(0)[columns].mean(), rtol=1e-4)


def test_motions_unlike_takes_that_stand_still_stay_in_range() -> None:
    still = np.zeros((100, layout.FEATURE_DIM), np.float32)
    still[:, layout.CONTACTS] = 1
    stats = grouped_stats([still])
    for columns, least in zip(KINDS, LEAST, strict=True):
        assert (stats.std[columns] == np.float32(least)).all()
    lifted = still[:1].copy()
    lifted[:, layout.CONTACTS] = 0
    assert np.abs(stats.normalise(lifted)).max() <= 25.001
