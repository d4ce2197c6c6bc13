"""Parts of an evaluation that any process can compute: what a system makes of some windows, and its embeddings.

A part is a function of a `Subject`. Its results depend on nothing else, so that every engine gives the same ones.

Legend: N items, D embedding width.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from bimotion.engines.engine import Engine, Work, WorkerLost
from bimotion.evaluation.distribution import draw_distinct_pairs, draw_pairs
from bimotion.evaluation.evaluation_set import EvaluationSet, Repeat
from bimotion.evaluation.first_repeat import CaseSelection
from bimotion.evaluation.motion_folder import MotionFolder
from bimotion.evaluation.motion_statistics import MotionStatistics
from bimotion.evaluation.motions import CHUNK, Motion, chunks, motion_features
from bimotion.evaluation.retrieval import pair_distances
from bimotion.evaluation.systems import CompletionSystem, TextMotionSystem
from bimotion.evaluators.embedding import Embedder, Embeddings

Track = Callable[[Sequence[Any], str], Iterable[Any]]
"""Shows progress: yields the items that it is given."""

Source = TextMotionSystem | MotionFolder | None
"""Where generated motions come from; None: only the recorded motions are scored."""

MULTIMODALITY_SEEDS = 1 << 40
"""First seed for MultiModality, beyond the seeds of all other motions."""

Pairs = tuple[Int[np.ndarray, " _"], Int[np.ndarray, " _"]]
"""Indices of the first and of the second of pairs."""


class CaptionEmbeddings:
    """Embeddings of captions, each computed once."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._known: dict[str, Float[np.ndarray, " D"]] = {}

    def of(self, captions: Sequence[str]) -> Embeddings:
        """Embeddings of captions."""
        new = [caption for caption in dict.fromkeys(captions) if caption not in self._known]
        if new:
            self._known.update(zip(new, self._embedder.embed_texts(new), strict=True))
        return np.stack([self._known[caption] for caption in captions])


@dataclass(frozen=True)
class Subject:
    """What is evaluated, on what, and by what."""

    evaluation_set: EvaluationSet
    """The windows."""
    source: Source | CompletionSystem
    """Where generated motions come from."""
    embedder: Embedder
    """Embeds captions and motions."""

    @cached_property
    def texts(self) -> CaptionEmbeddings:
        """Embeddings of captions, as far as they are known."""
        return CaptionEmbeddings(self.embedder)

    @property
    def system(self) -> TextMotionSystem:
        """The source, where it is no folder."""
        assert isinstance(self.source, TextMotionSystem)
        return self.source

    def repeat(self, number: int) -> Repeat:
        """The captions and recorded motions of a repeat."""
        if isinstance(self.source, MotionFolder):
            return self.source.repeat(self.evaluation_set, number)
        return self.evaluation_set.repeat(number)


@dataclass(frozen=True)
class Draws:
    """What a repeat of text to motion draws at random, in the order of the protocol."""

    order: Int[np.ndarray, " N"]
    """Order in which motions form groups."""
    real_pairs: Pairs
    """Pairs of recorded motions for Diversity."""
    generated_pairs: Pairs | None = None
    """Pairs of generated motions."""
    variants: Int[np.ndarray, " V"] | None = None
    """Windows whose captions get several motions, for MultiModality."""
    variant_pairs: Pairs | None = None
    """Pairs among the motions of a caption."""

    @classmethod
    def of(cls, subject: Subject, number: int) -> "Draws":
        """The draws of a repeat.

        Raises:
            DataError: the protocol needs more motions than there are.
        """
        protocol, count = subject.evaluation_set.protocol, len(subject.evaluation_set)
        rng = np.random.default_rng([subject.evaluation_set.seed, 4, number])
        draw = draw_pairs if protocol.self_pairs else draw_distinct_pairs
        order = rng.permutation(count)
        real = draw(count, protocol.diversity_pairs, rng)
        if subject.source is None:
            return cls(order, real)
        generated = draw(count, protocol.diversity_pairs, rng)
        if isinstance(subject.source, MotionFolder):
            return cls(order, real, generated)
        variants = rng.permutation(count)[: protocol.multimodality_texts]
        pairs = draw(protocol.multimodality_motions, protocol.multimodality_pairs, rng)
        return cls(order, real, generated, variants, pairs)


@dataclass(frozen=True)
class MotionsResult:
    """What is kept of some generated motions."""

    embeddings: Embeddings
    """Their embeddings."""
    statistics: MotionStatistics | None
    """Their quality; in the first repeat only."""
    cases: CaseSelection | None
    """Those nearest to and farthest from their captions; in the first repeat only."""


