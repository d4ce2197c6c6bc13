"""What a system is asked: windows of a data set with a caption each, the same for the same seed.

Legend: T frames, F = 263 feature columns.
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

UNIT = 4
"""Published crops are a multiple of so many frames."""


@dataclass(frozen=True)
class Round:
    """What is asked in one repeat."""

    number: int
    """Which repeat it is, from 0 on."""
    captions: list[str]
    """A caption of each window."""
    motions: WindowFeatures
    """The recorded motion of each window."""
    alike: Bool[np.ndarray, "N N"] | None
    """Which motions are right answers to which captions, where the protocol asks for it."""

    @property
    def frames(self) -> list[int]:
        """Length of each recorded motion."""
        return self.motions.lengths


class Asked:
    """The windows of an evaluation, and what is asked of them in each repeat."""

    def __init__(
        self,
        store: MotionStore,
        protocol: Protocol,
        *,
        split: Split = "test",
        count: int | None = None,
        seed: int = 0,
    ) -> None:
        """The captioned windows of a split, or `count` of them, the same ones for the same seed; shortest first.

        Mirror images that `prepare` made are left out; those of the published data set are clips of their own.
        Windows are ordered by length because the published evaluation pads batches of them to one length.

        Raises:
            DataError: there are none.
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
        self._turns = [rng.permutation(len(item.captions)) for item in self.items]

    def __len__(self) -> int:
        return len(self.items)

    def round(self, number: int, captions: Sequence[str] | None = None) -> Round:
        """What is asked in a repeat; `captions` take the place of those that would be chosen."""
        rng = np.random.default_rng([self.seed, 3, number])
        chosen, starts, lengths = [], [], []
        for item, turn in zip(self.items, self._turns, strict=True):
            place = rng.integers(len(turn)) if self.protocol.random_captions else turn[number % len(turn)]
            chosen.append(item.captions[place])
            start, length = self._cut(item.num_frames, rng)
            starts.append(start)
            lengths.append(length)
        said = chosen if captions is None else list(captions)
        motions = WindowFeatures(self.store, self.items, starts, lengths)
        return Round(number, said, motions, self.alike(said))

    def references(self, item: Item) -> list[str]:
        """The captions that one of this window is compared with."""
        most = self.protocol.max_references
        if most is None:
            return list(item.captions)
        return list(item.captions[:most]) + [item.captions[0]] * (most - len(item.captions))

    def fingerprint(self) -> str:
        """SHA-256 of the windows, their captions and features."""
        digest = hashlib.sha256()
        for item in self.items:
            digest.update(repr((item.id, item.num_frames, item.captions)).encode())
            digest.update(self.store.features(item).tobytes())
        return digest.hexdigest()

    def _cut(self, num_frames: int, rng: np.random.Generator) -> tuple[int, int]:
        """First frame and length of what is taken of a window."""
        if not self.protocol.crops:
            return 0, num_frames
        units = max(num_frames // UNIT - int(rng.integers(3) == 0), 1)
        length = min(units * UNIT, num_frames)
        return int(rng.integers(num_frames - length + 1)), length

    def alike(self, captions: Sequence[str]) -> Bool[np.ndarray, "N N"] | None:
        """Which windows' motions are right answers to captions, one of each window; None: only their own."""
        if not self.protocol.alike_captions:
            return None
        holders: dict[str, list[int]] = {}
        for place, item in enumerate(self.items):
            for caption in item.captions:
                holders.setdefault(caption, []).append(place)
        alike = np.zeros((len(captions), len(captions)), dtype=bool)
        for row, caption in zip(alike, captions, strict=True):
            row[holders.get(caption, [])] = True
        return alike


def data_facts(asked: Asked) -> dict[str, Any]:
    """Which windows were used."""
    return {
        "name": asked.store.folder.resolve().name,
        "windows": len(asked),
        "frames": sum(item.num_frames for item in asked.items),
        "fingerprint": asked.fingerprint(),
    }
