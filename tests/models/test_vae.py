"""The motion VAE: parity with the published one, and what must hold for any of its shapes."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from bimotion.errors import ConfigError
from bimotion.interop.official import vae_state
from bimotion.models.vae import MotionVae, VaeConfig

GOLDENS = Path(__file__).parent.parent / "goldens"
SMALL = VaeConfig(width=32, ff_width=48, heads=4, layers=3, num_latents=2, frames_per_token=4, max_frames=60)


@pytest.fixture
def small() -> MotionVae:
    torch.manual_seed(0)
    return MotionVae(SMALL).eval()


def test_published_vae_is_reproduced() -> None:
    golden = load_file(GOLDENS / "vae_small.safetensors")
    state = {
        name.removeprefix("state."): value for name, value in golden.items() if name.startswith("state.")
    }
    vae = MotionVae(VaeConfig(width=64, ff_width=128, heads=4, layers=3)).eval()
    vae.load_state_dict(vae_state(state))
    with torch.no_grad():
        mu, logvar = vae.encode(golden["in.features"], golden["in.lengths"])
        decoded = vae.decode(mu, golden["in.lengths"])
        short = vae.decode(mu[:1], torch.tensor([13]))
    close = {"rtol": 0, "atol": 1e-5}
    torch.testing.assert_close(mu[:, 0], golden["out.mu"][0], **close)
    torch.testing.assert_close(logvar[:, 0], golden["out.logvar"][0], **close)
    torch.testing.assert_close(decoded, golden["out.decode_mu"], **close)
    torch.testing.assert_close(short, golden["out.decode_mu0_len13"], **close)
    vae.train()
    for module in vae.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    with torch.no_grad():
        trained = vae.decode(mu, golden["in.lengths"])
    torch.testing.assert_close(trained, golden["out.decode_mu"], **close)


@pytest.mark.parametrize("norm", ["post", "pre"])
@pytest.mark.parametrize("frames_per_token", [1, 4])
def test_padding_and_batch_neighbours_change_nothing(norm: str, frames_per_token: int) -> None:
    torch.manual_seed(0)
    config = VaeConfig(
        width=32,
        ff_width=48,
        layers=3,
        num_latents=2,
        frames_per_token=frames_per_token,
        norm="pre" if norm == "pre" else "post",
        latent_width=8,
        max_frames=60,
    )
    vae = MotionVae(config).eval()
    features, lengths = torch.randn(3, 50, 263), torch.tensor([50, 37, 21])
    with torch.no_grad():
        mu, logvar = vae.encode(features, lengths)
        features[1, 37:] = float("nan")
        again, _ = vae.encode(features, lengths)
        alone, alone_logvar = vae.encode(features[1:2, :37])
        decoded = vae.decode(mu, lengths, 60)
        decoded_alone = vae.decode(mu[1:2], lengths[1:2])
    assert mu.shape == logvar.shape == (3, 2, 8)
    torch.testing.assert_close(again, mu, rtol=0, atol=0)
    torch.testing.assert_close(alone, mu[1:2], rtol=0, atol=1e-5)
    torch.testing.assert_close(alone_logvar, logvar[1:2], rtol=0, atol=1e-5)
    assert decoded.shape == (3, 60, 263)
    assert decoded_alone.shape == (1, 37, 263)
    torch.testing.assert_close(decoded_alone, decoded[1:2, :37], rtol=0, atol=1e-5)
    assert not decoded[1, 37:].any()


def test_every_parameter_learns(small: MotionVae) -> None:
    small.train()
    features, lengths = torch.randn(2, 20, 263), torch.tensor([20, 14])
    decoded, mu, logvar = small(features, lengths, torch.Generator().manual_seed(1))
    (decoded.square().mean() + mu.square().mean() + logvar.square().mean()).backward()
    assert [name for name, p in small.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_longest_clip_fits_and_one_frame_more_says_so(small: MotionVae) -> None:
    with torch.no_grad():
        mu, _ = small.encode(torch.randn(1, 60, 263))
        assert small.decode(mu, torch.tensor([60])).shape == (1, 60, 263)
        with pytest.raises(ConfigError, match="61 frames is longer than the model's 60"):
            small.encode(torch.randn(1, 61, 263))
        with pytest.raises(ConfigError, match="61 frames were asked for"):
            small.decode(mu, torch.tensor([61]))


@pytest.mark.parametrize(
    ("change", "message"),
    [({"layers": 4}, "must be odd"), ({"width": 30}, "multiple of heads"), ({"dropout": 1.0}, r"\[0, 1\)")],
)
def test_impossible_settings_are_named(change: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        VaeConfig(**change)  # type: ignore[arg-type]
