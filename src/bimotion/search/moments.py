"""The moment inside a recording that a sentence describes, or that is most like an example.

Legend: T frames, 263 feature columns, D embedding width.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from bimotion.evaluators.embedding import Embedder
from bimotion.evaluators.moments import PartsEmbedder, moments_of

LENGTHS = (30, 50, 80, 120)
"""Lengths of moments that are compared with an example, in frames at 20 fps: 1.5 to 6 s."""

STEP = 10
"""Distance of the moments that are compared with an example, frames."""

REACH = 60
"""Frames beyond the found piece in which moments are looked for."""


def moment_of_sentence(
    features: Float[np.ndarray, "T 263"],
    near: tuple[int, int],
    query: Float[np.ndarray, " D"],
    embedder: PartsEmbedder,
) -> tuple[int, int, float]:
    """First and last frame (exclusive) of the moment near a piece that shows an embedded sentence, and the cosine."""
    low, high = _around(near, len(features))
    (found,) = moments_of(embedder, [features[low:high]])
    start, stop, cosine = found.best(query)
    return low + start, low + stop, cosine


def best_moment(
    features: Float[np.ndarray, "T 263"],
    near: tuple[int, int],
    query: Float[np.ndarray, " D"],
    embedder: Embedder,
) -> tuple[int, int, float]:
    """First and last frame (exclusive) of the moment near a piece that is most like an example, and the cosine."""
    low, high = _around(near, len(features))
    candidates = moments(low, high)
    embedded = embedder.embed_motions([features[start:stop] for start, stop in candidates])
    cosines = embedded @ query / (np.linalg.norm(embedded, axis=1) * np.linalg.norm(query))
    best = int(cosines.argmax())
    return (*candidates[best], float(cosines[best]))


def _around(near: tuple[int, int], num_frames: int) -> tuple[int, int]:
    """The frames in which a moment is looked for."""
    return max(0, near[0] - REACH), min(num_frames, near[1] + REACH)


def moments(low: int, high: int, lengths: Sequence[int] = LENGTHS) -> list[tuple[int, int]]:
    """The moments that are tried between two frames; all of it where it is shorter than the shortest."""
    found = [
        (start, start + length)
        for length in lengths
        if length <= high - low
        for start in sorted({*range(low, high - length + 1, STEP), high - length})
    ]
    return found or [(low, high)]
