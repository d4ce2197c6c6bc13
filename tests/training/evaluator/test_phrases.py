"""Timed phrases in the evaluator's training."""

from itertools import pairwise

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from bimotion.data.store import Event
from bimotion.evaluators.contrastive import MotionParts
from bimotion.training.evaluator.phrases import (
    OTHER_OVERLAP,
    PhraseBatch,
    TimedPhrase,
    other_moments,
    phrase_losses,
    timed_phrases,
)

EVENTS = (Event(0.0, 1.0, "walks"), Event(1.0, 3.0, "turns"), Event(3.0, 3.4, "sits"))


def test_phrases_lie_at_their_parts() -> None:
    found = timed_phrases(5, EVENTS, 0, 68, 4)
    assert found == [
        TimedPhrase(5, 0, 5, "walks"),
        TimedPhrase(5, 5, 15, "turns"),
        TimedPhrase(5, 15, 17, "sits"),
    ]


def test_a_crop_keeps_the_phrases_that_it_shows() -> None:
    assert [phrase.text for phrase in timed_phrases(0, EVENTS, 22, 38, 4)] == ["turns"]
    assert timed_phrases(0, EVENTS, 30, 10, 4) == []


@given(st.integers(1, 40), st.data())
def test_phrases_never_leave_the_motion(frames: int, data: st.DataObject) -> None:
    marks = sorted(data.draw(st.lists(st.floats(0, 3), min_size=2, max_size=6)))
    events = [Event(start, end, "walks") for start, end in pairwise(marks)]
    parts = -(-frames // 4)
    for phrase in timed_phrases(0, events, 0, frames, 4):
        assert 0 <= phrase.first < phrase.stop <= parts


@given(st.integers(0, 2**31), st.integers(1, 50), st.data())
def test_other_moments_hardly_overlap_with_the_phrase(seed: int, parts: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, parts - 1))
    stop = data.draw(st.integers(first + 1, parts))
    phrase = TimedPhrase(0, first, stop, "walks")
    for low, high in other_moments(phrase, [], parts, np.random.default_rng(seed)):
        assert 0 <= low < high <= parts
        shared = max(min(high, stop) - max(low, first), 0)
        assert shared / (max(high, stop) - min(low, first)) < OTHER_OVERLAP


def batch(
    rows: list[int], slots: list[int], spans: list[tuple[int, int]], **more: torch.Tensor
) -> PhraseBatch:
    count = len(rows)
    fields = {
        "other_first": torch.zeros(count, 1, dtype=torch.long),
        "other_stop": torch.zeros(count, 1, dtype=torch.long),
        "same_meaning": torch.eye(count, dtype=torch.bool),
    }
    ids = torch.zeros(count, 1, dtype=torch.long)
    return PhraseBatch(
        rows=torch.tensor(rows),
        slots=torch.tensor(slots),
        first=torch.tensor([first for first, _ in spans]),
        stop=torch.tensor([stop for _, stop in spans]),
        ids=ids,
        mask=ids.bool(),
        wrong_rows=ids[:0, 0],
        wrong_ids=ids[:0],
        wrong_mask=ids[:0].bool(),
        **{**fields, **more},
    )


def losses(values: torch.Tensor, text: torch.Tensor, phrases: PhraseBatch) -> tuple[float, float]:
    values, text = values.clone().requires_grad_(), text.clone().requires_grad_()
    parts = MotionParts(values, torch.ones(values.shape[:2], dtype=torch.bool))
    moment, part = phrase_losses(text, None, parts, phrases, torch.tensor(20.0, requires_grad=True))
    (moment + part).backward()  # type: ignore[no-untyped-call]
    assert text.grad is not None
    assert text.grad.isfinite().all()
    assert values.grad is not None
    assert values.grad.isfinite().all()
    return moment.item(), part.item()


def test_losses_are_small_only_where_phrases_have_the_direction_of_their_parts() -> None:
    axes = torch.eye(4)
    values = torch.stack([axes[[0, 0, 1, 1]], axes[[2, 2, 3, 3]]])
    phrases = batch([0, 0, 1, 1], [0, 1, 0, 1], [(0, 2), (2, 4), (0, 2), (2, 4)])
    right = losses(values, axes, phrases)
    assert max(right) < 1e-3
    swapped = losses(values, axes[[1, 0, 3, 2]], phrases)
    assert min(swapped) > 10


def test_phrases_of_the_same_meaning_are_not_compared() -> None:
    axes = torch.eye(4)
    values = axes[[0, 0, 0, 0]][None]
    same = torch.ones(2, 2, dtype=torch.bool)
    phrases = batch([0, 0], [0, 1], [(0, 2), (2, 4)], same_meaning=same)
    moment, part = losses(values, axes[[0, 0]], phrases)
    assert moment < 1e-6
    assert part == 0


def test_other_moments_of_the_same_motion_count_against_a_phrase() -> None:
    axes = torch.eye(4)
    values = axes[[0, 0, 0, 0]][None]
    alone = losses(values, axes[:1], batch([0], [0], [(0, 2)]))
    others = {"other_first": torch.tensor([[2]]), "other_stop": torch.tensor([[4]])}
    beside = losses(values, axes[:1], batch([0], [0], [(0, 2)], **others))
    assert alone[0] < 1e-6
    assert beside[0] > 0.3
