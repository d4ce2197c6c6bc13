"""What a step of a language stage learns from."""

from pathlib import Path

import numpy as np
import pytest
import torch

from bimotion.captions.instructions import TaskClass
from bimotion.data.examples import Example
from bimotion.data.store import MotionStore
from bimotion.inference.prompts import motion_of_text
from bimotion.models.motion_language import MotionLanguage
from bimotion.models.presets import preset
from bimotion.models.tokens import MotionTokenizer
from bimotion.training.language.batches import Turn, Turns
from bimotion.training.language.latent_cache import FULL, Latents
from bimotion.training.language.objective import LanguageLossConfig, LanguageObjective


@pytest.fixture
def tokenizer() -> MotionTokenizer:
    return MotionTokenizer.train(["a person walks", "a person waves slowly", "somebody strolls"], 300)


def test_other_words_come_with_a_caption_of_the_grammar(data: Path, tokenizer: MotionTokenizer) -> None:
    items = MotionStore.open(data).items("train")
    latents = torch.randn(len(items), 2, 8)
    known = Latents({FULL: latents}, torch.zeros_like(latents))
    turns = Turns(tokenizer, 100, known, {item.id: row for row, item in enumerate(items)})

    def turn(row: int, caption: str, task: TaskClass = "t2m") -> Turn:
        answer = tokenizer.motion_out if task == "t2m" else caption
        target = caption if task == "t2m" else f"what is {tokenizer.motion_in}"
        return turns.turn(Example(items[row], task, caption, target, answer), np.random.default_rng(row))

    captions = items[3].captions
    generated = [
        turn(0, items[0].captions[0], "m2t"),
        turn(0, items[0].captions[0]),
        turn(3, "somebody strolls"),
    ]
    assert [each.plain is None for each in generated] == [True, True, False]
    assert generated[2].plain in [motion_of_text(tokenizer, caption, 100) for caption in captions]
    batch = turns.batch(generated, tokenizer.slots)
    assert batch.plain is not None
    rows, tokens = batch.plain
    assert rows.tolist() == [1]  # the second of the two motions in the answers
    assert len(tokens.out_rows) == 1
    assert turns.batch(generated[:2], tokenizer.slots).plain is None


def test_the_distance_of_meanings_counts_where_it_is_asked_for(
    data: Path, tokenizer: MotionTokenizer
) -> None:
    torch.manual_seed(0)
    model = MotionLanguage(preset("micro", tokenizer.special.text_vocab_size, tokenizer.special.eos))
    items = MotionStore.open(data).items("train")
    latents = torch.randn(len(items), model.config.vae.num_latents, model.config.vae.latent_dim)
    known = Latents({FULL: latents}, torch.zeros_like(latents))
    turns = Turns(tokenizer, 100, known, {item.id: row for row, item in enumerate(items)})
    example = Example(items[0], "t2m", "somebody strolls", "somebody strolls", tokenizer.motion_out)
    batch = turns.batch([turns.turn(example, np.random.default_rng(seed)) for seed in range(4)], 4)
    noise = torch.Generator().manual_seed(0)
    without = LanguageObjective(model, LanguageLossConfig(), ("motion",))(batch, noise)
    losses = LanguageObjective(model, LanguageLossConfig(alignment_weight=0.5), ("motion",))(batch, noise)
    assert "alignment" not in without
    assert losses["alignment"] > 0
    torch.testing.assert_close(losses["loss"], without["loss"] + 0.5 * losses["alignment"])
