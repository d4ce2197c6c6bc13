"""Timed phrases in the evaluator's training: what is shown when.

Three comparisons: each phrase with its moment, the moments of other phrases, and other moments of the same motion; and
each part of a motion with the phrases of that motion.

Shapes: B motions, P phrases, L text tokens, W wrong phrases of N tokens, M parts of a motion, O other moments,
D embedding width.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from bimotion.data.store import Event
from bimotion.evaluators.contrastive import MotionParts
from bimotion.features.layout import FPS
from bimotion.training.evaluator.loss import info_nce

OTHER_MOMENTS = 6
"""Other moments of its motion with which a phrase is compared."""

OTHER_OVERLAP = 0.4
"""A moment that overlaps less with the phrase's own is another one."""

_OTHER_LENGTHS = (0.4, 2.5)
"""Range of their lengths, in lengths of the phrase's moment."""


@dataclass(frozen=True)
class TimedPhrase:
    """A phrase and the parts of a motion that show it."""

    row: int
    """The motion in its batch."""
    first: int
    """First part."""
    stop: int
    """Part after the last one."""
    text: str
    """The phrase."""


@dataclass(frozen=True)
class PhraseBatch:
    """Phrases of the motions of a batch."""

    rows: Int[Tensor, " P"]
    """The motion of each."""
    slots: Int[Tensor, " P"]
    """Its number among the phrases of its motion."""
    first: Int[Tensor, " P"]
    """First part of its moment."""
    stop: Int[Tensor, " P"]
    """Part after the last one."""
    other_first: Int[Tensor, "P O"]
    """First parts of other moments."""
    other_stop: Int[Tensor, "P O"]
    """Parts after the last ones; equal to `other_first` where there is no other moment."""
    ids: Int[Tensor, "P L"]
    """Tokens."""
    mask: Bool[Tensor, "P L"]
    """Which of them are not padding."""
    same_meaning: Bool[Tensor, "P P"]
    """Pairs with the same meaning."""
    wrong_rows: Int[Tensor, " W"]
    """Phrases that have a hard negative, by their number."""
    wrong_ids: Int[Tensor, "W N"]
    """Tokens of these."""
    wrong_mask: Bool[Tensor, "W N"]
    """Which of them are not padding."""

    def to(self, device: torch.device) -> "PhraseBatch":
        """The same on another device."""
        moved = {name: value.to(device, non_blocking=True) for name, value in vars(self).items()}
        return PhraseBatch(**moved)


def timed_phrases(
    row: int, events: Sequence[Event], start: int, num_frames: int, frames_per_part: int
) -> list[TimedPhrase]:
    """The phrases that frames `start` to `start` + `num_frames` of a window show to at least four fifths."""
    parts = -(-num_frames // frames_per_part)
    found = []
    for event in events:
        low, high = event.start * FPS - start, event.end * FPS - start
        seen = min(high, num_frames) - max(low, 0)
        if seen <= 0 or seen < 0.8 * (high - low):
            continue
        first = min(max(round(low / frames_per_part), 0), parts - 1)
        found.append(
            TimedPhrase(row, first, min(max(round(high / frames_per_part), first + 1), parts), event.text)
        )
    return found


def other_moments(
    phrase: TimedPhrase, same: Sequence[TimedPhrase], parts: int, rng: np.random.Generator
) -> list[tuple[int, int]]:
    """Moments of a motion of some parts that overlap little with a phrase's own and those of the `same` phrase."""
    length = phrase.stop - phrase.first
    drawn = rng.uniform(*_OTHER_LENGTHS, OTHER_MOMENTS)
    found = []
    for size in np.clip(np.round(drawn * length), 1, parts).astype(int).tolist():
        first = int(rng.integers(parts - size + 1))
        moment = (first, first + size)
        if all(_overlap(moment, (each.first, each.stop)) < OTHER_OVERLAP for each in (phrase, *same)):
            found.append(moment)
    return found


def phrase_losses(
    text: Float[Tensor, "P D"],
    wrong_text: Float[Tensor, "W D"] | None,
    parts: MotionParts,
    phrases: PhraseBatch,
    scale: Float[Tensor, ""],
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Loss of the moments of phrases, and of the phrases of a motion's parts, by embeddings of the phrases."""
    moments = parts.moments(phrases.rows, phrases.first, phrases.stop)
    rows = phrases.rows[:, None].expand_as(phrases.other_first)
    others = parts.moments(rows, phrases.other_first, phrases.other_stop)
    cosines = (F.normalize(text, dim=-1)[:, None] * F.normalize(others, dim=-1)).sum(-1)
    exists = phrases.other_stop > phrases.other_first
    wrong = None if wrong_text is None else (phrases.wrong_rows, wrong_text)
    moment = info_nce(
        text, moments, phrases.same_meaning, scale, wrong, others=cosines.masked_fill(~exists, -torch.inf)
    )
    return moment, _part_loss(text, parts, phrases, scale)


def _part_loss(
    text: Float[Tensor, "P D"], parts: MotionParts, phrases: PhraseBatch, scale: Float[Tensor, ""]
) -> Float[Tensor, ""]:
    """Cross entropy of the phrase that each part shows, among those of its motion that mean something else."""
    batch, length = parts.mask.shape
    values = F.normalize(parts.values, dim=-1)[phrases.rows]
    logits = scale * (values * F.normalize(text, dim=-1)[:, None]).sum(-1)
    index = torch.arange(length, device=text.device)
    shown = (phrases.first[:, None] <= index) & (index < phrases.stop[:, None])
    synonyms = phrases.same_meaning & (phrases.rows[:, None] == phrases.rows)
    true = synonyms.float() @ shown.float() > 0
    shape = (batch, int(phrases.slots.max()) + 1, length)
    where = (phrases.rows, phrases.slots)
    exists = torch.zeros(shape, dtype=torch.bool, device=text.device).index_put(where, torch.ones_like(true))
    is_true = torch.zeros_like(exists).index_put(where, true)
    table = logits.new_zeros(shape).index_put(where, logits)
    known = is_true.any(1) & (exists & ~is_true).any(1)
    if not known.any():
        return logits.sum() * 0
    # parts in the first dimension, so that those without a comparison do not enter the gradient as -inf
    table, exists, is_true = (each.transpose(1, 2)[known] for each in (table, exists, is_true))
    of_all = table.masked_fill(~exists, -torch.inf).logsumexp(1)
    of_true = table.masked_fill(~is_true, -torch.inf).logsumexp(1)
    return (of_all - of_true).mean()


def _overlap(first: tuple[int, int], second: tuple[int, int]) -> float:
    shared = min(first[1], second[1]) - max(first[0], second[0])
    return max(shared, 0) / (max(first[1], second[1]) - min(first[0], second[0]))
