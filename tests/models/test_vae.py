"""The motion VAE: parity with the published one, and what must hold for any of its shapes."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from bimotion.errors import ConfigError
from bimotion.interop.official import vae_state
from bimotion.models.vae import MotionVae, VaeConfig

SMALL = VaeConfig(width=32, ff_width=48, heads=4, layers=3, num_latents=2, frames_per_token=4, max_frames=60)


@pytest.fixture
def small() -> MotionVae:
    torch.manual_seed(0)
    return MotionVae(SMALL).eval()


def published_state(golden: dict[str, Tensor]) -> dict[str, Tensor]:
    return vae_state({k.removeprefix("state."): v for k, v in golden.items() if k.startswith("state.")})


def test_published_vae_is_reproduced(goldens: Path) -> None:
    golden = load_file(goldens / "vae_small.safetensors")
    vae = MotionVae(VaeConfig(width=64, ff_width=128, heads=4, layers=3)).eval()
    vae.load_state_dict(published_state(golden))
    lengths = golden["in.lengths"]
    close = {"rtol": 0, "atol": 1e-5}
    with torch.no_grad():
        mu, logvar = vae.encode(golden["in.features"], lengths)
        torch.testing.assert_close(mu[:, 0], golden["out.mu"][0], **close)
        torch.testing.assert_close(logvar[:, 0], golden["out.logvar"][0], **close)
        torch.testing.assert_close(vae.decode(mu, lengths), golden["out.decode_mu"], **close)
        short = vae.decode(mu[:1], torch.tensor([13]))
        torch.testing.assert_close(short, golden["out.decode_mu0_len13"], **close)
        # In training the attention to the only latent is computed in full.
        vae.train()
        for module in vae.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
        torch.testing.assert_close(vae.decode(mu, lengths), golden["out.decode_mu"], **close)


def test_published_names_and_shapes(goldens: Path) -> None:
    shapes = json.loads((goldens / "vae_full_shapes.json").read_text())
    with torch.device("meta"):
        vae = MotionVae(VaeConfig())
        state = vae_state({k: torch.empty(v["shape"]) for k, v in shapes["state_dict"].items()})
    assert {k: v.shape for k, v in state.items()} == {k: v.shape for k, v in vae.state_dict().items()}
    assert sum(p.numel() for p in vae.parameters()) == shapes["n_parameters"]


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
        with pytest.raises(ConfigError, match="cannot decode 61 frames"):
            small.decode(mu, torch.tensor([61]))


@pytest.mark.parametrize(
    ("change", "message"),
    [({"layers": 4}, "must be odd"), ({"width": 30}, "multiple of heads"), ({"dropout": 1.0}, r"\[0, 1\)")],
)
def test_impossible_settings_are_named(change: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        VaeConfig(**change)  # type: ignore[arg-type]
