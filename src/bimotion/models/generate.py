"""Text generation with a key-value cache.

Shapes: B sequences, S slots of a motion, M context motions, C width, V text vocabulary.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from bimotion.errors import ModelError, check_range
from bimotion.models.mixture import Mixture
from bimotion.models.token_batch import TokenBatch
from bimotion.models.tokens import SpecialIds


@dataclass(frozen=True)
class DecodingConfig:
    """How text is generated."""

    max_tokens: int = 40
    """Length of the longest answer, in tokens."""
    min_tokens: int = 0
    """Length of the shortest answer, in tokens."""
    temperature: float = 0.0
    """0: greedy; otherwise tokens are sampled from logits divided by it."""
    top_k: int = 50
    """Number of most likely tokens to sample from."""
    repetition_penalty: float = 1.0
    """Penalty on the logits of tokens already generated; 1: none (published: 1.1)."""
    allowed: tuple[int, ...] | None = None
    """Ids that may be generated besides the end token; None: all. A vocabulary of a pretrained model has many tokens
    that no training caption contains, whose logits mean nothing."""

    def __post_init__(self) -> None:
        check_range(self, ("max_tokens", "top_k"), 1)
        check_range(self, ("temperature", "min_tokens"), 0)
        check_range(self, "repetition_penalty", 0, above=True)


@torch.inference_mode()
def generate(
    mixture: Mixture,
    batch: TokenBatch,
    context: Float[Tensor, "M S C"] | None,
    special: SpecialIds,
    decoding: DecodingConfig,
    generator: torch.Generator | None = None,
) -> list[list[int]]:
    """Ids that follow each prompt, up to but without the end token.

    Prompts end in a text token. The motion brackets are never generated.

    Raises:
        ModelError: a prompt fills all positions.
    """
    room = min(decoding.max_tokens, mixture.config.max_positions - batch.length)
    if room < 1:
        raise ModelError(f"a prompt of {batch.length} tokens leaves no room for an answer; shorten it")
    cache = mixture.cache(batch.size, batch.length + room)
    states = mixture(batch, context, cache, text_rows=batch.last_rows).text
    generated = torch.full((batch.size, room), special.eos, device=states.device)
    done = torch.zeros(batch.size, dtype=torch.bool, device=states.device)
    # Checking whether all are done is free on a CPU; elsewhere it waits for the device.
    every = 1 if states.device.type == "cpu" else 8
    banned = banned_tokens(decoding, special, mixture.config.text_vocab_size).to(states.device)
    for step in range(room):
        scores = mixture.logits(states).float()
        scores.masked_fill_(banned, -torch.inf)
        if step < decoding.min_tokens:
            scores[:, special.eos] = -torch.inf
        chosen = choose(scores, generated[:, :step], decoding, generator)
        chosen = chosen.masked_fill(done, special.eos)
        generated[:, step] = chosen
        done = done | (chosen == special.eos)
        if step % every == every - 1 and bool(done.all()):
            break
        if step + 1 < room:
            states = mixture.step(chosen, cache)
    rows: list[list[int]] = generated.tolist()
    return [row[: row.index(special.eos)] if special.eos in row else row for row in rows]


def banned_tokens(decoding: DecodingConfig, special: SpecialIds, vocab_size: int) -> Bool[Tensor, " V"]:
    """Tokens that are never generated: motion brackets, and all but the allowed ones."""
    banned = torch.full((vocab_size,), decoding.allowed is not None)
    banned[list(decoding.allowed or ())] = False
    banned[special.eos] = False
    banned[special.start :] = True
    return banned


def choose(
    scores: Float[Tensor, "B V"],
    generated: Int[Tensor, "B n"],
    decoding: DecodingConfig,
    generator: torch.Generator | None,
    drawn_rows: Sequence[int] | None = None,
    draws: int | None = None,
) -> Int[Tensor, " B"]:
    """The next token of each sequence.

    With `drawn_rows` the sequences are those rows of `draws` that once were together, and get the draws that they would
    get among them.
    """
    penalty = decoding.repetition_penalty
    if penalty != 1 and generated.shape[1]:
        old = scores.gather(1, generated)
        scores.scatter_(1, generated, torch.where(old > 0, old / penalty, old * penalty))
    if decoding.temperature == 0:
        return scores.argmax(-1)
    best, ids = scores.topk(min(decoding.top_k, scores.shape[1]))
    weights = (best / decoding.temperature).softmax(-1)
    if drawn_rows is None or draws is None:
        return ids.gather(1, torch.multinomial(weights, 1, generator=generator))[:, 0]
    among = weights.new_ones(draws, weights.shape[1])
    among[list(drawn_rows)] = weights
    drawn = torch.multinomial(among, 1, generator=generator)[list(drawn_rows)]
    return ids.gather(1, drawn)[:, 0]
