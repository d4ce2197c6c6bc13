"""Captions of a motion from the training motions that the evaluator puts nearest to it.

A motion is compared with the examples and with their mirror images, whose captions have left and right exchanged. Of
the captions found, the one comes first that is near to the motion and to the other captions: what most of the nearest
motions have in common is more likely to hold than a detail that one of them has.

Source: captions by retrieval and consensus as for images, Devlin et al. 2015 ("Exploring nearest neighbor approaches
for image captioning").

Legend: T frames, F = 263 feature columns, N examples and their mirror images, K captions, E embedding width.
"""

from functools import lru_cache

import numpy as np
from jaxtyping import Float, Int

from bimotion.captions.mirror import swap_sides
from bimotion.captions.sentence import tidy
from bimotion.evaluators.embedding import Embedder
from bimotion.features.mirror import mirror_features
from bimotion.inference.examples import Examples

NEAREST = 32
"""Nearest motions whose captions are compared."""

MAX_NEAREST = 1000
"""Bound of `best` of captions."""

CONSENSUS_WEIGHT = 3.0
"""Weight of a caption's mean cosine with the others, beside its own cosine and that of its motion."""

KEPT_CAPTIONS = 20_000
"""Captions whose embeddings are kept for the next motions; about 10 MB with the bundled evaluator."""


class NearestCaptions:
    """Finds captions for motions among those of a model's examples."""

    def __init__(self, examples: Examples, embedder: Embedder, count: int = NEAREST) -> None:
        """`count` nearest motions are compared."""
        self._examples, self._embedder, self._count = examples, embedder, count
        self._embedded = lru_cache(KEPT_CAPTIONS)(self._embed)

    def captions(self, features: Float[np.ndarray, "T 263"]) -> list[str]:
        """The different captions of the nearest motions, the best first."""
        # Equal lengths, no padding: within `batch_invariant` each gets the bits that it gets alone.
        motion, mirrored = map(_unit, self._embedder.embed_motions([features, mirror_features(features)]))
        cosines = np.concatenate([self._examples.motion_cosines(each) for each in (motion, mirrored)])
        nearest = _largest(cosines, self._count)
        found: dict[str, float] = {}
        for row in nearest:
            caption = self._examples.caption(int(row) % len(self._examples))
            if row >= len(self._examples):
                caption = swap_sides(caption)
            found.setdefault(tidy(caption), float(cosines[row]))
        embedded = np.stack([self._embedded(caption) for caption in found])
        consensus = (embedded @ embedded.T).mean(1)
        scores = embedded @ motion + np.array(list(found.values())) + CONSENSUS_WEIGHT * consensus
        captions = list(found)
        return [captions[row] for row in np.argsort(-scores, kind="stable")]

    def _embed(self, caption: str) -> Float[np.ndarray, " E"]:
        # Each by itself, so that a caption's last bits do not depend on the others that are found with it.
        return _unit(self._embedder.embed_texts([caption])[0])


def _unit(embedding: Float[np.ndarray, " E"]) -> Float[np.ndarray, " E"]:
    vector = np.asarray(embedding, np.float32)
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-12))


def _largest(values: Float[np.ndarray, " N"], count: int) -> Int[np.ndarray, " K"]:
    """Indices of the largest values, the largest first, as a stable sort of all would give them."""
    at = np.arange(len(values))
    if count < len(values):
        at = np.flatnonzero(values >= np.partition(values, -count)[-count])
    return np.asarray(at[np.argsort(-values[at], kind="stable")][:count])
