"""The windows that systems are evaluated on, and the caption of each window in each repeat.

Legend: T frames, N windows, F = 263 feature columns.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool

from bimotion.data.splits import Split
from bimotion.data.store import Item, MotionStore
from bimotion.data.window_features import WindowFeatures
from bimotion.errors import DataError
from bimotion.evaluation.protocols import Protocol

CROP_UNIT = 4
"""Published crops are a multiple of this many frames."""


@dataclass(frozen=True)
class Repeat:
    """Captions and recorded motions of one repeat of an evaluation."""

    number: int
    """Number of the repeat, from 0."""
    captions: list[str]
    """The caption of each window."""
    motions: WindowFeatures
    """The recorded motion of each window."""
    correct: Bool[np.ndarray, "N N"] | None
    """`correct[i, j]`: motion j is a correct answer to caption i; None: only motion i is."""

    @property
    def frames(self) -> list[int]:
        """Number of frames of each recorded motion."""
        return self.motions.lengths


class EvaluationSet:
    """The captioned windows of a split, and their captions and crops in each repeat."""

    def __init__(
        self,
        store: MotionStore,
        protocol: Protocol,
        *,
        split: Split = "test",
        count: int | None = None,
        seed: int = 0,
    ) -> None:
        """All captioned windows of a split, or `count` of them drawn by `seed`; shortest first.

        Mirror images that `prepare` made are left out; those of the published data set are clips of their own.
        Windows are ordered by length because the published evaluation pads batches of them to one length.

        Raises:
            DataError: the split has no windows with captions.
        """
        items = store.items(split, mirrored=False, text=True)
        if not items:
            raise DataError(f"{store.folder}: has no windows with captions in the split {split}")
        if count is not None and count < len(items):
            chosen = np.sort(np.random.default_rng([seed, 1]).permutation(len(items))[:count])
            items = [items[index] for index in chosen]
        self.items = sorted(items, key=lambda item: item.num_frames)
        self.store, self.protocol, self.seed = store, protocol, seed
        rng = np.random.default_rng([seed, 2])
        self._caption_orders = [rng.permutation(len(item.captions)) for item in self.items]

    def __len__(self) -> int:
        return len(self.items)

    def repeat(self, number: int, captions: Sequence[str] | None = None) -> Repeat:
        """Captions and motions of a repeat; `captions` replace those of the protocol."""
        rng = np.random.default_rng([self.seed, 3, number])
        chosen, starts, lengths = [], [], []
        for item, order in zip(self.items, self._caption_orders, strict=True):
            index = rng.integers(len(order)) if self.protocol.random_captions else order[number % len(order)]
            chosen.append(item.captions[index])
            start, length = _crop(item.num_frames, rng) if self.protocol.crops else (0, item.num_frames)
            starts.append(start)
            lengths.append(length)
        texts = chosen if captions is None else list(captions)
        motions = WindowFeatures(self.store, self.items, starts, lengths)
        return Repeat(number, texts, motions, self.correct_answers(texts))

    def second_draw(self, number: int) -> WindowFeatures:
        """The recorded motions once more, cropped at random independently of `repeat(number)`.

        FID between the two draws is what papers print for the recorded motions. Both protocols crop this draw as the
        published loader does.
        """
        rng = np.random.default_rng([self.seed, 9, number])
        crops = [_crop(item.num_frames, rng) for item in self.items]
        return WindowFeatures(self.store, self.items, [start for start, _ in crops], [n for _, n in crops])

    def references(self, item: Item) -> list[str]:
        """The captions that a generated caption of this window is compared with."""
        limit = self.protocol.max_references
        if limit is None:
            return list(item.captions)
        return list(item.captions[:limit]) + [item.captions[0]] * (limit - len(item.captions))

    def fingerprint(self) -> str:
        """SHA-256 of the windows, their captions and features."""
        digest = hashlib.sha256()
        for item in self.items:
            digest.update(repr((item.id, item.num_frames, item.captions)).encode())
            digest.update(self.store.features(item).tobytes())
        return digest.hexdigest()

    def correct_answers(self, captions: Sequence[str]) -> Bool[np.ndarray, "N N"] | None:
        """Which windows' motions are correct answers to captions, one per window; None: only the window's own."""
        if not self.protocol.equivalent_captions:
            return None
        owners: dict[str, list[int]] = {}
        for index, item in enumerate(self.items):
            for caption in item.captions:
                owners.setdefault(caption, []).append(index)
        correct = np.zeros((len(captions), len(captions)), dtype=bool)
        for row, caption in zip(correct, captions, strict=True):
            row[owners.get(caption, [])] = True
        return correct


def data_facts(evaluation_set: EvaluationSet) -> dict[str, Any]:
    """Identification of the windows for a report."""
    return {
        "name": evaluation_set.store.folder.resolve().name,
        "windows": len(evaluation_set),
        "frames": sum(item.num_frames for item in evaluation_set.items),
        "fingerprint": evaluation_set.fingerprint(),
    }


def _crop(num_frames: int, rng: np.random.Generator) -> tuple[int, int]:
    """First frame and length of a crop as the published loader draws it: one in three is 4 frames shorter."""
    units = max(num_frames // CROP_UNIT - int(rng.integers(3) == 0), 1)
    length = min(units * CROP_UNIT, num_frames)
    return int(rng.integers(num_frames - length + 1)), length
