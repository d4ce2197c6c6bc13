"""The assembled model."""

from dataclasses import replace

import pytest
import torch

from bimotion.models.generate import DecodingConfig
from bimotion.models.motion_language import MotionLanguage
from bimotion.models.presets import PRESETS, preset
from bimotion.models.tokens import MotionTokenizer


def test_tiny_is_small_enough_to_be_embedded() -> None:
    with torch.device("meta"):
        model = MotionLanguage(PRESETS["tiny"])
    assert sum(p.numel() for p in model.parameters()) <= 24_000_000


def test_each_task_has_its_losses(micro: MotionLanguage, tokenizer: MotionTokenizer) -> None:
    motion_in, motion_out = tokenizer.motion_in, tokenizer.motion_out
    latents = torch.randn(2, 2, 8)
    moved = micro.batch([tokenizer.sequence("a person walks", motion_out)] * 2)
    losses = micro(moved, None, latents, torch.tensor([40, 60]), torch.Generator().manual_seed(0))
    assert losses.text == 0
    assert losses.diffusion > 0
    assert losses.length > 0
    captioned = micro.batch([tokenizer.sequence(f"what is {motion_in}", "a person walks")] * 2)
    losses = micro(captioned, latents)
    assert losses.text > 0
    assert losses.diffusion == losses.length == 0
    mixed = micro.batch(
        [
            tokenizer.sequence("a person walks", motion_out),
            tokenizer.sequence(f"what is {motion_in}", "a person walks"),
            tokenizer.plain("a person jumps"),
        ]
    )
    losses = micro(mixed, latents[:1], latents[1:], torch.tensor([50]))
    assert all(loss > 0 for loss in losses)
    sum(losses).backward()
    trained = {name for name, p in micro.named_parameters() if p.grad is not None and p.grad.any()}
    untrained = {name for name, _ in micro.named_parameters() if not name.startswith("vae.")} - trained
    assert untrained <= {"head.fake_condition"}


def test_text_loss_ignores_prompts_and_neighbours(micro: MotionLanguage, tokenizer: MotionTokenizer) -> None:
    latents = torch.randn(2, 2, 8)
    rows = [
        tokenizer.sequence(f"what is {tokenizer.motion_in}", "a person walks"),
        tokenizer.sequence(f"tell me what is done here {tokenizer.motion_in}", "jumps"),
    ]
    counts = [len(row.answer) for row in rows]
    each = [micro(micro.batch([row]), z[None]).text for row, z in zip(rows, latents, strict=True)]
    expected = (each[0] * counts[0] + each[1] * counts[1]) / sum(counts)
    torch.testing.assert_close(micro(micro.batch(rows), latents).text, expected)


def test_sampling_is_the_same_for_the_same_seed(micro: MotionLanguage, tokenizer: MotionTokenizer) -> None:
    batch = micro.batch([tokenizer.motion_request("a person walks"), tokenizer.motion_request("jumps")])
    latents, frames = micro.sample(batch, generator=torch.Generator().manual_seed(3))
    again, _ = micro.sample(batch, generator=torch.Generator().manual_seed(3))
    other, _ = micro.sample(batch, generator=torch.Generator().manual_seed(4))
    assert latents.shape == (2, 2, 8)
    torch.testing.assert_close(again, latents, rtol=0, atol=0)
    assert not torch.allclose(other, latents)
    assert frames is not None
    assert frames.shape == (2,)


def test_latents_are_normalised_between_vae_and_transformer(micro: MotionLanguage) -> None:
    features, lengths = torch.randn(2, 40, 263), torch.tensor([40, 30])
    with torch.no_grad():
        mu, _ = micro.vae.encode(features, lengths)
        micro.latent_mean.copy_(mu.mean(0))
        micro.latent_std.copy_(mu.std(0))
        latents = micro.encode(features, lengths)
        target = (mu - mu.mean(0)) / mu.std(0)
        torch.testing.assert_close(latents, target)
        decoded = micro.decode(latents, lengths)
        torch.testing.assert_close(decoded, micro.vae.decode(mu, lengths), rtol=0, atol=1e-4)


def test_writing_equals_choosing_the_likeliest_again_and_again(
    micro: MotionLanguage, tokenizer: MotionTokenizer
) -> None:
    for parameter in micro.mixture.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    special = tokenizer.special
    prompts = [
        tokenizer.text_request(f"what is {tokenizer.motion_in}"),
        tokenizer.text_request(f"what does the person do in {tokenizer.motion_in}"),
    ]
    context = torch.randn(2, 2, 8)
    written = micro.generate(micro.batch(prompts), context, DecodingConfig(max_tokens=8))
    for prompt, z, answer in zip(prompts, context, written, strict=True):
        ids: list[int] = []
        while len(ids) < 8:
            batch = micro.batch([type(prompt)(prompt.prompt, tuple(ids))])
            with torch.no_grad():
                slots = micro.understanding(z.flatten()[None]).view(1, 4, -1)
                states = micro.mixture(batch, slots).text[batch.last_rows]
                best = int(micro.mixture.logits(states)[0, : special.start].argmax())
            if best == special.eos:
                break
            ids.append(best)
        assert answer == ids


