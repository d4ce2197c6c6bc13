"""Batches of token sequences: who stands where."""

import pytest
import torch

from bimotion.errors import ModelError
from bimotion.models.token_batch import TokenBatch
from bimotion.models.tokens import MotionTokenizer, TokenSequence


def test_every_token_is_found_again(tokenizer: MotionTokenizer) -> None:
    sequences = [
        tokenizer.sequence("a person walks", tokenizer.motion_out),
        tokenizer.sequence(f"what is {tokenizer.motion_in}", "a person walks"),
        tokenizer.sequence(f"fill {tokenizer.motion_hole}", tokenizer.motion_out),
    ]
    special = tokenizer.special
    batch = TokenBatch.of(sequences, special, tokenizer.slots)
    rows = torch.cat((batch.text_ids, batch.motion_ids + special.text_vocab_size))
    ids = rows[batch.source].view(batch.size, batch.length)
    for row, sequence in zip(ids, sequences, strict=True):
        assert tuple(row[: len(sequence)].tolist()) == sequence.ids
    assert batch.in_rows.shape == (3, 4)
    assert batch.out_items.tolist() == [0, 2]
    assert batch.motion_ids[batch.in_rows].unique().tolist() == [3]
    assert batch.motion_ids[batch.out_rows].unique().tolist() == [2]
    assert batch.text_ids[batch.last_rows].tolist() == [special.start, special.eos, special.start]


def test_only_the_words_of_answers_are_learnt(tokenizer: MotionTokenizer) -> None:
    special = tokenizer.special
    caption = tokenizer.sequence(f"what is {tokenizer.motion_in}", "a person walks")
    motion = tokenizer.sequence("a person walks", tokenizer.motion_out)
    batch = TokenBatch.of([motion, caption], special, tokenizer.slots)
    assert tuple(batch.answer_ids.tolist()) == caption.answer
    before = batch.text_ids[batch.answer_rows].tolist()
    assert tuple(before) == (caption.prompt[-1], *caption.answer[:-1])


def test_text_first_means_no_words_after_motions(tokenizer: MotionTokenizer) -> None:
    def text_first(*sequences: TokenSequence) -> bool:
        return TokenBatch.of(sequences, tokenizer.special, tokenizer.slots).text_first

    moved = tokenizer.motion_request("a person walks")
    captioned = tokenizer.text_request(f"what is {tokenizer.motion_in}")
    assert text_first(moved, tokenizer.plain("walks"))
    assert not text_first(moved, captioned)


def test_interleaved_motions_take_turns(tokenizer: MotionTokenizer) -> None:
    sequences = [
        tokenizer.text_request(tokenizer.motion_in),
        tokenizer.motion_request(tokenizer.motion_hole),
    ]
    own = TokenBatch.of(sequences, tokenizer.special, 4).in_rows
    dealt = TokenBatch.of(sequences, tokenizer.special, 4, interleaved=True).in_rows
    assert dealt[0].tolist() == own[0].tolist()
    first, second = own[1].tolist(), own[2].tolist()
    assert dealt[1].tolist() == [first[0], first[2], second[0], second[2]]
    assert dealt[2].tolist() == [first[1], first[3], second[1], second[3]]


def test_incomplete_batches_are_refused(tokenizer: MotionTokenizer) -> None:
    special = tokenizer.special
    with pytest.raises(ModelError, match="each motion takes 4 slots; there are 3 in and 0 out"):
        TokenBatch.of([TokenSequence((special.in_slot,) * 3)], special, 4)
    with pytest.raises(ModelError, match="at least one sequence"):
        TokenBatch.of([], special, 4)
    with pytest.raises(ModelError, match="at least one token"):
        TokenBatch.of([TokenSequence(())], special, 4)


def test_a_shared_beginning_is_computed_once(tokenizer: MotionTokenizer) -> None:
    texts = ("a person walks", "a person jumps", "a person walks on", "a person walks")
    sequences = [tokenizer.sequence(text, tokenizer.motion_out) for text in texts]
    sequences.append(tokenizer.sequence(f"what {tokenizer.motion_in} is", "a person walks"))
    sequences.append(tokenizer.sequence(f"what {tokenizer.motion_in} is", "a person walks"))
    batch = TokenBatch.of(sequences, tokenizer.special, tokenizer.slots)
    shared = batch.sharing_prefixes()
    begins = {
        sequence.ids[:end]
        for sequence in sequences[:4]
        for end in range(1, len(sequence) - tokenizer.slots + 1)
    }
    what = sequences[4].ids.index(tokenizer.special.in_slot)
    # after a motion nothing is shared, because motions differ
    after = sum(map(len, sequences[4:])) - 2 * (what + tokenizer.slots)
    assert len(shared.text_ids) == len(begins) + what + after
    rows = torch.cat((shared.text_ids, shared.motion_ids + tokenizer.special.text_vocab_size))
    ids = rows[shared.source].view(shared.size, shared.length)
    for row, sequence in zip(ids, sequences, strict=True):
        assert tuple(row[: len(sequence)].tolist()) == sequence.ids
    assert torch.equal(shared.text_ids[shared.last_rows], batch.text_ids[batch.last_rows])
    assert torch.equal(shared.text_ids[shared.answer_rows], batch.text_ids[batch.answer_rows])
    where = torch.arange(shared.size * shared.length)[shared.text_index]
    assert torch.equal(ids.flatten()[where], shared.text_ids)
