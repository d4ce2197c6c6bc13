"""The diffusion head: parity with the published one, guidance, and its loss."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from bimotion.interop.official import head_state
from bimotion.models.diffusion import DiffusionConfig
from bimotion.models.head import DiffusionHead, rescaled
from bimotion.models.head_blocks import HeadConfig

CLOSE = {"rtol": 0, "atol": 1e-5}


def published_head(golden: dict[str, Tensor]) -> DiffusionHead:
    state = {k.removeprefix("state.net."): v for k, v in golden.items() if k.startswith("state.net.")}
    head = DiffusionHead(HeadConfig(width=64, ff_width=128), DiffusionConfig(), 64, 32, 4).eval()
    fake = golden.get("sample.fake_latent", torch.zeros(4, 32))
    head.load_state_dict({**head_state(state, 4), "fake_condition": fake})
    return head


def test_published_forward_is_reproduced(goldens: Path) -> None:
    golden = load_file(goldens / "diffusion_head_small.safetensors")
    head = published_head(golden)
    xt, t, z = golden["fwd.x"], golden["fwd.t"], golden["fwd.c"]
    with torch.no_grad():
        torch.testing.assert_close(head.time(t), golden["fwd.time_embed"], **CLOSE)
        torch.testing.assert_close(head.condition(z)[:, None], golden["fwd.cond_embed"], **CLOSE)
        torch.testing.assert_close(head(xt, t, z), golden["fwd.out"], **CLOSE)
        one = head(xt, t, z[:, :1])
        torch.testing.assert_close(one, golden["fwd.out_one_token_condition"], **CLOSE)
        predicted = head(xt[:2].repeat(2, 1, 1), t, z)
        guided = torch.lerp(predicted[2:], predicted[:2], 3.0)
        torch.testing.assert_close(guided, golden["fwd.out_cfg3"][:2], **CLOSE)


def test_published_plain_sampling_is_reproduced(goldens: Path) -> None:
    golden = load_file(goldens / "diffusion_head_small.safetensors")
    noise = torch.cat((golden["sample_nocfg.noise_init"][None], golden["sample_nocfg.noise_steps"]))
    x0 = published_head(golden).sample(golden["sample.z"], guidance_scale=1.0, noise=noise)
    torch.testing.assert_close(x0, golden["sample_nocfg.out"], rtol=0, atol=1e-4)


def test_published_sampling_is_reproduced(goldens: Path) -> None:
    golden = load_file(goldens / "diffusion_head_small.safetensors")
    head, z = published_head(golden), golden["sample.z"]
    for name, temperature in (("sample", 1.0), ("sample_temp08", 0.8)):
        noise = torch.cat((golden[f"{name}.noise_init"][None], golden[f"{name}.noise_steps"][:, :3]))
        x0 = head.sample(z, guidance_scale=3.0, temperature=temperature, noise=noise)
        torch.testing.assert_close(x0, golden[f"{name}.out"], rtol=0, atol=1e-4)


def test_published_loss_and_gradients_are_reproduced(goldens: Path) -> None:
    golden = load_file(goldens / "diffusion_head_small.safetensors")
    head = published_head(golden)
    kept = torch.zeros(5, dtype=torch.bool)
    args = golden["loss.target"], golden["loss.z"], golden["loss.t"], kept, golden["loss.noise"]
    loss = head.loss_of(*args)
    torch.testing.assert_close(loss, golden["loss.per_item"], **CLOSE)
    loss.mean().backward()
    for reference, actual in (
        ("cond_embed.hidden_embedding", head.condition.query),
        ("final_layer.linear.bias", head.unembed.bias),
        ("input_proj.weight", head.embed.weight),
        ("res_blocks.1.adaLN_modulation.1.bias", head.blocks[1].get_parameter("modulate.bias")),
    ):
        torch.testing.assert_close(actual.grad, golden[f"loss.grad.{reference}"], **CLOSE)


@pytest.fixture
def head() -> DiffusionHead:
    torch.manual_seed(0)
    config = HeadConfig(width=32, blocks=2, heads=2, frequencies=16)
    head = DiffusionHead(config, DiffusionConfig(sampler="ddim", sample_steps=10), 12, 16, 4).eval()
    for parameter in head.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return head


def test_guidance_goes_from_unconditioned_to_conditioned_and_beyond(head: DiffusionHead) -> None:
    z = torch.randn(3, 4, 16)
    fake = head.fake_condition.detach().expand(3, -1, -1)

    def sampled(z: Tensor, scale: float) -> Tensor:
        return head.sample(z, guidance_scale=scale, generator=torch.Generator().manual_seed(1))

    torch.testing.assert_close(sampled(z, 0.0), sampled(fake, 1.0), rtol=1e-6, atol=1e-5)
    torch.testing.assert_close(sampled(z, 1.0 + 1e-6), sampled(z, 1.0), rtol=0, atol=1e-4)
    assert not torch.allclose(sampled(z, 3.0), sampled(z, 1.0), atol=1e-2)


def test_batch_neighbours_change_nothing(head: DiffusionHead) -> None:
    z = torch.randn(3, 4, 16)
    seeds = [torch.Generator().manual_seed(seed) for seed in (1, 2, 3)]
    together = head.sample(z, sampler="ancestral", generator=seeds)
    alone = head.sample(z[1:2], sampler="ancestral", generator=[torch.Generator().manual_seed(2)])
    torch.testing.assert_close(alone, together[1:2], rtol=1e-4, atol=1e-4)


def test_chunks_of_steps_change_nothing(head: DiffusionHead, monkeypatch: pytest.MonkeyPatch) -> None:
    z, noise = torch.randn(3, 4, 16), torch.randn(1, 3, 1, 12)
    whole = head.sample(z, noise=noise)
    monkeypatch.setattr("bimotion.models.head.CHUNK_BYTES", 1)
    torch.testing.assert_close(head.sample(z, noise=noise), whole, rtol=1e-5, atol=1e-6)


def test_dropped_rows_learn_the_fake_condition_only(head: DiffusionHead) -> None:
    x0, z = torch.randn(2, 1, 12), torch.randn(2, 4, 16, requires_grad=True)
    t, eps = torch.tensor([5, 500, 900, 20]), torch.randn(4, 1, 12)
    head.loss_of(x0, z, t, torch.tensor([True, False, True, False]), eps).sum().backward()
    assert z.grad is not None
    assert not z.grad[0].any()
    assert z.grad[1].all()
    assert head.fake_condition.grad is not None


def test_a_fresh_head_tells_no_noise() -> None:
    head = DiffusionHead(HeadConfig(width=32, heads=2), DiffusionConfig(), 12, 16, 4)
    assert not head(torch.randn(3, 1, 12), torch.tensor([1, 2, 3]), torch.randn(3, 4, 16)).any()
    loss = head.loss(torch.randn(400, 1, 12), torch.randn(400, 4, 16), torch.Generator().manual_seed(0))
    assert abs(loss.item() - 1) < 0.05


def test_v_stands_for_the_noise_that_it_was_made_of() -> None:
    head = DiffusionHead(
        HeadConfig(width=32, heads=2, ff_width=48, frequencies=16), DiffusionConfig(prediction="v"), 12, 16, 4
    )
    x0, eps, t = torch.randn(5, 12), torch.randn(5, 12), torch.tensor([0, 10, 400, 900, 999])
    kept = head.alpha_bar[t][:, None]
    xt = kept.sqrt() * x0 + (1 - kept).sqrt() * eps
    v = kept.sqrt() * eps - (1 - kept).sqrt() * x0
    torch.testing.assert_close(head.eps_of(v, xt, kept), eps, rtol=0, atol=1e-5)


def test_a_head_that_tells_v_rightly_has_no_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    head = DiffusionHead(
        HeadConfig(width=32, heads=2, ff_width=48, frequencies=16), DiffusionConfig(prediction="v"), 12, 16, 4
    )
    x0, eps, t = torch.randn(3, 1, 12), torch.randn(3, 1, 12), torch.tensor([0, 300, 999])
    kept = head.alpha_bar[t][:, None]
    v = kept.sqrt() * eps[:, 0] - (1 - kept).sqrt() * x0[:, 0]
    monkeypatch.setattr(head, "denoise", lambda xt, h, modulation: v)
    loss = head.loss_of(x0, torch.randn(3, 4, 16), t, torch.zeros(3, dtype=torch.bool), eps)
    torch.testing.assert_close(loss, torch.zeros(3), rtol=0, atol=1e-8)


def test_rescaled_guidance_never_exceeds_the_conditional_deviation() -> None:
    generator = torch.Generator().manual_seed(0)
    xt, conditional, unconditional = torch.randn(3, 5, 40, generator=generator)
    guided = unconditional + 4 * (conditional - unconditional)
    level = 0.4

    def deviation(eps: Tensor) -> Tensor:
        return ((xt - (1 - level) ** 0.5 * eps) / level**0.5).std(-1)

    assert (deviation(guided) > deviation(conditional)).all()
    torch.testing.assert_close(rescaled(guided, conditional, xt, level, 0.0), guided)
    full = rescaled(guided, conditional, xt, level, 1.0)
    torch.testing.assert_close(deviation(full), deviation(conditional))
    half = deviation(rescaled(guided, conditional, xt, level, 0.5))
    assert ((half > deviation(full)) & (half < deviation(guided))).all()
    same = rescaled(conditional, guided, xt, level, 1.0)
    torch.testing.assert_close(same, conditional)


@pytest.mark.parametrize("size", [1e-9, 1.0, 1e6])
def test_rescaling_holds_at_any_size(size: float) -> None:
    torch.manual_seed(0)
    conditional = torch.randn(3, 8)
    xt = torch.zeros(3, 8)
    full = rescaled(size * 4 * conditional, size * conditional, xt, 0.5, 1.0)
    torch.testing.assert_close(full, size * conditional, rtol=1e-5, atol=0)
    constant = torch.full((3, 8), size)
    torch.testing.assert_close(rescaled(constant, constant, xt, 0.5, 1.0), constant, rtol=1e-5, atol=0)


def test_sampling_uses_the_rescaled_guidance() -> None:
    torch.manual_seed(0)
    plain = DiffusionConfig(
        train_steps=50, sample_steps=5, sampler="ddim", guidance_scale=6.0, prediction="v"
    )
    heads = [
        DiffusionHead(
            HeadConfig(width=16, blocks=1, heads=2, frequencies=8, zero_init=False), config, 12, 8, 2
        )
        for config in (plain, replace(plain, guidance_rescale=1.0))
    ]
    heads[1].load_state_dict(heads[0].state_dict())
    z = torch.randn(4, 2, 8)
    latents = [head.eval().sample(z, generator=torch.Generator().manual_seed(1)) for head in heads]
    assert float(latents[1].std()) < float(latents[0].std())


def test_equal_latents_in_pairs_have_equal_losses() -> None:
    torch.manual_seed(0)
    head = DiffusionHead(HeadConfig(width=64, ff_width=128), DiffusionConfig(repeats=3), 64, 32, 4).eval()
    x0, z = torch.randn(2, 1, 64), torch.randn(2, 4, 32)
    once = head.loss(x0, z, torch.Generator().manual_seed(1), paired=False)
    doubled = head.loss(
        x0.repeat_interleave(2, 0), z.repeat_interleave(2, 0), torch.Generator().manual_seed(1), paired=True
    )
    torch.testing.assert_close(once, doubled)
