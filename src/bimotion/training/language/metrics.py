"""Validation metrics of a language model: generated motions and captions while it trains.

Fast approximations of the evaluation: the content of a generated motion is that of its nearest neighbours among the
training windows' latents, the content of a caption that of the nearest training caption.

Shapes: I training windows, B clips, X values in a clip's latents.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from bimotion.data.store import Item
from bimotion.errors import check_range
from bimotion.features.decode import features_to_joints
from bimotion.motion.quality import MIN_QUALITY_FRAMES, MotionQuality, motion_quality

NEIGHBOURS = 5
"""Number of training windows that vote on the content of a motion."""


@dataclass(frozen=True)
class ValidationConfig:
    """Extent of a validation."""

    validate_clips: int = 256
    """Held-out windows for the losses."""
    generate_clips: int = 96
    """Held-out captions that motions are generated for, and windows that are captioned; 0: none."""

    def __post_init__(self) -> None:
        check_range(self, "validate_clips", 1)
        check_range(self, "generate_clips", 0)


class Neighbours:
    """Classifies motions by their nearest training windows."""

    def __init__(self, latents: Float[Tensor, "I X"], items: Sequence[Item]) -> None:
        self.latents = latents
        self.contents = [item.content for item in items]
        self.sides = [item.side for item in items]

    def content(self, latents: Float[Tensor, "B X"]) -> list[str]:
        """The content most frequent among each motion's neighbours; of several, the nearest one's."""
        near = (
            torch.cdist(latents, self.latents)
            .topk(min(NEIGHBOURS, len(self.contents)), largest=False)
            .indices
        )
        return [_vote([self.contents[i] for i in row]) for row in near.tolist()]

    def side(self, latents: Float[Tensor, "B X"], contents: Sequence[str]) -> list[str]:
        """The side most frequent among the neighbours of that content."""
        distances = torch.cdist(latents, self.latents)
        of = {content: torch.tensor([c != content for c in self.contents]) for content in set(contents)}
        votes = []
        for row, content in zip(distances, contents, strict=True):
            near = (
                row.masked_fill(of[content], torch.inf).topk(min(NEIGHBOURS, len(row)), largest=False).indices
            )
            votes.append(_vote([self.sides[i] for i in near.tolist()]))
        return votes

    def agreement(self, latents: Float[Tensor, "B X"], items: Sequence[Item]) -> dict[str, float]:
        """Share of motions with the content, and the side, of their items.

        Sides are counted where the item has one, left or right.
        """
        contents = self.content(latents)
        result = {
            "content": _share(
                predicted == item.content for predicted, item in zip(contents, items, strict=True)
            )
        }
        sides = self.side(latents, [item.content for item in items])
        pairs = [
            (predicted, item.side)
            for predicted, item in zip(sides, items, strict=True)
            if item.side in ("left", "right")
        ]
        if pairs:
            result["side"] = _share(predicted == side for predicted, side in pairs)
        return result


class CaptionBank:
    """Classifies captions by the training captions."""

    def __init__(self, items: Sequence[Item]) -> None:
        counts_of: dict[str, Counter[str]] = {}
        for item in items:
            for caption in item.captions if item.text else ():
                counts_of.setdefault(caption, Counter())[item.content] += 1
        self.content_of = {caption: counts.most_common(1)[0][0] for caption, counts in counts_of.items()}
        self.words = [(frozenset(caption.split()), content) for caption, content in self.content_of.items()]

    def content(self, caption: str) -> str:
        """The content of the caption, or of the one that shares most of its words."""
        if caption in self.content_of or not self.words:
            return self.content_of.get(caption, "")
        words = frozenset(caption.split())
        return max(self.words, key=lambda entry: len(entry[0] & words) / len(entry[0] | words))[1]

    def agreement(self, captions: Sequence[str], items: Sequence[Item]) -> dict[str, float]:
        """Share of captions that name the content, and the side, of their items, and share of known captions."""
        contents = [self.content(caption) for caption in captions]
        result = {
            "content": _share(
                predicted == item.content for predicted, item in zip(contents, items, strict=True)
            ),
            "known": _share(caption in self.content_of for caption in captions),
        }
        sided = [
            (c.split(), item.side)
            for c, item in zip(captions, items, strict=True)
            if item.side in ("left", "right")
        ]
        if sided:
            other = {"left": "right", "right": "left"}
            result["side"] = _share(
                any(side in word for word in words) and not any(other[side] in word for word in words)
                for words, side in sided
            )
        return result


def relative_quality(
    generated: Sequence[Float[np.ndarray, "_ 263"]], recorded: Sequence[Float[np.ndarray, "_ 263"]]
) -> dict[str, float]:
    """Speed of standing feet, jitter and speed of generated features (not normalised), as ratios to the recorded ones'.

    The measures are those of `bimotion evaluate` and `bimotion info`; motions too short for them are left out.
    """
    means = [
        MotionQuality.mean(
            motion_quality(np.asarray(features_to_joints(clip)))
            for clip in clips
            if len(clip) >= MIN_QUALITY_FRAMES
        )
        for clips in (generated, recorded)
    ]
    return means[0].ratios_to(means[1])


def _vote(names: list[str]) -> str:
    return Counter(names).most_common(1)[0][0]


def _share(hits: Iterable[bool]) -> float:
    values = list(hits)
    return sum(values) / len(values) if values else float("nan")
