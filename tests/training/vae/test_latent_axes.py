"""The axes of latents: what the metric measures, and what a few of them keep."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from bimotion.data.store import MotionStore
from bimotion.features import features_to_joints
from bimotion.models.presets import preset
from bimotion.models.vae import MotionVae
from bimotion.training.clips import ClipPool
from bimotion.training.vae import latent_axes
from bimotion.training.vae.latent_axes import ROOT_WEIGHT, VELOCITY_WEIGHT, body_axes, joint_metric


def test_the_metric_is_the_squared_derivative_of_what_is_seen(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    vae = MotionVae(replace(preset("micro").vae, num_latents=1, latent_width=6)).eval().requires_grad_(False)
    store = MotionStore.open(data)
    pool = ClipPool(store, store.items("train")[:1], store.stats)
    monkeypatch.setattr(latent_axes, "PROBES_PER_WINDOW", 4096)
    frames = pool.items[0].num_frames
    latents = torch.randn(1, 1, 6)
    mean, std = torch.tensor(pool.stats.mean), torch.tensor(pool.stats.std)

    def seen(z: torch.Tensor) -> torch.Tensor:
        joints = features_to_joints(vae.decode(z.view(1, 1, 6), torch.tensor([frames]))[0] * std + mean)
        parts = [
            joints - joints[:, :1],
            VELOCITY_WEIGHT * joints.diff(dim=0),
            ROOT_WEIGHT * joints[:, 0],
        ]
        return torch.cat([part.flatten() for part in parts]) / frames**0.5

    steps = 1e-2 * torch.eye(6)
    columns = [(seen(latents + step) - seen(latents - step)) / 2e-2 for step in steps]
    jacobian = torch.stack(columns, dim=1).double()
    monkeypatch.setattr(latent_axes, "PROBES", 4096)
    measured = joint_metric(vae, pool, latents)
    expected = jacobian.T @ jacobian
    torch.testing.assert_close(measured, expected, rtol=0, atol=0.1 * float(expected.diagonal().max()))


def test_axes_keep_what_the_metric_sees_and_not_what_varies_most() -> None:
    torch.manual_seed(0)
    latents = torch.randn(4000, 4) * torch.tensor([0.1, 3.0, 1.0, 1.0])
    metric = torch.diag(torch.tensor([400.0, 1e-4, 4.0, 1.0], dtype=torch.float64))
    axes = body_axes(latents, metric, 2)
    back = latents @ axes.read.T @ axes.write
    torch.testing.assert_close(back[:, [0, 2]], latents[:, [0, 2]], rtol=0, atol=0.1)
    assert back[:, [1, 3]].square().mean() < 0.05 * latents[:, [1, 3]].square().mean()
    scaled = latents @ axes.read.T / axes.scale
    torch.testing.assert_close(scaled.var(0).mean(), torch.tensor(1.0), rtol=1e-3, atol=0)
    assert scaled[:, 0].std() > scaled[:, 1].std()


def test_all_axes_together_keep_everything() -> None:
    torch.manual_seed(0)
    latents = torch.randn(500, 6) @ torch.randn(6, 6)
    root = torch.randn(6, 6, dtype=torch.float64)
    axes = body_axes(latents, root @ root.T, 6)
    torch.testing.assert_close(latents @ axes.read.T @ axes.write, latents, rtol=1e-3, atol=1e-3)


def test_axes_beyond_the_number_of_windows_do_not_amplify_held_out_windows() -> None:
    torch.manual_seed(0)
    latents, held_out = 1e-3 * torch.randn(5, 12), 1e-3 * torch.randn(40, 12)
    axes = body_axes(latents, torch.eye(12, dtype=torch.float64), 12)
    normalised = held_out @ axes.read.T / axes.scale
    # the least divisor is a tenth of the first: (1e-4 ** 0.5) ** 0.5
    assert float(axes.scale.max() / axes.scale.min()) == pytest.approx(10, rel=1e-3)
    assert normalised.std(0).max() < 30


def test_one_window_has_axes_that_are_divided_by_one() -> None:
    axes = body_axes(torch.randn(1, 6), torch.eye(6, dtype=torch.float64), 4, np.ones(1))
    torch.testing.assert_close(axes.scale, torch.ones(1, 4))
    assert axes.read.isfinite().all()
