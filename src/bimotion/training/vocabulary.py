"""A reduced vocabulary with word vectors of a pretrained language model, from which `tiny`'s text branch starts.

The model is read when training starts and never needed again. Of its byte-level BPE the merges stay that words
about movement need, and the first ones, which are the most frequent: it is still a tokenizer of any text. The
vectors of what is left are projected onto their principal axes.

Shapes: V text ids, D width.
"""

import itertools
import json
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import tokenizers
import torch
from jaxtyping import Float
from torch import Tensor

from bimotion.captions.sentence import EOS
from bimotion.errors import ConfigError, ModelError
from bimotion.models.pretrained import read_pretrained
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

    `source` is a GGUF file or a folder that transformers reads. `texts` are cut into tokens as the model cuts
    them; the most frequent of its other tokens fill the vocabulary. The vectors keep their differences from the
    mean along the `width` axes of greatest variance, scaled to a standard deviation of `deviation`.

    Raises:
        ModelError: there is no such model, or its tokenizer is not a byte-level BPE.
        ConfigError: `vocab_size` or `width` exceeds what the model has, or transformers is not installed.
    """
    language = read_pretrained(source)
    table = language.embedding
    vocabulary, merges = _cut(source, language.tokenizer, texts, vocab_size)
    if width > table.shape[1]:
        raise ConfigError(f"{source}: has word vectors of width {table.shape[1]}, expected {width}")
    bpe = tokenizers.Tokenizer(
        tokenizers.models.BPE(vocab={token: new for new, (token, _) in enumerate(vocabulary)}, merges=merges)
    )
    bpe.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = tokenizers.decoders.ByteLevel()
    bpe.add_special_tokens([tokenizers.AddedToken(EOS, special=True, normalized=False)])
    tokenizer = MotionTokenizer(bpe, slots)
    rows = table[[old for _, old in vocabulary]].double()
    rows = rows - rows[1:].mean(0)
    axes = torch.linalg.eigh(rows[1:].T @ rows[1:]).eigenvectors[:, -width:]
    rows = rows @ axes
    rows = rows * (deviation / rows[1:].std())
    # The end token and the brackets get a new meaning, so their vectors are random. Zeros would always give the logit
    # zero, and an answer could not end.
    generator = torch.Generator().manual_seed(0)
    own = torch.randn(tokenizer.special.text_vocab_size - len(rows) + 1, width, generator=generator).double()
    return Words(tokenizer, torch.cat((own[:1] * deviation, rows[1:], own[1:] * deviation)).float())


def _cut(
    source: Path, text: str, texts: Iterable[str], vocab_size: int
) -> tuple[list[tuple[str, int]], list[tuple[str, str]]]:
    """Kept tokens with their old ids (the end token first), and the merges that produce them."""
    model: dict[str, Any] = json.loads(text)["model"]
    if model.get("type") != "BPE" or EOS not in model["vocab"]:
        raise ModelError(f"{source}: its tokenizer is not a byte-level BPE with {EOS}")
    old: dict[str, int] = model["vocab"]
    merges: list[tuple[str, str]] = []
    for pair in model["merges"]:  # older files write "a b", newer ones ["a", "b"]
        first, second = pair.split(" ", 1) if isinstance(pair, str) else pair
        merges.append((first, second))
    alphabet = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    room = vocab_size - len(alphabet) - 3  # the end token and the two motion brackets
    if not 0 <= room <= len(merges):
        raise ConfigError(
            f"{source}: has {len(old)} tokens and 256 bytes, expected {vocab_size} or more tokens"
        )
    whole = tokenizers.Tokenizer.from_str(text)
    made_of = {first + second: rank for rank, (first, second) in reversed(list(enumerate(merges)))}
    pending = {token for line in texts for token in whole.encode(line, add_special_tokens=False).tokens}
    kept: set[int] = set()
    while pending:
        rank = made_of.get(pending.pop())
        if rank is not None and rank not in kept:
            kept.add(rank)
            pending.update(merges[rank])
    if len(kept) > room:
        raise ConfigError(
            f"the texts need {len(kept)} merges, a vocabulary of {vocab_size} has room for {room}"
        )
    kept.update(itertools.islice((rank for rank in range(len(merges)) if rank not in kept), room - len(kept)))
    left = [merges[rank] for rank in sorted(kept)]
    tokens = [EOS, *alphabet, *dict.fromkeys(first + second for first, second in left)]
    return [(token, old.get(token, old[EOS])) for token in tokens], left
