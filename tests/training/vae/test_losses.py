"""Losses count valid frames of each clip and nothing else."""

import numpy as np
import pytest
import torch

from bimotion.errors import ConfigError
from bimotion.features.layout import CONTACTS, FEATURE_DIM, ROOT
from bimotion.training.vae.losses import VaeLossConfig, clip_mean, feature_loss, joint_losses, kl_loss


def clips(frames: int, batch: int = 3, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    expected = 0.1 * torch.randn(batch, frames, FEATURE_DIM, generator=generator)
    return expected + 0.05 * torch.randn(expected.shape, generator=generator), expected


def all_losses(
    predicted: torch.Tensor, expected: torch.Tensor, mask: torch.Tensor
) -> dict[str, torch.Tensor]:
    features = feature_loss(predicted, expected, mask, VaeLossConfig().column_weights())
    return {"feature": features, **joint_losses(predicted, expected, mask)}


def test_what_stands_in_the_padding_does_not_matter() -> None:
    predicted, expected = clips(20)
    lengths = torch.tensor([20, 7, 13])
    mask = torch.arange(20) < lengths[:, None]
    before = all_losses(predicted, expected, mask)
    for row, length in enumerate(lengths.tolist()):
        predicted[row, length:] = 1e3
        expected[row, length:] = -50.0
    after = all_losses(predicted, expected, mask)
    for name, value in before.items():
        torch.testing.assert_close(after[name], value, msg=name)


def test_more_padding_does_not_matter() -> None:
    predicted, expected = clips(16)
    mask = torch.arange(16) < torch.tensor([16, 9, 4])[:, None]
    longer = [torch.nn.functional.pad(x, (0, 0, 0, 11)) for x in (predicted, expected)]
    after = all_losses(longer[0], longer[1], torch.nn.functional.pad(mask, (0, 11)))
    for name, value in all_losses(predicted, expected, mask).items():
        torch.testing.assert_close(after[name], value, msg=name)


def test_a_batch_counts_each_clip_alike_whatever_its_length() -> None:
    predicted, expected = clips(20)
    lengths = [20, 5, 11]
    mask = torch.arange(20) < torch.tensor(lengths)[:, None]
    alone = [
        all_losses(predicted[i : i + 1, :n], expected[i : i + 1, :n], mask[i : i + 1, :n])
        for i, n in enumerate(lengths)
    ]
    for name, value in all_losses(predicted, expected, mask).items():
        torch.testing.assert_close(torch.stack([losses[name] for losses in alone]).mean(), value, msg=name)


def test_nothing_is_lost_on_a_perfect_reconstruction() -> None:
    _, expected = clips(12)
    mask = torch.ones(3, 12, dtype=torch.bool)
    for name, value in all_losses(expected, expected, mask).items():
        if name != "slide":  # the target's own feet slide
            assert value < 1.1e-4, name  # the lengths of zero vectors are taken as 0.1 mm


def test_feet_slide_only_where_the_recorded_ones_stand() -> None:
    predicted, expected = clips(12)
    mask = torch.ones(3, 12, dtype=torch.bool)
    expected[..., CONTACTS] = 0.0
    assert joint_losses(predicted, expected, mask)["slide"] == 0
    expected[..., CONTACTS] = 1.0
    assert joint_losses(predicted, expected, mask)["slide"] > 0


def test_root_columns_weigh_as_configured() -> None:
    _, expected = clips(4)
    predicted = expected.clone()
    predicted[..., ROOT] += 3.0  # far from zero smooth L1 is the distance less a half
    mask = torch.ones(3, 4, dtype=torch.bool)
    loss = feature_loss(predicted, expected, mask, VaeLossConfig(root_weight=7.0).column_weights())
    torch.testing.assert_close(float(loss), 7.0 * 4 * 2.5 / FEATURE_DIM, rtol=1e-5, atol=0)


def test_kl_is_the_closed_form_between_normal_distributions() -> None:
    mu, logvar = torch.randn(2, 3, 4), torch.randn(2, 3, 4)
    inputs = torch.distributions.Normal(mu, torch.exp(0.5 * logvar))
    expected = torch.distributions.kl_divergence(inputs, torch.distributions.Normal(0.0, 1.0)).mean()
    torch.testing.assert_close(kl_loss(mu, logvar), expected)


def test_gradients_are_finite_where_errors_are_zero() -> None:
    _, expected = clips(6)
    predicted = expected.clone().requires_grad_()
    sum(all_losses(predicted, expected, torch.ones(3, 6, dtype=torch.bool)).values()).backward()
    assert predicted.grad is not None
    assert np.isfinite(predicted.grad.numpy()).all()


def test_a_clip_without_valid_frames_counts_as_zero() -> None:
    values = torch.full((2, 3), 6.0)
    mask = torch.tensor([[True, False, False], [False, False, False]])
    assert clip_mean(values, mask) == 3


def test_negative_weights_are_refused() -> None:
    with pytest.raises(ConfigError, match="kl_weight must be at least 0"):
        VaeLossConfig(kl_weight=-1.0)
