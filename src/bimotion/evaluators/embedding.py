"""Embeddings of captions and motions in one space: by a contrastive or the published evaluator, or by TMR.

Legend: N items, T frames, F = 263 feature columns, D embedding width. Features are not normalised.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from bimotion.data.window_features import Features, WindowFeatures
from bimotion.evaluators.caption_batch import token_batch
from bimotion.evaluators.folder import (
    ContrastiveParts,
    PublishedParts,
    TmrParts,
    find_evaluator,
    read_evaluator,
)
from bimotion.evaluators.published import FRAMES_PER_MOVEMENT
from bimotion.evaluators.tagged_words import published_tokens
from bimotion.evaluators.text_states import TextStates
from bimotion.features.layout import FEATURE_DIM

Embeddings = Float[np.ndarray, "_ _"]

BATCH = 64
"""Motions or captions that go through an evaluator at once, sorted by length."""

PUBLISHED_BATCH = 32
"""Motions that the published evaluation pads to one length."""


@runtime_checkable
class Embedder(Protocol):
    """Embeds captions and motions in one space."""

    kind: str
    max_frames: int | None
    tagged: Mapping[str, Sequence[str]]

    def embed_texts(self, captions: Sequence[str]) -> Embeddings:
        """Embeddings of captions."""

    def embed_motions(self, motions: Sequence[Features]) -> Embeddings:
        """Embeddings of features; frames beyond `max_frames` are not read."""


class ContrastiveEmbedder:
    """An evaluator that `bimotion train evaluator` trained."""

    kind = "contrastive"

    def __init__(self, parts: ContrastiveParts) -> None:
        self._network, self._tokenizer = parts.network, parts.tokenizer
        self.calibration = parts.calibration
        self.max_frames: int | None = parts.network.config.max_frames
        self.frames_per_part = parts.network.config.frames_per_token
        self.tagged: Mapping[str, Sequence[str]] = {}

    @torch.inference_mode()
    def embed_texts(self, captions: Sequence[str]) -> Embeddings:
        """Embeddings of captions."""
        device = self._network.feature_mean.device

        def embed(rows: Sequence[int]) -> Tensor:
            ids, mask = token_batch(
                self._tokenizer, [captions[row] for row in rows], self._network.config.max_tokens
            )
            return self._network.embed_text(ids.to(device), mask.to(device))

        return _in_batches(embed, [len(caption) for caption in captions], self._network.config.width)

    @torch.inference_mode()
    def embed_motions(self, motions: Sequence[Features]) -> Embeddings:
        """Embeddings of features; frames beyond `max_frames` are not read."""
        device = self._network.feature_mean.device

        def embed(rows: Sequence[int]) -> Tensor:
            padded, lengths = _padded([motions[row][: self.max_frames] for row in rows])
            return self._network.embed_motion(padded.to(device), lengths.to(device))

        return _in_batches(embed, _lengths(motions), self._network.config.width)

    @torch.inference_mode()
    def motion_parts(self, motions: Sequence[Features]) -> list[Embeddings]:
        """The vectors of each motion's parts of `frames_per_part` frames (`MotionParts`), in float32."""
        device = self._network.feature_mean.device
        found: dict[int, Embeddings] = {}
        for rows in _by_length(_lengths(motions)):
            padded, lengths = _padded([motions[row][: self.max_frames] for row in rows])
            parts = self._network.motion_parts(padded.to(device), lengths.to(device))
            values = parts.values.cpu().numpy()
            found |= {row: values[at][parts.mask[at].cpu().numpy()] for at, row in enumerate(rows)}
        return [found[row] for row in range(len(motions))]


class PublishedEmbedder:
    """The published evaluator; `padding` makes it read as published: in batches of 32 in the order given, unpacked.

    `padding` is then the row of features that fills shorter motions up: the data set's mean, as published.
    """

    kind = "published"

    def __init__(self, parts: PublishedParts, padding: Float[np.ndarray, " F"] | None = None) -> None:
        self._parts, self._padding = parts, padding
        self.max_frames: int | None = None
        self.tagged: Mapping[str, Sequence[str]] = parts.tagged
        self._device = next(parts.network.parameters()).device

    @torch.inference_mode()
    def embed_texts(self, captions: Sequence[str]) -> Embeddings:
        """Embeddings of captions: by the data set's own tagged words, others tagged by spaCy.

        Raises:
            ConfigError: spaCy or its model is not installed, and a caption is not in the data set.
        """
        tokens = published_tokens(captions, self._parts.tagged)

        def embed(rows: Sequence[int]) -> Tensor:
            encoded = [self._parts.words.encode(*tokens[row]) for row in rows]
            lengths = torch.tensor([length for _, _, length in encoded])
            words = pad_sequence([row[:length] for row, _, length in encoded], batch_first=True)
            classes = pad_sequence([row[:length] for _, row, length in encoded], batch_first=True)
            return self._parts.network.embed_text(words.to(self._device), classes.to(self._device), lengths)

        lengths = [min(len(words), limit) for words, limit in tokens]
        return _in_batches(embed, lengths, self._parts.network.config.width)

    @torch.inference_mode()
    def embed_motions(self, motions: Sequence[Features]) -> Embeddings:
        """Embeddings of features."""

        def embed(rows: Sequence[int]) -> Tensor:
            padded, lengths = _padded([motions[row] for row in rows], self._padding)
            x = torch.from_numpy(self._parts.stats.normalise(padded.numpy())).float()
            if self._padding is not None:
                return self._parts.network.embed_motion(x.to(self._device))
            beyond = torch.arange(x.shape[1]) >= lengths[:, None]
            x = torch.nn.functional.pad(x.masked_fill(beyond[..., None], 0), (0, 0, 0, FRAMES_PER_MOVEMENT))
            return self._parts.network.embed_motion(x.to(self._device), lengths)

        width = self._parts.network.config.width
        if self._padding is None:
            return _in_batches(embed, _lengths(motions), width)
        embeddings = np.empty((len(motions), width), dtype=np.float32)
        for start in range(0, len(motions), PUBLISHED_BATCH):
            rows = range(start, min(start + PUBLISHED_BATCH, len(motions)))
            embeddings[rows.start : rows.stop] = embed(rows).cpu().numpy()
        return embeddings


