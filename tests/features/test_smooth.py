import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter1d

from bimotion.features.smooth import WINDOW, gaussian_smooth


@pytest.mark.parametrize("num_frames", [1, 2, 79, WINDOW, WINDOW + 1, 3 * WINDOW, 1000])
@pytest.mark.parametrize("sigma", [20.0, 2.0])
def test_equals_the_gaussian_filter_with_held_ends(num_frames, sigma):
    x = np.random.default_rng(num_frames).normal(size=(2, 3, num_frames))
    expected = gaussian_filter1d(x, sigma, mode="nearest")
    np.testing.assert_allclose(gaussian_smooth(x, sigma, np), expected, atol=1e-13)
    np.testing.assert_allclose(
        gaussian_smooth(torch.from_numpy(x), sigma, torch).numpy(), expected, atol=1e-13
    )
