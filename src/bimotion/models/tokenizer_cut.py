"""Reduction of a pretrained tokenizer: it still encodes any text, and the tokens of given texts do not change.

Of a byte-level BPE, the merges that the given texts need are kept, and the first ones, which are the most frequent.
"""

import itertools
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import tokenizers

from bimotion.captions.sentence import EOS
from bimotion.errors import ConfigError, ModelError


def cut_tokenizer(
    source: Path | str, tokenizer: str, texts: Iterable[str], vocab_size: int
) -> tuple[tokenizers.Tokenizer, list[int]]:
    """A byte-level BPE of fewer tokens, the end token first, and each token's id in the old one.

    `tokenizer` is the contents of the old `tokenizer.json` and `source` names it in messages. `vocab_size` counts the
    two motion brackets, which the caller adds. Every merge that `texts` need is kept; the most frequent others fill up.

    Raises:
        ModelError: the tokenizer is not a byte-level BPE.
        ConfigError: `vocab_size` exceeds what the tokenizer has, or does not hold what the texts need.
    """
    vocabulary, merges = _cut(source, tokenizer, texts, vocab_size)
    bpe = tokenizers.Tokenizer(
        tokenizers.models.BPE(vocab={token: new for new, (token, _) in enumerate(vocabulary)}, merges=merges)
    )
    bpe.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = tokenizers.decoders.ByteLevel()
    bpe.add_special_tokens([tokenizers.AddedToken(EOS, special=True, normalized=False)])
    return bpe, [old for _, old in vocabulary]


def _cut(
    source: Path | str, text: str, texts: Iterable[str], vocab_size: int
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
    rank_of = {first + second: rank for rank, (first, second) in reversed(list(enumerate(merges)))}
    pending = {token for line in texts for token in whole.encode(line, add_special_tokens=False).tokens}
    kept: set[int] = set()
    while pending:
        rank = rank_of.get(pending.pop())
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
