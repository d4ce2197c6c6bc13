"""Latents of windows: their normalisation at any scale and number, and which of the cached ones are used again."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from bimotion.data.store import MotionStore
from bimotion.models.presets import preset
from bimotion.models.vae import MotionVae
from bimotion.training.clips import ClipPool
from bimotion.training.language.latent_cache import FULL, Latents, latents_of


def statistics(full: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return Latents({FULL: full.half()}, torch.zeros_like(full)).statistics()


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_numbers_that_hardly_vary_are_divided_by_a_tenth_of_the_median(scale: float) -> None:
    torch.manual_seed(0)
    deviations = torch.tensor([1.0, 2.0, 3.0, 0.02, 0.0])
    _, std = statistics(scale * torch.randn(4000, 1, 5) * deviations)
    # of the numbers in use (1, 2, 3 and 0.02) the median is 1, torch's lower of the middle two
    torch.testing.assert_close(std[0], scale * torch.tensor([1.0, 2.0, 3.0, 0.1, 0.1]), rtol=0.05, atol=0)


def test_numbers_that_most_windows_leave_constant_do_not_blow_up_held_out_ones() -> None:
    torch.manual_seed(0)
    full = torch.zeros(22, 1, 256)  # 21 axes are all that 22 windows can vary on
    full[..., :21] = torch.randn(22, 1, 21)
    _, std = statistics(full)
    assert std.min() > 0.05


def test_one_window_and_equal_windows_are_divided_by_one() -> None:
    for count in (1, 3):
        mean, std = statistics(torch.full((count, 1, 4), 2.0))
        torch.testing.assert_close(mean, torch.full((1, 4), 2.0))
        torch.testing.assert_close(std, torch.ones(1, 4))


def test_cached_latents_are_those_of_the_features_not_of_the_names(data: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    vae = MotionVae(preset("micro").vae).eval()
    changed = tmp_path / "changed"
    shutil.copytree(data, changed)
    features = np.load(changed / "features.npy")
    features[: MotionStore.open(data).items("train")[0].num_frames] *= 1.5
    np.save(changed / "features.npy", features)

    def latents(folder: Path, cache: str) -> torch.Tensor:
        store = MotionStore.open(folder)
        pool = ClipPool(store, store.items("train")[:4], store.stats)
        return latents_of(vae, pool, tmp_path / cache, completion=False).mu[FULL]

    kept = latents(data, "cache")
    torch.testing.assert_close(latents(data, "cache"), kept, rtol=0, atol=0)
    torch.testing.assert_close(latents(changed, "cache"), latents(changed, "other"), rtol=0, atol=0)
    assert not torch.equal(latents(changed, "cache")[0], kept[0])
