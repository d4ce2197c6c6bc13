"""InfoNCE between captions and motions, without false negatives.

Shapes: B batch, W of it with a wrong text, O further motions, D embedding width.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from bimotion.errors import check_range


@dataclass(frozen=True)
class ContrastiveLossConfig:
    """Contrastive loss and its negatives."""

    first_scale: float = 10.0
    """Initial factor of cosines, which is learned; 10 is TMR's temperature of 0.1."""
    alike_words: float = 0.8
    """Similarity of captions from which on their motions are not negatives of each other; 1: only equal captions."""
    phrase_share: float = 0.2
    """Share of captions that are the window's timed phrases in their order, where it has several."""
    amount_share: float = 0.2
    """Share of captions that get measured amounts added."""
    wrong_share: float = 0.0
    """Share of motions with a hard negative: their caption with a word, the sides or the order changed."""
    join_share: float = 0.0
    """Share of motions of up to half the greatest length that another one follows, captions joined in their order."""
    moment_weight: float = 0.0
    """Weight of the loss of timed phrases and their moments; 0: timed phrases are not compared with moments."""

    def __post_init__(self) -> None:
        check_range(self, ("alike_words", "phrase_share", "amount_share", "wrong_share", "join_share"), 0, 1)
        check_range(self, "moment_weight", 0)
        check_range(self, "first_scale", 1, 100)


class CaptionSimilarity:
    """Which captions of a batch have the same meaning, judged by their words weighted by rarity."""

    def __init__(self, captions: Iterable[str], threshold: float) -> None:
        """`captions` of the whole data set determine word frequencies."""
        self.threshold = threshold
        counts: Counter[str] = Counter()
        self.num = 0
        for caption in captions:
            counts.update(set(_words(caption)))
            self.num += 1
        self.counts = counts

    def same_meaning(
        self, texts: Sequence[str], captions: Sequence[Sequence[str]] | None = None
    ) -> Bool[np.ndarray, "B B"]:
        """Which pairs of texts have the same meaning, including those whose items share one of their `captions`.

        Two texts match if the weights of their common words are at least `threshold` of the weights of all their words.
        """
        sets = [set(_words(text)) for text in texts]
        vocabulary = {word: index for index, word in enumerate(sorted(set().union(*sets)))}
        contains = np.zeros((len(sets), len(vocabulary)))
        for row, words in zip(contains, sets, strict=True):
            row[[vocabulary[word] for word in words]] = 1
        weights = np.array([math.log((1 + self.num) / (1 + self.counts[word])) for word in vocabulary]) + 1e-6
        shared = (contains * weights) @ contains.T
        totals = np.diag(shared)
        same_meaning = shared >= self.threshold * (totals[:, None] + totals - shared) - 1e-9
        if captions is not None:
            holders: dict[str, list[int]] = {}
            for row_number, item_captions in enumerate(captions):
                for caption in set(item_captions):
                    holders.setdefault(caption, []).append(row_number)
            for rows in holders.values():
                same_meaning[np.ix_(rows, rows)] = True
        return np.asarray(same_meaning)


def info_nce(
    text: Float[Tensor, "B D"],
    motion: Float[Tensor, "B D"],
    same_meaning: Bool[Tensor, "B B"],
    scale: Float[Tensor, ""],
    wrong: tuple[Int[Tensor, " W"], Float[Tensor, "W D"]] | None = None,
    others: Float[Tensor, "B O"] | None = None,
) -> Float[Tensor, ""]:
    """Mean cross entropy of retrieving each text's motion and each motion's text in the batch.

    Cosines times `scale` are the logits. Pairs marked `same_meaning` are ignored. `wrong` holds rows whose motion has
    one more negative text, and the embeddings of these texts; `others` are cosines of each text with further negative
    motions, -inf where there is none.

    Source: van den Oord et al. 2018; TMR (Petrovich et al. 2023), section 3.3, filtered negatives.
    """
    text, motion = F.normalize(text, dim=-1), F.normalize(motion, dim=-1)
    diagonal = torch.eye(len(text), dtype=torch.bool, device=text.device)
    logits = (scale * (text @ motion.T)).masked_fill(same_meaning & ~diagonal, -torch.inf)
    target = torch.arange(len(text), device=text.device)
    to_text = logits.T
    if others is not None:
        missing = others == -torch.inf
        further = (scale * others.masked_fill(missing, 0)).masked_fill(missing, -torch.inf)
        logits = torch.cat((logits, further), dim=1)
    if wrong is not None:
        rows, texts = wrong
        extra = torch.full_like(to_text[:, :1], -torch.inf)
        cosines = (F.normalize(texts, dim=-1) * motion[rows]).sum(-1, keepdim=True)
        to_text = torch.cat((to_text, extra.index_copy(0, rows, scale * cosines)), dim=1)
    return (F.cross_entropy(logits, target) + F.cross_entropy(to_text, target)) / 2


def _words(text: str) -> list[str]:
    return [word.strip(".,;:!?\"'") for word in text.lower().split()]
