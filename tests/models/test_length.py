"""The length network."""

import pytest
import torch

from bimotion.errors import ConfigError
from bimotion.models.length import LengthConfig, LengthPredictor

CONFIG = LengthConfig(width=32, dropout=0.0)


def test_bins_cover_all_lengths() -> None:
    assert CONFIG.min_frames + CONFIG.bin_frames * (CONFIG.bins - 1) >= CONFIG.max_frames
    assert LengthConfig(min_frames=40, max_frames=196).bins == 40


def test_lengths_that_the_condition_or_the_latent_tells_are_learnt() -> None:
    torch.manual_seed(0)
    length = LengthPredictor(CONFIG, 16, 8)
    z, x0 = torch.randn(64, 4, 16), torch.randn(64, 1, 8)
    frames = (100 + 30 * z.mean(1)[:, 0] + 30 * x0[:, 0, 0]).round().long().clamp(20, 196)
    optimiser = torch.optim.Adam(length.parameters(), lr=3e-2)
    for _ in range(60):
        optimiser.zero_grad()
        length.loss(z, x0, frames).backward()
        optimiser.step()
    assert float((length.predict(z, x0) - frames).abs().float().mean()) < 4


def test_predictions_stay_in_range() -> None:
    length = LengthPredictor(CONFIG, 16, 8)
    for position, expected in ((0, 20), (CONFIG.bins - 1, 196)):
        torch.nn.init.zeros_(length.out.weight)
        torch.nn.init.zeros_(length.out.bias)
        length.out.bias.data[position] = 100.0
        assert length.predict(torch.randn(2, 4, 16), torch.randn(2, 1, 8)).tolist() == [expected] * 2


def test_impossible_ranges_are_named() -> None:
    with pytest.raises(ConfigError, match="min_frames < max_frames"):
        LengthConfig(min_frames=200)
