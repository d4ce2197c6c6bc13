"""Mean and standard deviation by which features are normalised: one deviation for each kind of column."""

from collections.abc import Iterable

import numpy as np
from jaxtyping import Float

from bimotion.features import layout
from bimotion.features.normalise import FeatureStats

KINDS: tuple[slice, ...] = (
    layout.R_VEL,
    layout.ROOT_XZ_VEL,
    layout.ROOT_Y,
    layout.RIC,
    layout.ROT6D,
    layout.LOCAL_VEL,
    layout.CONTACTS,
)
"""Columns that share a deviation."""

LEAST: tuple[float, ...] = (0.001, 0.002, 0.01, 0.01, 0.03, 0.002, 0.04)
"""Least deviation of each kind, in its columns' units: a tenth of that of ordinary movement (CMU's recordings).

Where all takes stand still or walk straight on, a whole kind may be constant; divided by its own deviation, other
motions would come out thousands of deviations wide."""


def grouped_stats(features: Iterable[Float[np.ndarray, "T 263"]]) -> FeatureStats:
    """Statistics over all frames, with the deviation of each kind of column averaged over its columns.

    A joint that hardly moves thus weighs no more in a loss than one that does, and no column is divided by less than
    `LEAST`.

    Source: HumanML3D (Guo et al. 2022), `cal_mean_variance`.
    """
    single = FeatureStats.of(features)
    std = single.std.copy()
    for columns, least in zip(KINDS, LEAST, strict=True):
        std[columns] = max(float(std[columns].mean()), least)
    return FeatureStats(mean=single.mean, std=std)
