"""Moments of a motion that phrases describe, by an evaluator that embeds a motion in parts.

A moment is a run of parts; its embedding has the direction of their mean, so all moments of a motion are compared with
a phrase at once, by sums over parts.

Legend: T frames, M parts of a motion, K phrases, D embedding width, S moments.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int

from bimotion.evaluators.embedding import Embedder, Embeddings, unit_rows
from bimotion.features.layout import FPS

MIN_SECONDS = 0.8
"""Shortest moment that is looked for."""

BETWEEN = 0.4
"""Parts count for a phrase if they are nearer to it than the mean of a motion by this share of what the nearest is."""

Features = Float[np.ndarray, "_ 263"]


@runtime_checkable
class PartsEmbedder(Embedder, Protocol):
    """An evaluator that embeds a motion in parts."""

    frames_per_part: int

    def motion_parts(self, motions: Sequence[Features]) -> list[Embeddings]:
        """The vectors of each motion's parts; frames beyond `max_frames` are not read."""


@dataclass(frozen=True)
class Moments:
    """The parts of a motion, of which its moments are made."""

    parts: Float[np.ndarray, "M D"]
    """Vectors of the parts."""
    frames_per_part: int
    """Frames of a part."""
    num_frames: int
    """Frames of the motion; the last part may have fewer."""

    @cached_property
    def _sums(self) -> Float[np.ndarray, "_ D"]:
        return np.concatenate(
            [np.zeros((1, self.parts.shape[1])), np.cumsum(self.parts, axis=0, dtype=np.float64)]
        )

    def cosines(
        self, first: Int[np.ndarray, " S"], stop: Int[np.ndarray, " S"], phrases: Float[np.ndarray, "K D"]
    ) -> Float[np.ndarray, "S K"]:
        """Cosines of moments (`first` to `stop`, exclusive, in parts) with embedded phrases."""
        return np.asarray(self.directions(first, stop) @ unit_rows(phrases).T)

    def directions(
        self, first: Int[np.ndarray, " S"], stop: Int[np.ndarray, " S"]
    ) -> Float[np.ndarray, "S D"]:
        """Embeddings of moments, of unit length."""
        return unit_rows(self._sums[stop] - self._sums[first])

    def best(self, phrase: Float[np.ndarray, " D"]) -> tuple[int, int, float]:
        """First and last frame (exclusive) of the moment that shows an embedded phrase best, and its cosine.

        Source: the run of greatest sum (Bentley 1984) of the parts' cosines, averaged over three parts, less a level
        between their mean and their maximum; the moment whose mean cosine is greatest would mostly be the shortest.
        """
        cosines = unit_rows(self.parts) @ unit_rows(phrase[None])[0]
        smooth = np.convolve(np.pad(cosines, 1, mode="edge"), np.full(3, 1 / 3), mode="valid")
        gains = smooth - (BETWEEN * smooth.max() + (1 - BETWEEN) * smooth.mean())
        sums = np.concatenate(([0.0], np.cumsum(gains)))
        shortest = min(self._shortest, len(gains))
        lowest = np.minimum.accumulate(sums[: len(sums) - shortest])
        stop = int((sums[shortest:] - lowest).argmax()) + shortest
        first = int(sums[: stop - shortest + 1].argmin())
        cosine = self.cosines(np.array([first]), np.array([stop]), phrase[None])[0, 0]
        return (*self.frames(first, stop), float(cosine))

    def in_order(self, phrases: Float[np.ndarray, "K D"]) -> tuple[list[int], Float[np.ndarray, " K"]]:
        """The cuts (K + 1, in parts) between which phrases follow each other best, and each phrase's cosine there.

        Best is the greatest mean of the cosines. A motion of fewer parts than phrases has none: cosines of -1.
        """
        num, count = len(self.parts), len(phrases)
        if num < count:
            return [0] * count + [num], np.full(count, -1.0)
        shortest = min(self._shortest, num // count)
        first, stop = np.triu_indices(num + 1, shortest)
        table = np.full((count, num + 1, num + 1), -np.inf)
        table[:, first, stop] = self.cosines(first, stop, phrases).T
        best = np.full(num + 1, -np.inf)
        best[0] = 0.0
        came_from = []
        for each in table:
            sums = best[:, None] + each
            came_from.append(sums.argmax(0))
            best = sums.max(0)
        cuts = [num]
        for before in reversed(came_from):
            cuts.append(int(before[cuts[-1]]))
        cuts.reverse()
        return cuts, np.array([table[k, cuts[k], cuts[k + 1]] for k in range(count)])

    def frames(self, first: int, stop: int) -> tuple[int, int]:
        """First and last frame (exclusive) of a moment given in parts."""
        return first * self.frames_per_part, min(stop * self.frames_per_part, self.num_frames)

    @property
    def _shortest(self) -> int:
        return round(MIN_SECONDS * FPS / self.frames_per_part)


def moments_of(embedder: PartsEmbedder, motions: Sequence[Features]) -> list[Moments]:
    """The moments of motions of any length.

    A motion longer than the evaluator reads is read in pieces that overlap by half; a part is taken from the piece in
    which it is further from the ends.
    """
    size = embedder.frames_per_part
    longest = (embedder.max_frames or 10**9) // size
    pieces: list[Features] = []
    starts_of: list[list[int]] = []
    for motion in motions:
        total = -(-len(motion) // size)
        step = max(longest // 2, 1)
        starts = [0] if total <= longest else [*range(0, total - longest, step), total - longest]
        starts_of.append(starts)
        pieces += [motion[start * size : (start + longest) * size] for start in starts]
    read = iter(embedder.motion_parts(pieces))
    found = []
    for motion, starts in zip(motions, starts_of, strict=True):
        values = [next(read) for _ in starts]
        total = -(-len(motion) // size)
        parts = np.empty((total, values[0].shape[1]), np.float32)
        margin = np.full(total, -1)
        for start, piece in zip(starts, values, strict=True):
            inside = np.minimum(np.arange(len(piece)), np.arange(len(piece))[::-1])
            here = slice(start, start + len(piece))
            better = inside > margin[here]
            parts[here][better] = piece[better]
            margin[here] = np.maximum(inside, margin[here])
        found.append(Moments(parts, size, len(motion)))
    return found
