"""Retrieval from the training split as a system: what a score is worth that copying recordings would also reach."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from jaxtyping import Float

from bimotion.data.splits import Split
from bimotion.data.store import Item, MotionStore
from bimotion.data.window_features import Features
from bimotion.errors import DataError
from bimotion.evaluation.motions import chunks
from bimotion.evaluators.embedding import Embedder, Embeddings


class NearestTraining:
    """Answers a caption with the training motion that the evaluator puts nearest, a motion with the training caption.

    Retrieval by the evaluator that scores it is an upper bound of retrieval, not a fair competitor: its R-precision
    shows how far copies can satisfy the evaluator.
    """

    def __init__(self, store: MotionStore, embedder: Embedder, split: Split = "train") -> None:
        """Retrieve from a split of the data set.

        Raises:
            DataError: the split has no captions.
        """
        self._store, self._embedder = store, embedder
        self._items: list[Item] = [item for item in store.items(split, text=True) if item.captions]
        if not self._items:
            raise DataError(f"{store.folder}: the {split} split has no captions to retrieve")

    @cached_property
    def _motions(self) -> Embeddings:
        """Unit embeddings of the training motions."""
        return _unit(
            np.concatenate(
                [
                    self._embedder.embed_motions(
                        [np.asarray(self._store.features(self._items[row])) for row in rows]
                    )
                    for rows in chunks(len(self._items))
                ]
            )
        )

    @cached_property
    def _captions(self) -> tuple[list[str], Embeddings]:
        """The different training captions, and their unit embeddings."""
        captions = list(dict.fromkeys(caption for item in self._items for caption in item.captions))
        return captions, _unit(self._embedder.embed_texts(captions))

    def text_to_motions(
        self, texts: Sequence[str], frames: Sequence[int] | None, seed: int
    ) -> Sequence[Features]:
        """The nearest training motion of each text, cut where it is longer than `frames`; `seed` has no effect."""
        scores = _unit(self._embedder.embed_texts(texts)) @ self._motions.T
        found = [np.asarray(self._store.features(self._items[row])) for row in scores.argmax(1)]
        return (
            found if frames is None else [each[:length] for each, length in zip(found, frames, strict=True)]
        )

    def features_to_text(self, motions: Sequence[Features]) -> list[str]:
        """The nearest training caption of each motion."""
        captions, embedded = self._captions
        scores = _unit(self._embedder.embed_motions(motions)) @ embedded.T
        return [captions[row] for row in scores.argmax(1)]


def _unit(embeddings: Embeddings) -> Float[np.ndarray, "N D"]:
    norms = np.linalg.norm(embeddings, axis=1, keepdims=True)
    return np.asarray(embeddings / np.maximum(norms, 1e-12))
