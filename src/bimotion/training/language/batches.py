"""Examples of the language stages as batches: token sequences and the latents in them.

Shapes: M context motions, R target motions, N latents of a motion, D latent width.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from bimotion.captions.instructions import fill
from bimotion.captions.sentence import tidy
from bimotion.data.examples import Example, Examples
from bimotion.models.token_batch import TokenBatch
from bimotion.models.tokens import MotionTokenizer, TokenSequence
from bimotion.training.language.latent_cache import FULL, GAPS, SPLITS, Latents, piece_frames
from bimotion.training.task import Shard


@dataclass(frozen=True)
class LanguageBatch:
    """The data of one step of a language stage."""

    tokens: TokenBatch
    """Prompts and answers."""
    context: Float[Tensor, "M N D"] | None
    """Latents, not normalised, of the motions in the prompts."""
    target: Float[Tensor, "R N D"] | None
    """Latents, not normalised, of the motions in the answers."""
    num_frames: Int[Tensor, " R"] | None
    """Lengths of the motions in the answers."""
    shard: Shard
    """The rows of the batch of all processes that these are."""
    prompts: tuple[tuple[int, ...], ...] = ()
    """The ids of the prompts if all of them are text only and all answers are motions, else empty."""

    def to(self, device: torch.device) -> "LanguageBatch":
        """The same on another device."""
        context, target, num_frames = (
            None if part is None else part.to(device, non_blocking=True)
            for part in (self.context, self.target, self.num_frames)
        )
        tokens = self.tokens.to(device, non_blocking=True)
        return LanguageBatch(tokens, context, target, num_frames, self.shard, self.prompts)


@dataclass(frozen=True)
class Turn:
    """One example as tokens and latents."""

    sequence: TokenSequence
    """Prompt and answer."""
    context: tuple[Float[Tensor, "N D"], ...] = ()
    """Latents in the prompt."""
    target: Float[Tensor, "N D"] | None = None
    """Latents in the answer."""
    num_frames: int = 0
    """Frames of the target motion."""


class Turns:
    """Converts examples to turns."""

    def __init__(
        self,
        tokenizer: MotionTokenizer,
        limit: int,
        latents: Latents | None,
        index_of: dict[str, int],
        *,
        whole_text: bool = False,
        latent_noise: float = 0.0,
    ) -> None:
        """`limit`: longest sequence; `index_of`: row of each window, by its id, in the latents.

        `latent_noise`: target latents are the mean of the VAE plus this share of its deviation times fresh noise.
        """
        self.tokenizer, self.limit, self.latents, self.index_of = tokenizer, limit, latents, index_of
        self.whole_text, self.latent_noise = whole_text, latent_noise

    def turn(self, example: Example, rng: np.random.Generator) -> Turn:
        """The turn of an example; `rng` chooses among the pieces and draws noise."""
        if self.whole_text:
            return Turn(self._whole(example, rng))
        question = example.question
        task, frames = example.task, example.item.num_frames
        if task == "t2m":  # as inference normalises prompts
            question = question.replace(example.caption, tidy(example.caption))
        number = int(rng.integers(len(SPLITS))) if task == "predict" else 0
        if task == "predict":
            target_frames = piece_frames(f"after.{number}", frames)[1]
            question = fill(question, num_frames=target_frames)
        sequence = self.tokenizer.shorten(self.tokenizer.sequence(question, example.answer), self.limit)
        if task in ("t2t", "n2t"):
            return Turn(sequence)
        assert self.latents is not None
        index = self.index_of[example.item.id]
        full = self.latents.of(FULL, index)
        if task == "m2t":
            return Turn(sequence, (full,))
        if task == "predict":
            context, target = (self.latents.of(f"{name}.{number}", index) for name in ("before", "after"))
            return Turn(sequence, (context,), target, target_frames)
        if self.latent_noise > 0:
            noise = torch.from_numpy(rng.standard_normal(full.shape, dtype=np.float32))
            full = full + self.latent_noise * noise * (0.5 * self.latents.logvar[index].float()).exp()
        if task == "inbetween":
            number = int(rng.integers(len(GAPS)))
            ends = tuple(self.latents.of(f"{name}.{number}", index) for name in ("first", "last"))
            return Turn(sequence, ends, full, frames)
        return Turn(sequence, (), full, frames)

    def _whole(self, example: Example, rng: np.random.Generator) -> TokenSequence:
        """A whole text as training target, from its first token.

        A prompt for a motion is answered by a caption of the window. One time in three it is only the caption.
        """
        captions = example.item.captions
        answer = example.answer
        if example.task == "t2m":
            answer = captions[int(rng.integers(len(captions)))]
        if example.task in ("t2m", "n2t") and rng.random() < 1 / 3:
            ids = (*self.tokenizer.encode(tidy(example.caption)), self.tokenizer.special.eos)
        else:
            question = (
                example.question.replace(example.caption, tidy(example.caption)) if example.caption else ""
            )
            ids = self.tokenizer.sequence(question or example.question, answer).ids
        return TokenSequence((), ids[: self.limit])

    def _text_prompt(self, turn: Turn) -> tuple[int, ...]:
        """The ids before a turn's target motion; none where a motion is in the prompt or the answer is text."""
        if turn.target is None or turn.context:
            return ()
        return turn.sequence.ids[: turn.sequence.ids.index(self.tokenizer.special.out_slot)]

    def batch(self, turns: Sequence[Turn], slots: int, shard: Shard | None = None) -> LanguageBatch:
        """The turns as one batch, on the CPU."""
        special = self.tokenizer.special
        tokens = TokenBatch.of([turn.sequence for turn in turns], special, slots)
        context = [latent for turn in turns for latent in turn.context]
        target = [(turn.target, turn.num_frames) for turn in turns if turn.target is not None]
        prompts = [self._text_prompt(turn) for turn in turns]
        return LanguageBatch(
            tokens,
            torch.stack(context) if context else None,
            torch.stack([latent for latent, _ in target]) if target else None,
            torch.tensor([frames for _, frames in target]) if target else None,
            shard or Shard(),
            tuple(prompts) if all(prompts) else (),
        )


class LanguageBatches:
    """Endless batches; the position is the number of the step."""

    def __init__(self, examples: Examples, turns: Turns, slots: int, seed: int, shard: Shard) -> None:
        self.examples, self.turns, self.slots, self.seed, self.shard = examples, turns, slots, seed, shard
        self.step = 0
        self._stream: Iterator[tuple[Example, ...]] | None = None

    def next(self) -> LanguageBatch:
        """The next batch of this process."""
        if self._stream is None:
            self._stream = self.examples.from_step(self.step)
        rows = next(self._stream)
        world, rank = self.shard.world, self.shard.rank
        size = 2 if self.examples.config.mirror_pairs else 1  # pairs stay together
        rows += rows[: -len(rows) % (world * size)]  # the last batch of an epoch may not divide evenly
        turns = [
            self.turns.turn(example, np.random.default_rng((self.seed, self.step, row)))
            for row, example in enumerate(rows)
            if row // size % world == rank
        ]
        self.step += 1
        return self.turns.batch(turns, self.slots, self.shard)

    def state(self) -> dict[str, Any]:
        """The position in the order."""
        return {"step": self.step}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue at a position that `state` returned."""
        self.step, self._stream = int(state["step"]), None
