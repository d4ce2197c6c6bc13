import numpy as np
import pytest
from scipy.signal import find_peaks

from bimotion.captions.peaks import count_peaks


@pytest.mark.parametrize("decimals", [0, 1, 6])
def test_as_many_peaks_as_scipy_finds(decimals: int) -> None:
    rng = np.random.default_rng(decimals)
    for length in (*range(1, 6), *rng.integers(6, 200, 60)):
        curve = rng.normal(size=length).cumsum().round(decimals)  # rounded: plateaus, peaks of equal height
        for prominence in (0.0, 0.3, 1.0, 4.0):
            assert count_peaks(curve, prominence) == len(find_peaks(curve, prominence=prominence)[0])
