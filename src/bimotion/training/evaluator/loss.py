"""InfoNCE between captions and motions, without the wrong pairs that are not wrong.

Shapes: B batch, D embedding width.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from bimotion.errors import ConfigError


@dataclass(frozen=True)
class ContrastiveLossConfig:
    """What counts as a wrong pair."""

    alike_words: float = 0.8
    """Captions whose words agree this far say the same: their motions are no wrong answers. 1: only equal ones."""
    paraphrase_share: float = 0.5
    """Share of captions in other words than the grammar's."""

    def __post_init__(self) -> None:
        for name in ("alike_words", "paraphrase_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name} must lie in 0..1, got {getattr(self, name)}")


class Likeness:
    """Which captions of a batch say the same, by their words; rare words weigh more than frequent ones."""

    def __init__(self, captions: Iterable[str], threshold: float) -> None:
        """`captions` are those of the whole data set: they tell how frequent words are."""
        self.threshold = threshold
        counts: Counter[str] = Counter()
        self.num = 0
        for caption in captions:
            counts.update(set(_words(caption)))
            self.num += 1
        self.counts = counts

    def alike(
        self, texts: Sequence[str], captions: Sequence[Sequence[str]] | None = None
    ) -> Bool[np.ndarray, "B B"]:
        """Which pairs of texts say the same; also those whose items share one of their `captions`.

        A text is like another where the weights of the words in both are at least `threshold` of those in either.
        """
        sets = [set(_words(text)) for text in texts]
        vocabulary = {word: place for place, word in enumerate(sorted(set().union(*sets)))}
        holds = np.zeros((len(sets), len(vocabulary)))
        for row, words in zip(holds, sets, strict=True):
            row[[vocabulary[word] for word in words]] = 1
        weights = np.array([math.log((1 + self.num) / (1 + self.counts[word])) for word in vocabulary]) + 1e-6
        shared = (holds * weights) @ holds.T
        own = np.diag(shared)
        alike = shared >= self.threshold * (own[:, None] + own - shared) - 1e-9
        if captions is not None:
            places: dict[str, list[int]] = {}
            for row_number, said in enumerate(captions):
                for caption in set(said):
                    places.setdefault(caption, []).append(row_number)
            for rows in places.values():
                alike[np.ix_(rows, rows)] = True
        return np.asarray(alike)


def info_nce(
    text: Float[Tensor, "B D"],
    motion: Float[Tensor, "B D"],
    alike: Bool[Tensor, "B B"],
    scale: Float[Tensor, ""],
) -> Float[Tensor, ""]:
    """Mean cross entropy of finding each text's motion and each motion's text in the batch.

    Cosines times `scale` are the logits. Where `alike`, another item is neither right nor wrong.

    Source: van den Oord et al. 2018; TMR (Petrovich et al. 2023), section 3.3, filtered negatives.
    """
    cosines = F.normalize(text, dim=-1) @ F.normalize(motion, dim=-1).T
    own = torch.eye(len(text), dtype=torch.bool, device=text.device)
    logits = (scale * cosines).masked_fill(alike & ~own, -torch.inf)
    target = torch.arange(len(text), device=text.device)
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2


def _words(text: str) -> list[str]:
    return [word.strip(".,;:!?\"'") for word in text.lower().split()]
