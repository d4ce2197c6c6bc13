"""A reduced vocabulary with word vectors of a pretrained language model, from which `tiny`'s text branch starts.

The model is read when training starts and never needed again. Of its byte-level BPE the merges that words about
movement need are kept, and the first ones, which are the most frequent: it still encodes any text. The vectors of the
kept tokens are projected onto their principal axes.

Shapes: V text ids, D width.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from bimotion.errors import ConfigError
from bimotion.models.pretrained import read_pretrained
from bimotion.models.tokenizer_cut import cut_tokenizer
from bimotion.models.tokens import MotionTokenizer


@dataclass(frozen=True)
class Words:
    """A tokenizer and the vectors of its text ids."""

    tokenizer: MotionTokenizer
    """The cut tokenizer, with the motion tokens."""
    vectors: Float[Tensor, "V D"]
    """A row for each text id; the motion brackets' rows are the mean of the others."""


def movement_words() -> list[str]:
    """Words about human movement, each with the leading space it has inside a sentence."""
    text = (resources.files("bimotion.training") / "static" / "movement_words.txt").read_text(
        encoding="utf-8"
    )
    return [f" {word}" for word in text.split()]


def shrink_vocabulary(
    source: Path, texts: Iterable[str], vocab_size: int, width: int, slots: int, *, deviation: float = 0.05
) -> Words:
    """`vocab_size` tokens of a pretrained model and their vectors, `width` wide.

    `source` is a GGUF file or a folder that transformers reads. `texts` keep the tokens that the model splits
    them into; the most frequent of its other tokens fill the vocabulary. The vectors keep their differences from the
    mean along the `width` axes of greatest variance, scaled to a standard deviation of `deviation`.

    Raises:
        ModelError: there is no such model, or its tokenizer is not a byte-level BPE.
        ConfigError: `vocab_size` or `width` exceeds what the model has, or transformers is not installed.
    """
    language = read_pretrained(source)
    table = language.embedding
    bpe, kept = cut_tokenizer(source, language.tokenizer, texts, vocab_size)
    if width > table.shape[1]:
        raise ConfigError(f"{source}: has word vectors of width {table.shape[1]}, expected {width}")
    tokenizer = MotionTokenizer(bpe, slots)
    rows = table[kept].double()
    rows = rows - rows[1:].mean(0)
    axes = torch.linalg.eigh(rows[1:].T @ rows[1:]).eigenvectors[:, -width:]
    rows = rows @ axes
    rows = rows * (deviation / rows[1:].std())
    # The end token and the brackets get a new meaning, so their vectors are random. Zeros would always give the logit
    # zero, and an answer could not end.
    generator = torch.Generator().manual_seed(0)
    own = torch.randn(tokenizer.special.text_vocab_size - len(rows) + 1, width, generator=generator).double()
    return Words(tokenizer, torch.cat((own[:1] * deviation, rows[1:], own[1:] * deviation)).float())