@dataclass(frozen=True)
class GeneratedMotions:
    """The generated motions of some windows: a part of an evaluation."""

    repeat: int
    """Number of the repeat."""
    rows: range
    """The windows."""

    def __call__(self, subject: Subject) -> MotionsResult:
        """Generate, embed, and in the first repeat measure."""
        repeat = subject.repeat(self.repeat)
        motions = self._motions(subject, repeat)
        embeddings = subject.embedder.embed_motions([motion_features(motion) for motion in motions])
        if self.repeat:
            return MotionsResult(embeddings, None, None)
        statistics, cases = MotionStatistics(), CaseSelection()
        captions = repeat.captions[self.rows.start : self.rows.stop]
        distances = pair_distances(subject.texts.of(captions), embeddings)
        for index, caption, motion, distance in zip(self.rows, captions, motions, distances, strict=True):
            statistics.add(motion, caption)
            cases.add(caption, index, float(distance), motion)
        return MotionsResult(embeddings, statistics, cases)

    @classmethod
    def all(cls, subject: Subject, number: int) -> list["GeneratedMotions"]:
        """The parts of a repeat."""
        return [cls(number, rows) for rows in chunks(len(subject.evaluation_set))]

    def _motions(self, subject: Subject, repeat: Repeat) -> Sequence[Motion]:
        if isinstance(subject.source, MotionFolder):
            return subject.source.motions(self.repeat, self.rows)
        seed = subject.evaluation_set.seed + self.repeat * len(subject.evaluation_set) + self.rows.start
        at = slice(self.rows.start, self.rows.stop)
        return subject.system.text_to_motions(repeat.captions[at], repeat.frames[at], seed)


@dataclass(frozen=True)
class Variants:
    """Several motions of some captions, for MultiModality: a part of an evaluation."""

    repeat: int
    """Number of the repeat."""
    rows: range
    """Which of the drawn captions."""

    def __call__(self, subject: Subject) -> Embeddings:
        """Embeddings of the motions, those of one caption after the other."""
        evaluation_set, repeat = subject.evaluation_set, subject.repeat(self.repeat)
        per_text = evaluation_set.protocol.multimodality_motions
        chosen = Draws.of(subject, self.repeat).variants
        assert chosen is not None
        first = MULTIMODALITY_SEEDS + evaluation_set.seed + self.repeat * len(chosen) * per_text
        at = [chosen[row] for row in self.rows for _ in range(per_text)]
        motions = subject.system.text_to_motions(
            [repeat.captions[index] for index in at],
            [repeat.frames[index] for index in at],
            first + self.rows.start * per_text,
        )
        return subject.embedder.embed_motions([motion_features(motion) for motion in motions])

    @classmethod
    def all(cls, subject: Subject, number: int) -> list["Variants"]:
        """The parts of a repeat."""
        protocol = subject.evaluation_set.protocol
        count = min(protocol.multimodality_texts, len(subject.evaluation_set))
        step = max(CHUNK // protocol.multimodality_motions, 1)
        return [cls(number, rows) for rows in chunks(count, step)]


Part = Callable[[Subject], Any]
"""A part of an evaluation, which can be compared and pickled."""


@dataclass(frozen=True)
class _Parts:
    """Computes parts: the work of a process."""

    load: Callable[[], Subject]

    def __call__(self) -> Work[Part, Any]:
        subject = self.load()
        return lambda batch: (part(subject) for part in batch)


@dataclass(frozen=True)
class Spread:
    """Computes parts of an evaluation on an engine."""

    engine: Engine
    """Where they are computed."""
    load: Callable[[], Subject]
    """Gives the subject in each process."""
    track: Track
    """Shows progress."""

    def run(self, parts: Sequence[Part], label: str) -> "Results":
        """The results of parts, computed from now on."""
        return Results(self, parts, label)

    def in_order(self, parts: Sequence[Part], label: str) -> list[Any]:
        """The results of all parts, in their order."""
        return self.run(parts, label).take(parts)


class Results:
    """Results of parts, which arrive in any order and are taken in another."""

    def __init__(self, spread: Spread, parts: Sequence[Part], label: str) -> None:
        self._arrived: dict[Part, Any] = {}
        self._arriving = self._compute(spread, parts, label)

    def take(self, parts: Sequence[Part]) -> list[Any]:
        """The results of some of the parts; each can be taken once."""
        waiting = set(parts) - self._arrived.keys()
        while waiting:
            part, result = next(self._arriving)
            self._arrived[part] = result
            waiting.discard(part)
        return [self._arrived.pop(part) for part in parts]

    @staticmethod
    def _compute(spread: Spread, parts: Sequence[Part], label: str) -> Iterator[tuple[Part, Any]]:
        results = spread.engine.map(_Parts(spread.load), parts)
        for _ in spread.track(parts, label):
            index, result = next(results)
            if isinstance(result, WorkerLost):
                raise result
            yield parts[index], result
