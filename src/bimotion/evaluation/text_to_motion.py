"""Text to motion: R-precision, MM-Dist, FID, Diversity and MultiModality, repeat after repeat.

Legend: N items, D embedding width.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from bimotion.data.window_features import Features
from bimotion.evaluation.distribution import (
    Gaussian,
    diversity,
    draw_pairs,
    draw_unlike_pairs,
    frechet_distance,
    multimodality,
)
from bimotion.evaluation.evaluation_set import Asked, Round
from bimotion.evaluation.intervals import Measured, published_interval, student_interval
from bimotion.evaluation.motion_folder import MotionFolder
from bimotion.evaluation.protocols import Protocol
from bimotion.evaluation.retrieval import Retrieval, filled_groups, retrieval, whole_groups
from bimotion.evaluation.scores import REAL, SYSTEM, summarised
from bimotion.evaluation.systems import TextMotionSystem
from bimotion.evaluators.embedding import Embedder, Embeddings

Track = Callable[[Sequence[int], str], Iterator[int]]
"""Shows how far the work is: gives the numbers that it is given."""

MULTIMODALITY_SEEDS = 1 << 40
"""Seeds of MultiModality begin here: none of them makes another motion."""


@dataclass(frozen=True)
class FirstRepeat:
    """What the first repeat saw, for plots and pictures."""

    round: Round
    """What was asked."""
    real: Embeddings
    """Embeddings of the recorded motions."""
    retrieval_of_real: Retrieval
    """How captions found them."""
    made: Sequence[Features] | None
    """The system's motions."""
    embedded: Embeddings | None
    """Their embeddings."""
    retrieval_of_made: Retrieval | None
    """How captions found them."""


@dataclass(frozen=True)
class TextToMotion:
    """What `text_to_motion` measured."""

    scores: dict[str, dict[str, Measured]]
    """Of the recorded motions and the system's."""
    first: FirstRepeat
    """The first repeat."""


class CaptionPoints:
    """Embeddings of captions, each computed once."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._points: dict[str, Float[np.ndarray, " D"]] = {}

    def of(self, captions: Sequence[str]) -> Embeddings:
        """Embeddings of captions."""
        new = [caption for caption in dict.fromkeys(captions) if caption not in self._points]
        if new:
            self._points.update(zip(new, self._embedder.embed_texts(new), strict=True))
        return np.stack([self._points[caption] for caption in captions])


def text_to_motion(
    asked: Asked,
    source: TextMotionSystem | MotionFolder | None,
    embedder: Embedder,
    repeats: int,
    track: Track,
) -> TextToMotion:
    """Scores of the recorded motions and of a system's, or of those in a folder.

    Raises:
        DataError: the protocol needs more motions than there are.
    """
    protocol = asked.protocol
    texts = CaptionPoints(embedder)
    rows: dict[str, list[dict[str, float]]] = {REAL: [], SYSTEM: []}
    read: dict[int, Embeddings] = {}
    real: Embeddings | None = None
    first: FirstRepeat | None = None
    for number in track(range(repeats), "text to motion"):
        part = source.round(asked, number) if isinstance(source, MotionFolder) else asked.round(number)
        rng = np.random.default_rng([asked.seed, 4, number])
        order = rng.permutation(len(asked))
        said = texts.of(part.captions)
        if real is None or protocol.crops:
            real = embedder.embed_motions(part.motions)
        found = in_groups(protocol, said, real, order, part.alike)
        gaussian = Gaussian.of(real)
        rows[REAL].append(_row(protocol, found, real, gaussian, gaussian, rng))
        motions: Sequence[Features] | None = None
        made: Embeddings | None = None
        if isinstance(source, MotionFolder):
            place = number % source.num_sets
            if place not in read:
                motions = source.motions(number)
                read[place] = embedder.embed_motions(motions)
            made = read[place]
        elif source is not None:
            motions = source.text_to_features(part.captions, part.frames, asked.seed + number * len(asked))
            made = embedder.embed_motions(motions)
        found_made = None
        if made is not None:
            found_made = in_groups(protocol, said, made, order, part.alike)
            row = _row(protocol, found_made, made, Gaussian.of(made), gaussian, rng)
            if not isinstance(source, MotionFolder):
                assert source is not None
                row["multimodality"] = _multimodality(asked, part, source, embedder, rng)
            rows[SYSTEM].append(row)
        if first is None:
            first = FirstRepeat(part, real, found, motions, made, found_made)
    assert first is not None
    interval = interval_of(protocol)
    return TextToMotion({row: summarised(values, interval) for row, values in rows.items() if values}, first)


def in_groups(
    protocol: Protocol,
    text: Embeddings,
    motion: Embeddings,
    order: Int[np.ndarray, " N"],
    alike: Bool[np.ndarray, "N N"] | None,
) -> Retrieval:
    """How texts find motions, in groups as the protocol makes them."""
    if protocol.drops_remainder:
        return retrieval(text, motion, whole_groups(order), alike=alike)
    groups, counted = filled_groups(order)
    return retrieval(text, motion, groups, counted=counted, alike=alike)


def interval_of(protocol: Protocol) -> Callable[[Sequence[float]], Measured]:
    """How the protocol sums repeats up."""
    return published_interval if protocol.normal_interval else student_interval


def retrieval_scores(found: Retrieval) -> dict[str, float]:
    """R-precision and MM-Dist by their names."""
    names = ("top_1", "top_2", "top_3")
    return {**dict(zip(names, found.r_precision, strict=True)), "mm_dist": found.mm_dist}


def _row(
    protocol: Protocol,
    found: Retrieval,
    points: Embeddings,
    theirs: Gaussian,
    real: Gaussian,
    rng: np.random.Generator,
) -> dict[str, float]:
    draw = draw_pairs if protocol.self_pairs else draw_unlike_pairs
    return {
        **retrieval_scores(found),
        "fid": frechet_distance(real, theirs),
        "diversity": diversity(points, *draw(len(points), protocol.diversity_pairs, rng)),
    }


def _multimodality(
    asked: Asked, part: Round, system: TextMotionSystem, embedder: Embedder, rng: np.random.Generator
) -> float:
    """Mean distance of motions of one text, over texts drawn anew."""
    protocol = asked.protocol
    motions = protocol.multimodality_motions
    chosen = rng.permutation(len(asked))[: protocol.multimodality_texts]
    texts = [part.captions[place] for place in chosen for _ in range(motions)]
    frames = [part.frames[place] for place in chosen for _ in range(motions)]
    seed = MULTIMODALITY_SEEDS + asked.seed + part.number * len(texts)
    points = embedder.embed_motions(system.text_to_features(texts, frames, seed))
    draw = draw_pairs if protocol.self_pairs else draw_unlike_pairs
    pairs = draw(motions, protocol.multimodality_pairs, rng)
    return multimodality(points.reshape(len(chosen), motions, -1), *pairs)
