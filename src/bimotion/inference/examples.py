"""Captioned training motions from which sampling can start, stored as latents in a model folder.

A sentence is compared with the captions of all examples: by their words and by embeddings of the evaluator with which
the file was made. Sampling that starts from an example follows its latent at the first noise levels and the model
afterwards.

Source: retrieval as in ReMoDiffuse (Zhang et al. 2023); starting between noise and an example as in SDEdit (Meng et
al. 2022).

Legend: N examples, X values of a latent, C captions, W words, E embedding width, Z words of all captions, T frames.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from safetensors.torch import save_file
from torch import Tensor

from bimotion.captions import vocabulary
from bimotion.errors import ModelError
from bimotion.storage.atomic import atomic_path
from bimotion.storage.tensor_files import read_tensors

EXAMPLES_FILE = "examples.safetensors"
FORMAT = "bimotion examples 1"

WORDS_WEIGHT, EMBEDDING_WEIGHT = 2.0, 1.0
"""Weights of the cosine of words and of that of the embeddings, which misses rare actions."""

SPREAD = 0.08
"""Scale of the Gumbel noise that is added to similarities, so that different seeds draw different similar examples."""

LENGTH_RATIO = 1.5
"""Largest ratio between the length of an example and the requested length."""

MAX_SCALE = 1e3
"""Bound of the step of a latent's 8 bits; normalised latents are of the order of 1."""

_STOP = frozenset(
    [
        "a",
        "an",
        "the",
        "person",
        "someone",
        "somebody",
        "man",
        "woman",
        "he",
        "she",
        "his",
        "her",
        "they",
        "their",
    ]
    + ["figure", "and", "then", "to", "of", "in", "on", "with", "it", "is", "be", "by", "for", "while", "at"]
)
_SIDE = re.compile(vocabulary.SIDE)


def stems(text: str) -> list[str]:
    """The words of a text without endings and stop words; the two sides are one word, as motions can be mirrored."""
    return [_stem(word) for word in re.findall(r"[a-z']+", text.lower()) if word not in _STOP]


def _stem(word: str) -> str:
    if _SIDE.fullmatch(word):
        return "<side>"
    for ending in ("ing", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)]
            break
    if len(word) > 3 and word[-1] == word[-2]:
        word = word[:-1]
    return word.rstrip("e")


@dataclass(frozen=True)
class Example:
    """A motion to start from."""

    latent: Float[Tensor, " X"]
    """Its normalised latent."""
    frames: int
    """Its length."""
    caption: str
    """Its first caption."""


class Examples:
    """Latents of captioned motions, and the index of their captions."""

    def __init__(self, tensors: dict[str, Tensor]) -> None:
        """Take the tensors of an examples file."""
        self._latents, self._scale = tensors["latents"], tensors["scale"]
        self._frames = tensors["frames"].numpy()
        self._embeddings = tensors["embeddings"].float()
        self._embeddings /= self._embeddings.norm(dim=1, keepdim=True).clamp_min(1e-6)
        self._owner, self._caption = tensors["owner"].numpy(), tensors["caption"].numpy()
        self._word, self._weight = tensors["word"].numpy(), tensors["weight"].float().numpy()
        self._first = unpacked(tensors["captions"])
        words = unpacked(tensors["words"])
        self._words = {word: index for index, word in enumerate(words)}
        self._rarity = tensors["rarity"].float().numpy()

    @classmethod
    def of_folder(cls, folder: Path, latent_values: int) -> "Examples | None":
        """The examples of a model folder; None if it has none.

        Raises:
            ModelError: the file is broken, or belongs to a model with other latents.
        """
        path = folder / EXAMPLES_FILE
        if not path.is_file():
            return None
        tensors = read_tensors(path, ModelError)
        try:
            examples = cls(tensors)
            examples._check(latent_values)
        except (KeyError, IndexError, ValueError, RuntimeError, UnicodeDecodeError) as error:
            raise ModelError(f"{path}: broken, or of another model: {error}") from error
        return examples

    def __len__(self) -> int:
        return len(self._latents)

    def caption(self, row: int) -> str:
        """The first caption of a motion."""
        return self._first[row]

    def motion_cosines(self, direction: Float[np.ndarray, " E"]) -> Float[np.ndarray, " N"]:
        """Cosines of the motions' embeddings with a vector of unit length."""
        return np.asarray((self._embeddings @ torch.from_numpy(direction)).numpy())

    def _check(self, latent_values: int) -> None:
        num, values = self._latents.shape
        if self._latents.dtype != torch.int8:
            raise ValueError(f"expected latents in 8 bits, got {self._latents.dtype}")
        if values != latent_values:
            raise ValueError(f"expected latents of {latent_values} values, got {values}")
        counts = (len(self._frames), len(self._embeddings), len(self._first))
        if set(counts) != {num} or self._scale.shape != (values,):
            raise ValueError(f"{num} latents, but {counts} lengths, embeddings and captions")
        if len(self._rarity) != len(self._words) or not len(self._word) == len(self._weight) == len(
            self._caption
        ):
            raise ValueError("its index of words has parts of different lengths")
        for name, index, size in (
            ("owner", self._owner, num),
            ("caption", self._caption, len(self._owner)),
            ("word", self._word, len(self._words)),
        ):
            if len(index) and not 0 <= index.min() <= index.max() < size:
                raise ValueError(f"{name} is out of range")
        if not (self._scale.abs() < MAX_SCALE).all() or (self._frames < 1).any():
            raise ValueError("a scale or a length is no number in range")

    def similarity(
        self, text: str, embedding: Float[np.ndarray, " E"] | None = None
    ) -> Float[np.ndarray, " N"]:
        """Similarity of a sentence to the captions of each example; higher is more similar."""
        scores = WORDS_WEIGHT * self._words_cosine(text)
        if embedding is not None and len(embedding) == self._embeddings.shape[1]:
            direction = torch.from_numpy(np.asarray(embedding, np.float32))
            unit = direction / direction.norm().clamp_min(1e-6)
            scores = scores + EMBEDDING_WEIGHT * (self._embeddings @ unit).numpy()
        return np.asarray(scores, dtype=np.float64)

    def _words_cosine(self, text: str) -> Float[np.ndarray, " N"]:
        """The cosine of the words' weights with those of the nearest caption of each example."""
        query = {
            word: (1 + math.log(count)) * self._rarity_of(word)
            for word, count in Counter(stems(text)).items()
        }
        norm = math.sqrt(sum(weight * weight for weight in query.values())) or 1.0
        captions = np.zeros(len(self._owner))
        for word, weight in query.items():
            if word in self._words:
                hits = np.flatnonzero(self._word == self._words[word])
                captions[self._caption[hits]] += weight / norm * self._weight[hits]
        best = np.zeros(len(self))
        np.maximum.at(best, self._owner, captions)
        return best

    def _rarity_of(self, word: str) -> float:
        """Inverse document frequency of a word; for an unknown word the largest one."""
        if word in self._words:
            return float(self._rarity[self._words[word]])
        return float(self._rarity.max(initial=1.0))

    def draw(
        self,
        text: str,
        count: int,
        noise: np.random.Generator,
        embedding: Float[np.ndarray, " E"] | None = None,
        frames: int | None = None,
    ) -> list[Example]:
        """`count` different examples, similar ones more likely; fewer if not enough have a suitable length."""
        scores = self.similarity(text, embedding)
        scores += SPREAD * noise.gumbel(size=len(scores))
        if frames is not None:
            ratio = self._frames / frames
            scores[(ratio > LENGTH_RATIO) | (ratio < 1 / LENGTH_RATIO)] = -np.inf
        order = np.argsort(-scores)[:count]
        return [self._example(int(row)) for row in order if np.isfinite(scores[row])]

    def _example(self, row: int) -> Example:
        return Example(self._latents[row].float() * self._scale, int(self._frames[row]), self._first[row])


