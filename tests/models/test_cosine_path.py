"""The linear path around the motion VAE's transformer."""

import numpy as np
import pytest
import scipy.fft
import torch

from bimotion.errors import ConfigError
from bimotion.models.cosine_path import CosinePath, cosine_table
from bimotion.models.vae import MotionVae, VaeConfig

SMALL = VaeConfig(
    feature_dim=6,
    num_latents=2,
    latent_width=8,
    width=32,
    ff_width=48,
    heads=4,
    layers=3,
    frames_per_token=4,
    max_frames=60,
    cosines=5,
    pose_axes=4,
)


def clips(count: int = 40, frames: tuple[int, int] = (9, 30)) -> list[torch.Tensor]:
    """Smooth random clips of six columns that move along three axes."""
    rng = np.random.default_rng(0)
    axes = rng.normal(size=(3, 6))
    generated = []
    for _ in range(count):
        time = np.linspace(0, 1, int(rng.integers(*frames)))
        waves = np.stack([rng.normal() * np.cos(np.pi * order * time) for order in range(3)], 1)
        generated.append(torch.from_numpy(waves @ axes).float())
    return generated


def test_coefficients_are_those_of_the_cosine_transform() -> None:
    clip = np.random.default_rng(1).normal(size=(13, 3)).astype(np.float32)
    table = cosine_table(torch.tensor([13]), 20, 7)[0]
    assert not table[:, 13:].any()
    actual = table[:, :13] @ torch.from_numpy(clip) / 13
    expected = scipy.fft.dct(clip, axis=0, norm="ortho")[:7] / np.sqrt(13)
    np.testing.assert_allclose(actual, expected, atol=1e-6)


def test_a_clip_has_no_more_cosines_than_frames() -> None:
    table = cosine_table(torch.tensor([3]), 5, 8)[0]
    assert table[:3, :3].any(dim=1).all()
    assert not table[3:].any()


def test_with_as_many_dimensions_as_the_clips_have_nothing_is_lost() -> None:
    path = CosinePath(6, pose_axes=6, cosines=8, num_latents=3, latent_dim=16)
    context = [torch.randn(length, 6) for length in range(2, 9) for _ in range(20)]
    path.fit(context)
    for clip in context[::17]:
        lengths = torch.tensor([len(clip)])
        back = path.decode(path.encode(clip[None], lengths), lengths, len(clip))
        torch.testing.assert_close(back[0], clip, rtol=0, atol=2e-3)


def test_fitted_latents_have_zero_mean_and_unit_deviation() -> None:
    path, context = CosinePath(6, 3, 5, 1, 3), clips(200)
    path.fit(context)
    latents = torch.cat([path.encode(clip[None], torch.tensor([len(clip)])) for clip in context])
    torch.testing.assert_close(latents.mean(0), torch.zeros(1, 3), rtol=0, atol=1e-3)
    torch.testing.assert_close(latents.std(0), torch.ones(1, 3), rtol=0, atol=1e-2)


def test_fewer_clips_than_latents_leave_held_out_latents_bounded() -> None:
    path = CosinePath(6, 3, 5, 1, 12)
    path.fit(clips(5))
    held_out = clips(30)[5:]
    latents = torch.cat([path.encode(clip[None], torch.tensor([len(clip)])) for clip in held_out])
    assert latents.abs().max() < 100
    assert not latents[..., 4:].any()  # five clips differ on four axes


def test_columns_of_greater_weight_are_given_back_more_exactly() -> None:
    context = [torch.randn(20, 6) for _ in range(50)]
    errors = []
    for weight in (1.0, 10.0):
        path = CosinePath(6, 3, 20, 1, 60)
        path.fit(context, torch.tensor([weight, 1, 1, 1, 1, 1]))
        length = torch.tensor([20])
        back = torch.cat([path.decode(path.encode(clip[None], length), length, 20) for clip in context])
        errors.append((back - torch.stack(context))[..., 0].square().mean().item())
    assert errors[1] < 0.1 * errors[0]


def test_padding_and_batch_mates_change_nothing() -> None:
    torch.manual_seed(0)
    vae = MotionVae(SMALL).eval()
    assert vae.path is not None
    vae.path.fit(clips())
    short, long = torch.randn(9, 6), torch.randn(30, 6)
    batch = torch.zeros(2, 30, 6)
    batch[0, :9], batch[1] = short, long
    batch[0, 9:] = torch.nan
    lengths = torch.tensor([9, 30])
    with torch.no_grad():
        together = vae.encode(batch, lengths)[0]
        torch.testing.assert_close(together[:1], vae.encode(short[None])[0], rtol=0, atol=1e-5)
        decoded = vae.decode(together, lengths)
        alone = vae.decode(together[:1], lengths[:1])
    torch.testing.assert_close(decoded[:1, :9], alone, rtol=0, atol=1e-5)
    assert not decoded[0, 9:].any()


def test_the_transformer_begins_by_adding_nothing() -> None:
    torch.manual_seed(0)
    vae = MotionVae(SMALL).eval()
    assert vae.path is not None
    vae.path.fit(clips())
    clip = clips(1)[0][None]
    lengths = torch.tensor([clip.shape[1]])
    with torch.no_grad():
        mu, logvar = vae.encode(clip)
        torch.testing.assert_close(mu, vae.path.encode(clip, lengths))
        torch.testing.assert_close(logvar, vae.path.logvar[None])
        linear = vae.path.decode(mu, lengths, clip.shape[1])
        torch.testing.assert_close(vae.decode(mu, lengths), linear)


def test_the_same_latents_at_twice_the_length_move_at_half_the_speed() -> None:
    path = CosinePath(6, 3, 5, 1, 3)
    path.fit(clips())
    z = torch.randn(1, 1, 3)
    once = path.decode(z, torch.tensor([50]), 50)[0]
    twice = path.decode(z, torch.tensor([100]), 100)[0]
    torch.testing.assert_close(
        twice.view(50, 2, 6).mean(1), once, rtol=0, atol=0.02 * once.abs().max().item()
    )


def test_latents_with_more_dimensions_than_coefficients_are_refused() -> None:
    with pytest.raises(ConfigError, match="at least the 16 latent values, got 3 axes and 5 cosines"):
        VaeConfig(num_latents=2, latent_width=8, cosines=5, pose_axes=3)


def test_clips_that_count_more_are_reconstructed_more_exactly() -> None:
    generator = torch.Generator().manual_seed(0)
    poses = torch.randn(24, 1, 6, generator=generator).expand(-1, 30, -1)
    common = list(poses[:18] * torch.tensor([3.0, 3, 3, 0, 0, 0]))
    rare = list(poses[18:] * torch.tensor([0.0, 0, 0, 1, 1, 1]))
    clips = common + rare

    def error(weight: float) -> float:
        path = CosinePath(6, 4, 2, 1, 4)
        path.fit(clips, None, torch.tensor([1.0] * len(common) + [weight] * len(rare)))
        batch, lengths = torch.stack(rare), torch.full((len(rare),), 30)
        with torch.no_grad():
            return float((path.decode(path.encode(batch, lengths), lengths, 30) - batch).square().mean())

    assert error(100.0) < 0.8 * error(1.0)
