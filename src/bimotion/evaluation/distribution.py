"""FID, Diversity and MultiModality, computed on embeddings.

Legend: N items, D embedding columns, P pairs, R motions of one text.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from bimotion.errors import DataError


@dataclass(frozen=True)
class Gaussian:
    """Mean and covariance of embeddings."""

    mean: Float[np.ndarray, " D"]
    """Mean."""
    covariance: Float[np.ndarray, "D D"]
    """Covariance, divided by N - 1."""

    @classmethod
    def of(cls, embeddings: Float[np.ndarray, "N D"]) -> "Gaussian":
        """The Gaussian that fits embeddings, in double precision.

        Raises:
            DataError: fewer than two embeddings.
        """
        if len(embeddings) < 2:
            raise DataError(f"FID needs at least 2 motions, got {len(embeddings)}")
        x = embeddings.astype(np.float64)
        return cls(x.mean(0), np.atleast_2d(np.cov(x, rowvar=False)))


def frechet_distance(a: Gaussian, b: Gaussian) -> float:
    """Squared Fréchet distance of two Gaussians: |m - n|^2 + tr(A + B - 2 (A B)^(1/2)).

    The last trace is the sum of the singular values of A^(1/2) B^(1/2), with the roots from a symmetric
    eigen-decomposition. Unlike the published matrix root of A B, it is real and exact if the covariances are
    rank-deficient (fewer motions than columns).

    Source: Heusel et al. 2017, equation 6.
    """
    shift = a.mean - b.mean
    overlap = np.linalg.svd(_root(a.covariance) @ _root(b.covariance), compute_uv=False).sum()
    squared = shift @ shift + np.trace(a.covariance) + np.trace(b.covariance) - 2 * overlap
    return max(float(squared), 0.0)  # negative values are rounding errors


def fid(real: Float[np.ndarray, "N D"], generated: Float[np.ndarray, "M D"]) -> float:
    """Fréchet distance of the Gaussians that fit two sets of embeddings.

    Raises:
        DataError: fewer than two embeddings in a set.
    """
    return frechet_distance(Gaussian.of(real), Gaussian.of(generated))


def diversity(
    embeddings: Float[np.ndarray, "N D"], first: Int[np.ndarray, " P"], second: Int[np.ndarray, " P"]
) -> float:
    """Mean distance between the motions of pairs (`draw_pairs`)."""
    x = embeddings.astype(np.float64)
    return float(np.linalg.norm(x[first] - x[second], axis=-1).mean())


def multimodality(
    embeddings: Float[np.ndarray, "N R D"], first: Int[np.ndarray, " P"], second: Int[np.ndarray, " P"]
) -> float:
    """Mean distance between motions of one text; the pairs are the same for all texts."""
    x = embeddings.astype(np.float64)
    return float(np.linalg.norm(x[:, first] - x[:, second], axis=-1).mean())


def draw_pairs(
    count: int, pairs: int, rng: np.random.Generator
) -> tuple[Int[np.ndarray, " P"], Int[np.ndarray, " P"]]:
    """Two independent draws without replacement, as published: a pair may be an item and itself.

    Raises:
        DataError: there are fewer items than pairs.
    """
    if count < pairs:
        raise DataError(
            f"{pairs} pairs cannot be drawn from {count} motions; draw fewer, or use more motions"
        )
    return rng.permutation(count)[:pairs], rng.permutation(count)[:pairs]


def draw_distinct_pairs(
    count: int, pairs: int, rng: np.random.Generator
) -> tuple[Int[np.ndarray, " P"], Int[np.ndarray, " P"]]:
    """Pairs of two different items each, drawn with replacement from all such pairs.

    Raises:
        DataError: there are fewer than two items.
    """
    if count < 2:
        raise DataError(f"pairs need at least 2 motions, got {count}")
    first = rng.integers(0, count, pairs)
    return first, (first + rng.integers(1, count, pairs)) % count


def _root(covariance: Float[np.ndarray, "D D"]) -> Float[np.ndarray, "D D"]:
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T)
