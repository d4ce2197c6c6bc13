"""Noise without torch is that of torch."""

import numpy as np
import pytest
import torch

from bimotion.errors import ConfigError
from bimotion.portable.noise import normal_noise


@pytest.mark.parametrize("count", [16, 17, 31, 32, 320, 333])
@pytest.mark.parametrize("seed", [0, 7, 2**31, 2**32 + 5, 2**40, 2**63 - 1])
def test_a_seed_gives_the_noise_of_torch(seed: int, count: int) -> None:
    expected = torch.randn(count, generator=torch.Generator().manual_seed(seed))
    np.testing.assert_allclose(normal_noise(seed, count), expected, atol=2e-6)


def test_a_few_numbers_are_refused() -> None:
    with pytest.raises(ConfigError, match="at least 16"):
        normal_noise(0, 15)
