"""Phrases that describe moments of training motions, from which timed captions are chosen.

Each phrase is stored with an embedding by the evaluator and the number of moments that it describes. Both sides are
there: the phrase of a mirror image is a phrase too.

Legend: P phrases, S moments, E embedding width.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from safetensors.torch import save_file
from torch import Tensor

from bimotion.captions.mirror import swap_sides
from bimotion.captions.sentence import tidy
from bimotion.data.spans import NEEDS_CONTEXT, first_mention
from bimotion.data.store import Item
from bimotion.errors import ModelError
from bimotion.evaluators.embedding import Embedder
from bimotion.inference.examples import packed, unpacked
from bimotion.inference.request import sentence_of
from bimotion.storage.atomic import atomic_path
from bimotion.storage.tensor_files import read_tensors

PHRASES_FILE = "phrases.safetensors"
FORMAT = "bimotion phrases 1"

FREQUENCY_WEIGHT = 0.05
"""Weight of the logarithm of a phrase's number beside its cosine: details of rare phrases hold less often."""

RANKED = 64
"""Phrases of a moment that are ranked."""

BLOCK = 2048
"""Moments that are compared at once."""


class PhraseBank:
    """Phrases with embeddings and numbers."""

    def __init__(
        self, phrases: Sequence[str], counts: Int[np.ndarray, " P"], embeddings: Float[np.ndarray, "P E"]
    ) -> None:
        self.phrases = list(phrases)
        self._prior = np.asarray(FREQUENCY_WEIGHT * np.log(np.maximum(counts, 1)), np.float32)
        rows = np.asarray(embeddings, np.float32)
        self._units = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)

    @classmethod
    def of_folder(cls, folder: Path) -> "PhraseBank | None":
        """The phrases of a model folder; None if it has none.

        Raises:
            ModelError: the file is broken.
        """
        path = folder / PHRASES_FILE
        if not path.is_file():
            return None
        tensors = read_tensors(path, ModelError)
        try:
            phrases = unpacked(tensors["phrases"])
            counts, embeddings = tensors["counts"].numpy(), tensors["embeddings"].float().numpy()
        except (KeyError, UnicodeDecodeError) as error:
            raise ModelError(f"{path}: broken: {error}") from error
        if tensors["embeddings"].dtype != torch.int8 or tensors["counts"].dtype != torch.int32:
            raise ModelError(f"{path}: broken: expected embeddings in 8 bits and whole numbers")
        if embeddings.ndim != 2 or not (len(phrases),) == counts.shape == embeddings.shape[:1]:
            raise ModelError(f"{path}: broken: expected an embedding and a number for each phrase")
        return cls(phrases, counts, embeddings)

    def best(self, moments: Float[np.ndarray, "S E"]) -> Float[np.ndarray, " S"]:
        """The score of the best phrase of each moment given by a vector of unit length, on the scale of a cosine."""
        blocks = [moments[start : start + BLOCK] for start in range(0, len(moments), BLOCK)]
        return np.concatenate([(block @ self._units.T + self._prior).max(1) for block in blocks])

    def ranked(self, moment: Float[np.ndarray, " E"]) -> list[str]:
        """Phrases for a moment given by a vector of unit length, the best first."""
        scores = self._units @ moment + self._prior
        return [self.phrases[row] for row in np.argsort(-scores, kind="stable")[:RANKED]]


def write_phrases(items: Iterable[Item], embedder: Embedder, folder: Path) -> None:
    """Write the timed phrases of windows into a model folder."""
    counts: Counter[str] = Counter()
    for item in items:
        for event in item.events:
            phrase = first_mention(event.text)
            if not NEEDS_CONTEXT.search(phrase):
                counts.update({phrase, swap_sides(phrase)})
    phrases = sorted(counts)
    embeddings = embedder.embed_texts([tidy(sentence_of(phrase)) for phrase in phrases])
    save_phrases(phrases, [counts[phrase] for phrase in phrases], embeddings, folder)


def save_phrases(
    phrases: Sequence[str], counts: Sequence[int], embeddings: Float[np.ndarray, "P E"], folder: Path
) -> None:
    """Write phrases into a model folder, with embeddings in 8 bits."""
    embedded = torch.from_numpy(np.asarray(embeddings, np.float32))
    scaled = embedded / embedded.abs().amax(1, keepdim=True).clamp_min(1e-6) * 127
    tensors: dict[str, Tensor] = {
        "phrases": packed(phrases),
        "counts": torch.tensor(list(counts), dtype=torch.int32),
        "embeddings": scaled.round().to(torch.int8),
    }
    with atomic_path(folder / PHRASES_FILE) as path:
        save_file(tensors, path, metadata={"format": FORMAT})