def test_repetition_penalty_and_top_k(micro: MotionLanguage, tokenizer: MotionTokenizer) -> None:
    batch = micro.batch([tokenizer.text_request(f"what is {tokenizer.motion_in}")])
    context = torch.randn(1, 2, 8)
    [free] = micro.generate(batch, context, DecodingConfig(max_tokens=12))
    [other] = micro.generate(batch, context, DecodingConfig(max_tokens=12, repetition_penalty=1e6))
    assert len(set(other)) == len(other)
    drawn = DecodingConfig(max_tokens=12, temperature=1.0, top_k=1)
    assert micro.generate(batch, context, drawn) == [free]
    free_choice = DecodingConfig(max_tokens=12, temperature=1.0)
    seeded = [micro.generate(batch, context, free_choice, torch.Generator().manual_seed(5)) for _ in range(2)]
    assert seeded[0] == seeded[1]


@pytest.mark.parametrize("dtype", [torch.bfloat16])
def test_half_precision_stays_close(
    micro: MotionLanguage, tokenizer: MotionTokenizer, dtype: torch.dtype
) -> None:
    batch = micro.batch([tokenizer.motion_request("a person walks")])
    with torch.no_grad():
        expected = micro.condition(batch)
        halved = micro.to(dtype).condition(batch)
    assert halved.dtype == dtype
    torch.testing.assert_close(halved.float(), expected, rtol=0, atol=0.1)


@pytest.mark.slow
def test_two_captions_and_their_motions_are_learnt(tokenizer: MotionTokenizer) -> None:
    torch.manual_seed(0)
    special = tokenizer.special
    model = MotionLanguage(preset("micro", special.text_vocab_size, special.eos)).train()
    captions = ["a person walks forward", "someone jumps twice"]
    latents = torch.randn(2, 2, 8, generator=torch.Generator().manual_seed(1))
    frames = torch.tensor([60, 140])
    batch = model.batch(
        [tokenizer.sequence(caption, tokenizer.motion_out) for caption in captions]
        + [tokenizer.sequence(f"what is {tokenizer.motion_in}", caption) for caption in captions]
    )
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
    generator = torch.Generator().manual_seed(2)
    for _ in range(600):
        optimiser.zero_grad()
        sum(model(batch, latents, latents, frames, generator)).backward()
        optimiser.step()
    model.eval()
    requests = model.batch([tokenizer.motion_request(caption) for caption in captions])
    sampled, lengths = model.sample(requests, guidance_scale=1.0, generator=generator)
    torch.testing.assert_close(sampled, latents, rtol=0, atol=0.35)
    assert lengths is not None
    assert (lengths - frames).abs().max() <= 4
    prompts = model.batch([tokenizer.text_request(f"what is {tokenizer.motion_in}")] * 2)
    assert [tokenizer.caption(ids) for ids in model.generate(prompts, latents)] == captions


def test_latents_on_principal_axes_come_back_as_their_projection() -> None:
    config = replace(preset("micro"), latent_rank=5)
    model = MotionLanguage(config).eval()
    values = config.vae.num_latents * config.vae.latent_dim
    axes = torch.linalg.qr(torch.randn(values, 5))[0].T
    model.latent_axes.copy_(axes)
    model.latent_axes_back.copy_(axes)
    model.latent_std.copy_(torch.rand(1, 5) + 0.5)
    model.latent_mean.normal_()
    inside = (torch.randn(3, 5) @ axes).unflatten(1, model.latent_mean.shape) + model.latent_mean
    latents = model.normalise(inside)
    assert latents.shape == (3, 1, 5)
    lengths = torch.tensor([24, 30, 40])
    torch.testing.assert_close(model.decode(latents, lengths), model.vae.decode(inside, lengths))
    outside = inside + (torch.eye(values) - axes.T @ axes)[0].unflatten(0, model.latent_mean.shape)
    torch.testing.assert_close(model.normalise(outside), latents)


def test_only_allowed_tokens_are_generated(micro: MotionLanguage, tokenizer: MotionTokenizer) -> None:
    prompts = micro.batch([tokenizer.text_request("a person walks")] * 6)
    allowed = tuple(tokenizer.encode("a person jumps"))
    decoding = DecodingConfig(max_tokens=8, temperature=5.0, allowed=allowed)
    rows = micro.generate(prompts, None, decoding, torch.Generator().manual_seed(0))
    assert {token for row in rows for token in row} <= set(allowed)
    longer = replace(decoding, min_tokens=8)
    rows = micro.generate(prompts, None, longer, torch.Generator().manual_seed(0))
    assert [len(row) for row in rows] == [8] * 6
