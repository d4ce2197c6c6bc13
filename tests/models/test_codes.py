"""Discrete latents: codebooks, and codes as tokens."""

from dataclasses import replace

import pytest
import torch

from bimotion.errors import ConfigError
from bimotion.models.codes import Quantiser
from bimotion.models.motion_language import MotionLanguage
from bimotion.models.presets import preset
from bimotion.models.tokens import MotionTokenizer


@pytest.fixture
def discrete(tokenizer: MotionTokenizer) -> MotionLanguage:
    torch.manual_seed(0)
    config = preset("micro", tokenizer.special.text_vocab_size, tokenizer.special.eos)
    config = replace(config, vae=replace(config.vae, codes=12, num_latents=4), slots=4)
    return MotionLanguage(config).eval()


def test_codes_survive_a_round_trip() -> None:
    torch.manual_seed(0)
    quantiser = Quantiser(3, 4, 10)
    codes = torch.randint(10, (6, 3))
    latents = quantiser.vectors(codes)
    assert torch.equal(quantiser.codes(latents), codes)
    torch.testing.assert_close(quantiser.vectors(quantiser.codes(latents)), latents)


def test_each_code_stands_for_every_nth_value() -> None:
    quantiser = Quantiser(2, 3, 5)
    latents = quantiser.vectors(torch.tensor([[1, 4]]))
    torch.testing.assert_close(latents.flatten()[0::2], quantiser.codebook[0, 1])
    torch.testing.assert_close(latents.flatten()[1::2], quantiser.codebook[1, 4])


def test_rounding_passes_the_gradient_and_draws_both_sides() -> None:
    torch.manual_seed(0)
    quantiser = Quantiser(3, 4, 10)
    z = torch.randn(6, 3, 4, requires_grad=True)
    rounded, loss = quantiser(z)
    torch.testing.assert_close(rounded, quantiser.vectors(quantiser.codes(z)))
    rounded.sum().backward(retain_graph=True)
    torch.testing.assert_close(z.grad, torch.ones_like(z))
    assert quantiser.codebook.grad is None
    loss.backward()
    assert quantiser.codebook.grad is not None
    assert not torch.equal(z.grad, torch.ones_like(z))


def test_codebooks_find_clusters() -> None:
    generator = torch.Generator().manual_seed(0)
    centres = 10 * torch.randn(4, 3, 2, generator=generator)
    z = centres[torch.arange(200) % 4] + 0.01 * torch.randn(200, 3, 2, generator=generator)
    quantiser = Quantiser(3, 2, 8)
    quantiser.fit(z, generator)
    assert (quantiser.vectors(quantiser.codes(z)) - z).abs().max() < 0.1


def test_the_loss_is_the_cross_entropy_of_codes_given_the_codes_before(
    discrete: MotionLanguage, tokenizer: MotionTokenizer
) -> None:
    codes = torch.randint(12, (2, 4))
    target = discrete.normalise(discrete.vae.quantiser.vectors(codes))
    batch = discrete.batch([tokenizer.sequence("a person walks", tokenizer.motion_out)] * 2)
    loss = discrete(batch, target=target).diffusion
    changed = codes.clone()
    changed[:, -1] = (codes[:, -1] + 1) % 12  # the last code is an input of no other
    other = discrete(batch, target=discrete.normalise(discrete.vae.quantiser.vectors(changed))).diffusion
    earlier = discrete.codes.embed(codes)[:, :-1]
    z = discrete.mixture(batch, earlier=earlier).motion[batch.out_rows]
    scores = torch.stack([discrete.codes.scores(z[:, slot], slot) for slot in range(4)], 1)
    for value, labels in ((loss, codes), (other, changed)):
        torch.testing.assert_close(
            value, torch.nn.functional.cross_entropy(scores.flatten(0, 1), labels.flatten())
        )


def test_codes_are_drawn_one_after_the_other(discrete: MotionLanguage, tokenizer: MotionTokenizer) -> None:
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
    latents = discrete.normalise(discrete.vae.quantiser.vectors(torch.tensor([[1, 2, 3, 4]])))
    torch.testing.assert_close(
        discrete.understand(latents)[0], discrete.codes.embedding[torch.arange(4), torch.tensor([1, 2, 3, 4])]
    )
    assert discrete.generate(request, latents)


def test_reconstruction_goes_through_the_codes(discrete: MotionLanguage) -> None:
    latents = discrete.encode(torch.randn(2, 30, 263), torch.tensor([30, 20]))
    inner = discrete.vae_latents(latents)
    torch.testing.assert_close(discrete.vae.rounded(inner), inner)


def test_a_discrete_model_needs_a_slot_for_each_latent() -> None:
    config = preset("micro")
    with pytest.raises(ConfigError, match="slot each"):
        replace(config, vae=replace(config.vae, codes=12), slots=4)
