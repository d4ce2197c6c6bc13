"""Motions that carry a number, and an embedder that reads it."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from bimotion.features.layout import CONTACTS

NUM = 70
"""Windows of the data set: two groups of 32, and 6 that fill none."""


class Oracle:
    """Embeds `motion 7 ...` and the motion of that number at the same point."""

    kind = "contrastive"
    max_frames: int | None = None
    tagged: Mapping[str, Sequence[str]]

    def __init__(self) -> None:
        self.tagged = {}
        self._positions = np.random.default_rng(0).normal(size=(1000, 8)).astype(np.float32)

    def embed_texts(self, captions: Sequence[str]) -> np.ndarray:
        """The points of the numbers in captions; of other captions, a far one."""
        words = [caption.split() for caption in captions]
        return self._positions[[int(output[1]) if output[0] == "motion" else 999 for output in words]]

    def embed_motions(self, motions: Sequence[np.ndarray]) -> np.ndarray:
        """The points of the numbers in motions."""
        return self._positions[[number_of(motion) for motion in motions]]


def number_of(motion: np.ndarray) -> int:
    """The number that a motion carries, in a column that is not decoded."""
    return round(float(motion[0, CONTACTS.start]))


def track(items: Sequence[int], label: str) -> Iterator[int]:
    """No progress bar."""
    assert label
    yield from items