def write_examples(
    latents: Float[Tensor, "N X"],
    frames: Sequence[int],
    captions: Sequence[Sequence[str]],
    embeddings: Float[np.ndarray, "N E"],
    folder: Path,
) -> None:
    """Write examples into a model folder: latents and embeddings in 8 bits, and an index of their captions."""
    scale = latents.abs().amax(0).clamp_min(1e-6) / 127
    documents = [stems(caption) for several in captions for caption in several]
    known = Counter(word for document in documents for word in set(document))
    words = {word: index for index, word in enumerate(sorted(known))}
    rarity = {word: math.log(len(documents) / count) for word, count in known.items()}
    entries = [
        (row, words[word], weight)
        for row, document in enumerate(documents)
        for word, weight in _weights(document, rarity).items()
    ]
    unit = torch.from_numpy(np.asarray(embeddings, np.float32))
    unit = unit / unit.abs().amax(1, keepdim=True).clamp_min(1e-6) * 127
    tensors = {
        "latents": (latents / scale).round().to(torch.int8),
        "scale": scale,
        "frames": torch.tensor(list(frames), dtype=torch.int16),
        "embeddings": unit.round().to(torch.int8),
        "owner": _ints(index for index, several in enumerate(captions) for _ in several),
        "caption": _ints(row for row, _, _ in entries),
        "word": _ints(word for _, word, _ in entries),
        "weight": torch.tensor([weight for _, _, weight in entries], dtype=torch.float16),
        "rarity": torch.tensor([rarity[word] for word in words], dtype=torch.float32),
        "words": packed(list(words)),
        "captions": packed([several[0] for several in captions]),
    }
    with atomic_path(folder / EXAMPLES_FILE) as path:
        save_file(tensors, path, metadata={"format": FORMAT})


def _weights(document: Sequence[str], rarity: dict[str, float]) -> dict[str, float]:
    weights = {word: (1 + math.log(count)) * rarity[word] for word, count in Counter(document).items()}
    norm = math.sqrt(sum(weight * weight for weight in weights.values())) or 1.0
    return {word: weight / norm for word, weight in weights.items()}


def _ints(values: Iterable[int]) -> Int[Tensor, " _"]:
    return torch.tensor(list(values), dtype=torch.int32)


def packed(lines: Sequence[str]) -> UInt8[Tensor, " _"]:
    """Lines of text as a tensor."""
    text = "\n".join(" ".join(line.split()) for line in lines)
    return torch.frombuffer(bytearray(text.encode()), dtype=torch.uint8).clone()


def unpacked(blob: UInt8[Tensor, " _"]) -> list[str]:
    """The lines of `packed`.

    Raises:
        UnicodeDecodeError: the tensor is broken.
    """
    return bytes(blob.numpy().tobytes()).decode().split("\n")
