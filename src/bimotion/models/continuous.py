"""Text generation with continuous batching: sequences join while others are decoded, and leave when they end.

Every step computes one token of all sequences in hand, whose keys and values are the first rows of one memory: a
sequence that joins takes the next row, and the last one moves to where one has left.

Shapes: R rows in hand, C candidates of a prompt, S slots of a motion, M context motions, E width of the motion branch,
D width of the text branch, V text vocabulary.

Source: iteration-level scheduling (Orca, Yu et al. 2022), as in vLLM and nano-vllm.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from bimotion.errors import ModelError
from bimotion.models.generate import DecodingConfig, banned_tokens, choose
from bimotion.models.mixture import KeyValueCache, Mixture
from bimotion.models.token_batch import TokenBatch
from bimotion.models.tokens import SpecialIds

MAX_ROWS = 48
"""Sequences that are decoded at once."""


@dataclass(eq=False)
class _Answer:
    """The texts that are generated for a prompt: one, or several candidates that share a source of chance."""

    key: Hashable
    decoding: DecodingConfig
    room: int
    generator: torch.Generator | None
    texts: list[list[int]]
    open: int
    """Candidates that have not ended."""


@dataclass(eq=False)
class _Row:
    """A sequence in hand."""

    answer: _Answer
    candidate: int
    states: Float[Tensor, " D"]
    """Its last states."""
    filled: int
    """Its tokens so far, the prompt included."""


@dataclass(eq=False)
class ContinuousDecoder:
    """Generates text for prompts that come at any time; a text does not depend on the others in hand.

    >>> decoder.add(["a", "b"], batch, context, DecodingConfig())
    >>> while decoder.rows:
    ...     for key, texts in decoder.step():
    ...         print(key, texts)
    """

    mixture: Mixture
    special: SpecialIds
    max_rows: int = MAX_ROWS
    rows: list[_Row] = field(default_factory=list)
    """Sequences in hand."""

    def __post_init__(self) -> None:
        self._memory: KeyValueCache | None = None
        self._fronts: dict[int, KeyValueCache] = {}
        self._banned_tokens: dict[DecodingConfig, Tensor] = {}

    @property
    def free(self) -> int:
        """Number of sequences that may join."""
        return self.max_rows - len(self.rows)

    @torch.inference_mode()
    def add(
        self,
        keys: Sequence[Hashable],
        batch: TokenBatch,
        context: Float[Tensor, "M S E"] | None,
        decoding: DecodingConfig,
        *,
        candidates: int = 1,
        seed: int = 0,
    ) -> None:
        """Let prompts join, each with so many candidates; prompts end in a text token.

        Candidates of a prompt are drawn from a generator with `seed`, as `generate` draws those of a batch.

        Raises:
            ModelError: too many at once, or a prompt fills all positions.
        """
        mixture = self.mixture
        if len(keys) * candidates > self.free:
            raise ModelError(f"{len(keys) * candidates} sequences cannot join: {self.free} rows are free")
        room = min(decoding.max_tokens, mixture.config.max_positions - batch.length)
        if room < 1:
            raise ModelError(f"a prompt of {batch.length} tokens leaves no room for an answer; shorten it")
        prompts = mixture.cache(batch.size, batch.length)
        states = mixture(batch, context, prompts, text_rows=batch.last_rows).text
        memory = self._memory_for(batch.length + room)
        lengths = batch.lengths.tolist()
        for number, key in enumerate(keys):
            generator = torch.Generator(states.device).manual_seed(seed) if decoding.temperature else None
            answer = _Answer(key, decoding, room, generator, [[] for _ in range(candidates)], candidates)
            first, last = len(self.rows), len(self.rows) + candidates
            length = lengths[number]
            memory.store[:, :, first:last, :, :length] = prompts.store[:, :, number : number + 1, :, :length]
            memory.filled[first:last] = length
            self.rows += [_Row(answer, each, states[number], length) for each in range(candidates)]

    @torch.inference_mode()
    def drop(self, key: Hashable) -> None:
        """Give up the texts of a prompt."""
        for index in reversed(range(len(self.rows))):
            if self.rows[index].answer.key == key:
                self._remove(index)

    @torch.inference_mode()
    def step(self) -> list[tuple[Hashable, list[list[int]]]]:
        """One more token of every sequence in hand; gives prompts whose candidates have all ended, with their ids."""
        if not self.rows:
            return []
        scores = self.mixture.logits(torch.stack([row.states for row in self.rows])).float()
        chosen = self._choose(scores)
        finished: list[_Answer] = []
        for index in reversed(range(len(self.rows))):
            answer, text = self.rows[index].answer, self.rows[index].answer.texts[self.rows[index].candidate]
            ends = chosen[index] == self.special.eos
            if not ends:
                text.append(chosen[index])
            if ends or len(text) == answer.room:
                answer.open -= 1
                finished += [answer] if not answer.open else []
                self._remove(index)
                chosen[index] = chosen[-1]
                chosen.pop()
        if self.rows:
            self._advance(chosen)
        return [(answer.key, answer.texts) for answer in finished]

    def _choose(self, scores: Float[Tensor, "R V"]) -> list[int]:
        """The next token of each row."""
        answers: dict[_Answer, list[int]] = {}
        for index, row in enumerate(self.rows):
            answers.setdefault(row.answer, []).append(index)
            decoding = row.answer.decoding
            scores[index].masked_fill_(self._banned(decoding, scores), -torch.inf)
            if len(row.answer.texts[row.candidate]) < decoding.min_tokens:
                scores[index, self.special.eos] = -torch.inf
        chosen: list[int] = scores.argmax(-1).tolist()
        for answer, indices in answers.items():
            if answer.generator is None and answer.decoding.repetition_penalty == 1:
                continue
            candidates = [self.rows[index].candidate for index in indices]
            texts = [answer.texts[candidate] for candidate in candidates]
            written = torch.tensor(texts, dtype=torch.long, device=scores.device)
            ids = choose(
                scores[indices], written, answer.decoding, answer.generator, candidates, len(answer.texts)
            )
            for index, token in zip(indices, ids.tolist(), strict=True):
                chosen[index] = token
        return chosen

    def _banned(self, decoding: DecodingConfig, scores: Float[Tensor, "R V"]) -> Bool[Tensor, " V"]:
        if decoding not in self._banned_tokens:
            banned = banned_tokens(decoding, self.special, scores.shape[1])
            self._banned_tokens[decoding] = banned.to(scores.device)
        return self._banned_tokens[decoding]

    def _advance(self, chosen: list[int]) -> None:
        """The states of one more token of each row."""
        count = len(self.rows)
        front = self._front(count)
        front.longest = max(row.filled for row in self.rows)
        ids = torch.tensor(chosen, device=front.filled.device)
        states = self.mixture.step(ids, front).clone()
        for row, own in zip(self.rows, states, strict=True):
            row.states = own
            row.filled += 1

    def _front(self, count: int) -> KeyValueCache:
        """The memory of the first rows; one object for each number of rows, with its recorded kernel calls."""
        if count not in self._fronts:
            assert self._memory is not None
            self._fronts[count] = self._memory.front(count)
        return self._fronts[count]

    def _memory_for(self, room: int) -> KeyValueCache:
        """Memory with room for so many tokens in a row; what is in hand is copied when it grows."""
        old = self._memory
        if old is None or old.store.shape[4] < room:
            self._memory = self.mixture.cache(self.max_rows, room)
            self._fronts = {}
            if old is not None:
                self._memory.store[..., : old.store.shape[4], :] = old.store
                self._memory.filled.copy_(old.filled)
        assert self._memory is not None
        return self._memory

    def _remove(self, index: int) -> None:
        """Take out a row; the last one moves to its index."""
        assert self._memory is not None
        last = len(self.rows) - 1
        if index != last:
            moved = self.rows[index] = self.rows[last]
            store = self._memory.store
            store[:, :, index, :, : moved.filled] = store[:, :, last, :, : moved.filled]
            self._memory.filled[index] = moved.filled
        self.rows.pop()
