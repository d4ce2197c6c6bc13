"""How near an evaluator puts motions to one sentence: as a whole, and to its phrases in their order.

A sentence's embedding hardly depends on the order of what it says. So the phrases of a sentence of several actions are
also compared each with its own part of the motion, cut where they fit best.

Legend: T frames, C motions.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from bimotion.captions.sentence import tidy
from bimotion.evaluators.embedding import Embedder, Embeddings, unit_rows
from bimotion.evaluators.moments import Moments, PartsEmbedder, moments_of
from bimotion.inference.choice import MAX_PARTS, phrases_of
from bimotion.inference.request import sentence_of

IN_ORDER_SHARE = 0.5
"""Weight of the phrases in their order beside the whole sentence."""

ORDER_WEIGHT = 1.0
"""Weight of the difference between the phrases in their order and in the best other one."""

MAX_MARGIN = 0.1
"""The difference is limited to this value to both sides."""

Features = Float[np.ndarray, "_ 263"]


class SentenceScore:
    """Compares motions with one sentence; without an evaluator all scores are 0."""

    def __init__(self, embedder: Embedder | None, prompt: str) -> None:
        self._embedder = embedder
        self._text: Embeddings | None = None
        self._phrases: Embeddings | None = None
        if embedder is None:
            return
        self._text = embedder.embed_texts([tidy(prompt)])
        phrases = phrases_of(prompt, commas=False)
        if 2 <= len(phrases) <= MAX_PARTS and isinstance(embedder, PartsEmbedder):
            self._phrases = embedder.embed_texts([tidy(sentence_of(phrase)) for phrase in phrases])

    def __call__(self, motions: Sequence[Features]) -> Float[np.ndarray, " C"]:
        """A score of each motion on the scale of a cosine; higher is better."""
        if self._embedder is None or self._text is None:
            return np.zeros(len(motions))
        if self._phrases is None or not isinstance(self._embedder, PartsEmbedder):
            return self._cosines(self._embedder.embed_motions(motions))
        moments = moments_of(self._embedder, motions)
        whole = self._cosines(np.stack([each.parts.mean(0) for each in moments]))
        ordered = np.array([self._in_order(each, self._phrases) for each in moments])
        return np.asarray((1 - IN_ORDER_SHARE) * whole + IN_ORDER_SHARE * ordered)

    def _cosines(self, motions: Embeddings) -> Float[np.ndarray, " C"]:
        assert self._text is not None
        return np.asarray(unit_rows(motions) @ unit_rows(self._text)[0])

    def _in_order(self, moments: Moments, phrases: Embeddings) -> float:
        """Mean cosine of the phrases in their order, and how much better that is than with two neighbours exchanged."""
        right = float(moments.in_order(phrases)[1].mean())
        others = []
        for first in range(len(phrases) - 1):
            order = np.arange(len(phrases))
            order[[first, first + 1]] = order[[first + 1, first]]
            others.append(float(moments.in_order(phrases[order])[1].mean()))
        return right + ORDER_WEIGHT * float(np.clip(right - max(others), -MAX_MARGIN, MAX_MARGIN))
