"""Discrete latents: codebooks, and codes as tokens."""

from dataclasses import replace

import pytest
import torch

from bimotion.errors import ConfigError
from bimotion.models.codes import Quantiser
from bimotion.models.motion_language import MotionLanguage
from bimotion.models.presets import preset
from bimotion.models.tokens import MotionTokenizer

SHAPE = (3, 4)


@pytest.fixture
def discrete(tokenizer: MotionTokenizer) -> MotionLanguage:
    torch.manual_seed(0)
    config = preset("micro", tokenizer.special.text_vocab_size, tokenizer.special.eos)
    return MotionLanguage(replace(config, vae=replace(config.vae, codes=12, code_levels=4))).eval()


def vectors(model: MotionLanguage, codes: torch.Tensor) -> torch.Tensor:
    """The latents of codes, with codebooks so unequal in size that the codes can be found again."""
    quantiser = model.vae.quantiser
    if quantiser.codebooks.abs()[-1].max() > 0.1:
        with torch.no_grad():
            quantiser.codebooks *= 0.05 ** torch.arange(4.0)[:, None, None]
    return quantiser.vectors(codes, model.config.latent_shape)


def test_codes_survive_a_round_trip() -> None:
    """Of levels that are each much finer than the one before, every sum of codes is found again."""
    torch.manual_seed(0)
    quantiser = Quantiser(*SHAPE, levels=5, codes=10)
    with torch.no_grad():
        quantiser.codebooks *= 0.05 ** torch.arange(5.0)[:, None, None]
        quantiser.scale.uniform_(0.5, 2)
    codes = torch.randint(10, (6, 5))
    assert torch.equal(quantiser.codes(quantiser.vectors(codes, SHAPE)), codes)


def test_every_level_brings_latents_nearer() -> None:
    torch.manual_seed(0)
    z = torch.randn(500, *SHAPE)
    errors = []
    for levels in (1, 2, 4):
        quantiser = Quantiser(*SHAPE, levels=levels, codes=16)
        quantiser.fit(z, generator=torch.Generator().manual_seed(0))
        rounded = quantiser.vectors(quantiser.codes(z), SHAPE).detach()
        errors.append(float((rounded - z).square().mean()))
    assert errors[0] < float(z.square().mean())
    assert errors[0] > errors[1] > errors[2]


def test_values_of_greater_weight_are_rounded_more_exactly() -> None:
    z = torch.randn(500, *SHAPE, generator=torch.Generator().manual_seed(0))
    quantiser = Quantiser(*SHAPE, levels=2, codes=16)
    quantiser.fit(z, torch.tensor([10.0] + [1.0] * 11), torch.Generator().manual_seed(0))
    errors = (quantiser.vectors(quantiser.codes(z), SHAPE) - z).detach().square().flatten(1).mean(0)
    assert errors[0] < 0.1 * errors[1:].mean()


def test_rounding_passes_the_gradient_and_draws_both_sides() -> None:
    torch.manual_seed(0)
    quantiser = Quantiser(*SHAPE, levels=2, codes=10)
    z = torch.randn(6, *SHAPE, requires_grad=True)
    rounded, loss = quantiser(z)
    torch.testing.assert_close(rounded, quantiser.vectors(quantiser.codes(z), SHAPE))
    rounded.sum().backward(retain_graph=True)
    torch.testing.assert_close(z.grad, torch.ones_like(z))
    assert quantiser.codebooks.grad is None
    loss.backward()
    assert quantiser.codebooks.grad is not None
    assert not torch.equal(z.grad, torch.ones_like(z))


def test_codebooks_find_clusters() -> None:
    generator = torch.Generator().manual_seed(0)
    centres = 10 * torch.randn(4, 3, 2, generator=generator)
    z = centres[torch.arange(200) % 4] + 0.01 * torch.randn(200, 3, 2, generator=generator)
    quantiser = Quantiser(3, 2, levels=1, codes=16)
    quantiser.fit(z, generator=generator)
    assert (quantiser.vectors(quantiser.codes(z), (3, 2)) - z).abs().max() < 0.1


def test_the_loss_is_the_cross_entropy_of_codes_given_the_codes_before(
    discrete: MotionLanguage, tokenizer: MotionTokenizer
) -> None:
    codes = torch.randint(12, (2, 4))
    target = discrete.normalise(vectors(discrete, codes))
    batch = discrete.batch([tokenizer.sequence("a person walks", tokenizer.motion_out)] * 2)
    loss = discrete(batch, target=target).diffusion
    changed = codes.clone()
    changed[:, -1] = (codes[:, -1] + 1) % 12  # the last code is an input of no other
    other = discrete(batch, target=discrete.normalise(vectors(discrete, changed))).diffusion
    earlier = discrete.codes.embed(codes)[:, :-1]
    z = discrete.mixture(batch, earlier=earlier).motion[batch.out_rows]
    scores = torch.stack([discrete.codes.scores(z[:, slot], slot) for slot in range(4)], 1)
    for value, labels in ((loss, codes), (other, changed)):
        torch.testing.assert_close(
            value, torch.nn.functional.cross_entropy(scores.flatten(0, 1), labels.flatten())
        )


def test_codes_are_drawn_one_after_the_other(discrete: MotionLanguage, tokenizer: MotionTokenizer) -> None:
    vectors(discrete, torch.zeros(1, 4, dtype=torch.long))  # from here on codes can be found again
    for parameter in discrete.mixture.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    texts = ("a person walks", "someone jumps twice, then sits down")
    batch = discrete.batch([tokenizer.motion_request(text) for text in texts])
    latents, frames = discrete.sample(batch, temperature=0.0)
    codes = discrete.codes_of(latents)
    with torch.no_grad():
        z = discrete.mixture(batch, earlier=discrete.codes.embed(codes)[:, :-1]).motion[batch.out_rows]
        greedy = torch.stack([discrete.codes.scores(z[:, slot], slot).argmax(-1) for slot in range(4)], 1)
    assert torch.equal(codes, greedy)
    assert frames is not None
    one, _ = discrete.sample(batch, generator=[torch.Generator().manual_seed(i) for i in (5, 6)])
    alone = discrete.batch([tokenizer.motion_request(texts[1])])
    again, _ = discrete.sample(alone, generator=[torch.Generator().manual_seed(6)])
    torch.testing.assert_close(one[1:], again)


def test_motions_in_prompts_are_read_by_their_codes(
    discrete: MotionLanguage, tokenizer: MotionTokenizer
) -> None:
    request = discrete.batch([tokenizer.text_request(f"what is {tokenizer.motion_in}")])
    latents = discrete.normalise(vectors(discrete, torch.tensor([[1, 2, 3, 4]])))
    torch.testing.assert_close(
        discrete.understand(latents)[0], discrete.codes.embedding[torch.arange(4), torch.tensor([1, 2, 3, 4])]
    )
    assert discrete.generate(request, latents)


def test_reconstruction_goes_through_the_codes(discrete: MotionLanguage) -> None:
    latents = discrete.encode(torch.randn(2, 30, 263), torch.tensor([30, 20]))
    expected = discrete.vae.quantiser.vectors(discrete.codes_of(latents), discrete.config.latent_shape)
    torch.testing.assert_close(discrete.vae_latents(discrete.rounded(latents)), expected)
    assert not torch.allclose(discrete.rounded(latents), latents)


def test_a_discrete_model_needs_a_slot_for_each_level() -> None:
    config = preset("micro")
    with pytest.raises(ConfigError, match="slot for each level"):
        replace(config, vae=replace(config.vae, codes=12), slots=5)