class TmrEmbedder:
    """TMR, by the language model that it was trained with."""

    kind = "tmr"

    def __init__(self, parts: TmrParts, device: str | torch.device = "cpu") -> None:
        self._parts, self._device = parts, device
        self.max_frames: int | None = None
        self.tagged: Mapping[str, Sequence[str]] = {}
        self._read: TextStates | None = None

    @torch.inference_mode()
    def embed_texts(self, captions: Sequence[str]) -> Embeddings:
        """Embeddings of captions.

        Raises:
            ConfigError: transformers is not installed.
            ModelError: the language model is not there, or not of the width that TMR reads.
        """
        config = self._parts.network.config
        if self._read is None:
            self._read = TextStates(config.text_model, config.text_features, self._device)
        read = self._read

        def embed(rows: Sequence[int]) -> Tensor:
            return self._parts.network.embed_text(*read([captions[row] for row in rows]))

        return _in_batches(embed, [len(caption) for caption in captions], config.width)

    @torch.inference_mode()
    def embed_motions(self, motions: Sequence[Features]) -> Embeddings:
        """Embeddings of features."""

        def embed(rows: Sequence[int]) -> Tensor:
            padded, lengths = _padded([motions[row] for row in rows])
            x = torch.from_numpy(self._parts.stats.normalise(padded.numpy())).float()
            return self._parts.network.embed_motion(x.to(self._device), lengths.to(self._device))

        return _in_batches(embed, _lengths(motions), self._parts.network.config.width)


def read_embedder(
    folder: str | Path | None = None,
    device: str | torch.device = "cpu",
    padding: Float[np.ndarray, " F"] | None = None,
) -> ContrastiveEmbedder | PublishedEmbedder | TmrEmbedder:
    """The evaluator of a folder or run; None stands for the bundled one.

    Raises:
        ModelError: there is none, or it is broken.
    """
    parts = read_evaluator(find_evaluator(folder), device)
    if isinstance(parts, ContrastiveParts):
        return ContrastiveEmbedder(parts)
    if isinstance(parts, TmrParts):
        return TmrEmbedder(parts, device)
    return PublishedEmbedder(parts, padding)


def unit_rows(rows: Float[np.ndarray, "N D"]) -> Float[np.ndarray, "N D"]:
    """Embeddings scaled to unit length; zeros stay zero."""
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9))


def _lengths(motions: Sequence[Features]) -> list[int]:
    return motions.lengths if isinstance(motions, WindowFeatures) else [len(motion) for motion in motions]


def _padded(
    motions: Sequence[Features], row: Float[np.ndarray, " F"] | None = None
) -> tuple[Float[Tensor, "N T F"], Tensor]:
    """Motions of one length, filled up with `row` or zeros, and how long they were."""
    lengths = [len(motion) for motion in motions]
    padded = np.zeros((len(motions), max(lengths), FEATURE_DIM), dtype=np.float32)
    if row is not None:
        padded[:] = row
    for row_of_batch, motion in zip(padded, motions, strict=True):
        row_of_batch[: len(motion)] = motion
    return torch.from_numpy(padded), torch.tensor(lengths)


def _in_batches(embed: Callable[[Sequence[int]], Tensor], lengths: Sequence[int], width: int) -> Embeddings:
    """Embeddings of items that are batched by length, in the order given."""
    embeddings = np.empty((len(lengths), width), dtype=np.float32)
    for rows in _by_length(lengths):
        embeddings[rows] = embed(rows).cpu().numpy()
    return embeddings


def _by_length(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Batches of the items' indices, sorted by length."""
    order = np.argsort(np.asarray(lengths), kind="stable")
    for start in range(0, len(order), BATCH):
        yield order[start : start + BATCH].tolist()
