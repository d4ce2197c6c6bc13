"""What a frozen text branch makes of prompts, kept."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from bimotion.data.examples import Example
from bimotion.data.store import MotionStore
from bimotion.models.motion_language import MotionLanguage
from bimotion.models.presets import preset
from bimotion.models.tokens import MotionTokenizer
from bimotion.training.language.batches import LanguageBatch, Turns
from bimotion.training.language.latent_cache import FULL, Latents
from bimotion.training.language.objective import LanguageLossConfig, LanguageObjective
from bimotion.training.language.prompt_cache import PromptCache


@pytest.fixture
def tokenizer() -> MotionTokenizer:
    return MotionTokenizer.train(["a person walks", "a person waves slowly", "somebody strolls"], 300)


@pytest.fixture
def model(tokenizer: MotionTokenizer) -> MotionLanguage:
    sizes = preset("micro", tokenizer.special.text_vocab_size, tokenizer.special.eos)
    mixture = replace(sizes.mixture, family="llama", motion_width=16, motion_ff_width=24)
    torch.manual_seed(0)
    network = MotionLanguage(replace(sizes, mixture=mixture))
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return network


def questions(
    data: Path, model: MotionLanguage, tokenizer: MotionTokenizer, words: list[str]
) -> LanguageBatch:
    items = MotionStore.open(data).items("train")
    shape = (len(items), model.config.vae.num_latents, model.config.vae.latent_dim)
    latents = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    known = Latents({FULL: latents}, torch.zeros_like(latents))
    turns = Turns(tokenizer, 100, known, {item.id: row for row, item in enumerate(items)})
    generated = [
        turns.turn(Example(items[row], "t2m", text, text, tokenizer.motion_out), np.random.default_rng(row))
        for row, text in enumerate(words)
    ]
    return turns.batch(generated, tokenizer.slots)


def test_losses_and_gradients_are_those_of_whole_sequences(
    data: Path, model: MotionLanguage, tokenizer: MotionTokenizer, tmp_path: Path
) -> None:
    batch = questions(
        data, model, tokenizer, ["a person walks", "somebody strolls, then waves", "a person walks"]
    )
    losses = LanguageLossConfig(text_weight=0.0)
    results = []
    for prompts in (None, PromptCache(model.mixture, model.config.special, tokenizer.slots, tmp_path)):
        module = LanguageObjective(model, losses, ["motion"], prompts=prompts).train()
        module.zero_grad()
        prediction = module(batch, torch.Generator().manual_seed(0))
        prediction["loss"].backward()  # type: ignore[no-untyped-call]
        gradients = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
        results.append((prediction, gradients))
    (plain, expected), (cached, gradients) = results
    torch.testing.assert_close(cached["diffusion"], plain["diffusion"], rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(cached["length"], plain["length"], rtol=1e-3, atol=1e-4)
    assert set(gradients) == {
        name for name in expected if "motion." in name or "head" in name or "length" in name
    }
    for name, gradient in gradients.items():
        torch.testing.assert_close(gradient, expected[name], rtol=0.02, atol=1e-3)


def test_prompts_are_computed_once_and_found_again(
    data: Path,
    model: MotionLanguage,
    tokenizer: MotionTokenizer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = ["a person walks", "somebody strolls"]
    batch = questions(data, model, tokenizer, words)
    first = PromptCache(model.mixture, model.config.special, tokenizer.slots, tmp_path)
    generated = first.prefix(batch.prompts)
    again = PromptCache(model.mixture, model.config.special, tokenizer.slots, tmp_path)
    assert len(first) == len(again) == 2
    monkeypatch.setattr(again, "_add", lambda prompts: pytest.fail(f"computed again: {prompts}"))
    found = again.prefix(batch.prompts[::-1])
    torch.testing.assert_close(found.store.flip(2), generated.store)
    assert found.filled.tolist() == generated.filled.tolist()[::-1]
    model.mixture.text.layers[0].get_parameter("qkv.weight").data.mul_(2)
    assert len(PromptCache(model.mixture, model.config.special, tokenizer.slots, tmp_path)) == 0


@pytest.mark.parametrize(
    ("damage", "kept"),
    [
        (
            lambda folder: append(folder / "index.txt", "12 34"),
            2,
        ),  # a process was killed while it wrote a line
        (lambda folder: append(folder / "index.txt", "12 x4\n"), 0),
        (lambda folder: append(folder / "index.txt", "-3 4\n"), 0),
        (lambda folder: (folder / "index.txt").write_bytes(b"\xff\xfe\x00"), 0),
        (lambda folder: truncate(folder / "keys-values.bin", 100), 0),
        (lambda folder: (folder / "keys-values.bin").unlink(), 0),
        (lambda folder: flip_bit(folder / "keys-values.bin", 10), 2),  # found when it is used
    ],
)
def test_damaged_files_are_computed_again(
    model: MotionLanguage,
    tokenizer: MotionTokenizer,
    tmp_path: Path,
    damage: Callable[[Path], object],
    kept: int,
) -> None:
    prompts = [(5, 6, 7), (8, 9)]
    first = PromptCache(model.mixture, model.config.special, tokenizer.slots, tmp_path)
    expected = first.prefix(prompts).store.clone()
    damage(first.folder)
    again = PromptCache(model.mixture, model.config.special, tokenizer.slots, tmp_path)
    assert len(again) == kept
    torch.testing.assert_close(again.prefix([*prompts, (10, 11)]).store[:, :, :2], expected, rtol=0, atol=0)
    assert len(PromptCache(model.mixture, model.config.special, tokenizer.slots, tmp_path)) == 3


def append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(text)


def flip_bit(path: Path, offset: int) -> None:
    content = bytearray(path.read_bytes())
    content[offset] ^= 1
    path.write_bytes(content)


def test_positions_that_are_learnt_are_part_of_the_fingerprint(tmp_path: Path) -> None:
    mixture = MotionLanguage(
        replace(preset("micro"), mixture=replace(preset("micro").mixture, family="gpt2"))
    ).mixture
    special = preset("micro").special
    first = PromptCache(mixture, special, 4, tmp_path)
    assert mixture.positions is not None
    mixture.positions.data.add_(1)
    assert PromptCache(mixture, special, 4, tmp_path).folder != first.folder


def truncate(path: Path, size: int) -> None:
    with path.open("r+b") as file:
        file.truncate(size)


def test_only_batches_of_words_have_prompts(
    data: Path, model: MotionLanguage, tokenizer: MotionTokenizer
) -> None:
    items = MotionStore.open(data).items("train")
    latents = torch.randn(len(items), model.config.vae.num_latents, model.config.vae.latent_dim)
    known = Latents({FULL: latents}, torch.zeros_like(latents))
    turns = Turns(tokenizer, 100, known, {item.id: row for row, item in enumerate(items)})
    requested = Example(items[0], "t2m", "a person walks", "a person walks", tokenizer.motion_out)
    prediction = Example(
        items[0], "m2t", "a person walks", f"what is {tokenizer.motion_in}", "a person walks"
    )
    rng = np.random.default_rng(0)
    words = turns.turn(requested, rng)
    assert turns.batch([words], tokenizer.slots).prompts == (words.sequence.ids[: -tokenizer.slots],)
    assert turns.batch([words, turns.turn(prediction, rng)], tokenizer.slots).prompts == ()
