"""Token sequences as a batch, with the indices by which each branch finds its own tokens.

Shapes: B sequences, L positions of the longest, Nt text tokens and Nm motion tokens of the whole batch (without
padding), S slots of a motion, M context motions, R target motions, A answer tokens. All indices are computed once, on
the CPU, when the batch is built: the network never waits for the device.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from bimotion.errors import ModelError
from bimotion.models.tokens import SpecialIds, TokenSequence


@dataclass(frozen=True)
class TokenBatch:
    """Right-padded sequences and the indices of their tokens."""

    size: int
    """B, the number of sequences."""
    length: int
    """L, the number of positions of the longest sequence."""
    lengths: Int[Tensor, " B"]
    """Tokens of each sequence."""
    text_ids: Int[Tensor, " Nt"]
    """Ids of the text tokens, sequence by sequence."""
    motion_ids: Int[Tensor, " Nm"]
    """Motion ids (0 masked, 1 pad, 2 out, 3 in) of the motion tokens, sequence by sequence."""
    text_index: Int[Tensor, " Nt"]
    """Index of each text token among the B * L positions."""
    motion_index: Int[Tensor, " Nm"]
    """Index of each motion token among the B * L positions."""
    source: Int[Tensor, " positions"]
    """For each position its row among the text tokens followed by the motion tokens; 0 at padding, never read."""
    in_rows: Int[Tensor, "M S"]
    """Rows among the motion tokens of each context motion's slots."""
    out_rows: Int[Tensor, "R S"]
    """Rows among the motion tokens of each target motion's slots."""
    out_items: Int[Tensor, " R"]
    """Sequence that each target motion belongs to."""
    last_rows: Int[Tensor, " B"]
    """Row among the text tokens of each sequence's last one."""
    answer_rows: Int[Tensor, " A"]
    """Rows among the text tokens whose successor is an answer's text token."""
    answer_ids: Int[Tensor, " A"]
    """That successor's id."""
    text_first: bool
    """Whether no text token follows a motion token, so that no text state depends on the motion branch."""
    equal_lengths: bool
    """Whether all sequences have the same length."""

    @property
    def only_text(self) -> bool:
        """Whether there is no motion token and no padding."""
        return self.equal_lengths and self.motion_ids.numel() == 0

    def to(self, device: torch.device | str, non_blocking: bool = False) -> "TokenBatch":
        """The same batch on another device."""
        moved = TokenBatch(**vars(self))
        for name, value in vars(self).items():
            if isinstance(value, Tensor):
                object.__setattr__(moved, name, value.to(device, non_blocking=non_blocking))
        return moved

    def sharing_prefixes(self) -> "TokenBatch":
        """The same batch with text that several sequences begin with computed once, for inference.

        A text state depends on the tokens before it only, so one row serves all sequences that are the same up to it.
        """
        if self.only_text:
            return self
        size, ids = len(self.text_ids), self.text_ids.tolist()
        known: dict[tuple[int, int], int] = {}  # rows of shared tokens, by the row before and the id
        kept: list[int] = []
        target = [0] * size
        for row, length in zip(self.source.view(self.size, -1).tolist(), self.lengths.tolist(), strict=True):
            before, shared = -1, True
            for own in row[:length]:
                shared = shared and own < size
                if own >= size:
                    continue
                found = known.get((before, ids[own])) if shared else None
                if found is None:
                    found = len(kept)
                    kept.append(own)
                    if shared:
                        known[before, ids[own]] = found
                target[own] = before = found
        index = torch.tensor(kept, device=self.source.device)
        moved = torch.tensor(target, device=self.source.device)
        text = self.source < size
        return replace(
            self,
            text_ids=self.text_ids[index],
            text_index=self.text_index[index],
            source=torch.where(text, moved[self.source.clamp(max=size - 1)], self.source - size + len(kept)),
            last_rows=moved[self.last_rows],
            answer_rows=moved[self.answer_rows],
        )

    @classmethod
    def of(
        cls,
        sequences: Sequence[TokenSequence],
        special: SpecialIds,
        slots: int,
        interleaved: bool = False,
    ) -> "TokenBatch":
        """The batch of some sequences, on the CPU.

        The text tokens of an answer are training targets, except those that only bracket a motion.

        Raises:
            ModelError: no sequences, an empty one, or one with an incomplete motion.
        """
        if not sequences or not all(map(len, sequences)):
            raise ModelError("a batch needs at least one sequence, and each sequence at least one token")
        lengths = torch.tensor([len(sequence) for sequence in sequences])
        length = int(lengths.max())
        ids = torch.full((len(sequences), length), special.eos)
        learned = torch.zeros(len(sequences), length, dtype=torch.bool)
        for row, sequence in enumerate(sequences):
            ids[row, : len(sequence)] = torch.tensor(sequence.ids)
            learned[row, len(sequence.prompt) : len(sequence)] = special.out_slot not in sequence.answer
        valid = torch.arange(length) < lengths[:, None]
        return cls.of_ids(ids, valid, learned, special, slots, interleaved)

    @classmethod
    def of_ids(
        cls,
        ids: Int[Tensor, "B L"],
        valid: Bool[Tensor, "B L"],
        learned: Bool[Tensor, "B L"],
        special: SpecialIds,
        slots: int,
        interleaved: bool = False,
    ) -> "TokenBatch":
        """The batch of right-padded ids; `learned` marks the tokens that are predicted from the ones before them.

        The slots of a context motion are adjacent rows; with `interleaved`, the motions of one sequence alternate
        slot by slot.
        """
        is_motion = valid & (ids >= special.text_vocab_size)
        is_text = valid & ~is_motion
        text_index, motion_index = is_text.flatten().nonzero()[:, 0], is_motion.flatten().nonzero()[:, 0]
        source = torch.zeros(ids.numel(), dtype=torch.long)
        source[text_index] = torch.arange(len(text_index))
        source[motion_index] = torch.arange(len(motion_index)) + len(text_index)
        motion_ids = ids.flatten()[motion_index]
        in_rows = (motion_ids == special.in_slot).nonzero()[:, 0]
        out_rows = (motion_ids == special.out_slot).nonzero()[:, 0]
        if len(in_rows) % slots or len(out_rows) % slots:
            raise ModelError(
                f"each motion takes {slots} slots; there are {len(in_rows)} in and {len(out_rows)} out"
            )
        in_rows = in_rows.view(-1, slots)
        if interleaved:
            in_items = motion_index[in_rows[:, 0]] // ids.shape[1]
            parts = [in_rows[in_items == item] for item in torch.unique(in_items)]
            in_rows = torch.cat([in_rows[:0], *(part.reshape(slots, -1).T for part in parts)])
        out_items = motion_index[out_rows.view(-1, slots)[:, 0]] // ids.shape[1]
        follows = torch.zeros_like(learned)
        follows[:, :-1] = (learned & is_text)[:, 1:]
        answer_index = (follows & is_text).flatten().nonzero()[:, 0]
        positions = torch.arange(ids.shape[1])
        last_text = torch.where(is_text, positions, -1).amax(1)
        first_motion = torch.where(is_motion, positions, ids.shape[1]).amin(1)
        lengths = valid.sum(1)
        return cls(
            size=ids.shape[0],
            length=ids.shape[1],
            lengths=lengths,
            text_ids=ids.flatten()[text_index],
            motion_ids=motion_ids - special.text_vocab_size,
            text_index=text_index,
            motion_index=motion_index,
            source=source,
            in_rows=in_rows,
            out_rows=out_rows.view(-1, slots),
            out_items=out_items,
            last_rows=source[torch.arange(ids.shape[0]) * ids.shape[1] + last_text.clamp(min=0)],
            answer_rows=source[answer_index],
            answer_ids=ids.flatten()[answer_index + 1],
            text_first=bool((last_text < first_motion).all()),
            equal_lengths=bool((lengths == ids.shape[1]).all()),
        )
