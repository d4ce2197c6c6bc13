"""Goldens and a small tokenizer for the tests of the networks."""

import json
from pathlib import Path

import pytest
import tokenizers
import torch

from bimotion.models.motion_language import MotionLanguage
from bimotion.models.presets import preset
from bimotion.models.tokens import EOS, MotionTokenizer

WORDS = ["a person walks forward and waves with the left hand.", "someone jumps twice, then sits down"]


@pytest.fixture(scope="session")
def gpt2_tokenizer(goldens: Path) -> MotionTokenizer:
    """GPT-2's vocabulary with its ids, of which only the entries that the goldens use can be reached."""
    part = json.loads((goldens / "gpt2_bpe_part.json").read_text())
    vocab = {f"<unused {i}>": i for i in set(range(50256)) - set(part["vocab"].values())}
    merges = [tuple(pair.split(" ")) for pair in part["merges"]]
    bpe = tokenizers.Tokenizer(tokenizers.models.BPE({**part["vocab"], **vocab, EOS: 50256}, merges))
    bpe.add_special_tokens([tokenizers.AddedToken(EOS, special=True, normalized=False)])
    bpe.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = tokenizers.decoders.ByteLevel()
    return MotionTokenizer(bpe)


@pytest.fixture(scope="session")
def tokenizer() -> MotionTokenizer:
    return MotionTokenizer.train(WORDS, 300)


@pytest.fixture
def micro(tokenizer: MotionTokenizer) -> MotionLanguage:
    """A tiny random model in eval mode whose head does not begin at zero."""
    torch.manual_seed(0)
    special = tokenizer.special
    model = MotionLanguage(preset("micro", special.text_vocab_size, special.eos)).eval()
    for parameter in model.head.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return model
