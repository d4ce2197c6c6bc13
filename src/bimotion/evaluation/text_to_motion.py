"""Text to motion: R-precision, MM-Dist, FID, Diversity and MultiModality, one repeat at a time.

Motions are generated, embedded, measured and discarded chunk by chunk, so memory does not grow with the data set.

Legend: N items, D embedding width.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from bimotion.evaluation.distribution import (
    Gaussian,
    diversity,
    draw_distinct_pairs,
    draw_pairs,
    frechet_distance,
    multimodality,
)
from bimotion.evaluation.evaluation_set import EvaluationSet, Repeat
from bimotion.evaluation.first_repeat import CaseSelection, FirstRepeat, describe_first_repeat
from bimotion.evaluation.motion_folder import MotionFolder
from bimotion.evaluation.motion_statistics import MotionStatistics
from bimotion.evaluation.motions import CHUNK, Motion, chunks, motion_features
from bimotion.evaluation.protocols import Protocol
from bimotion.evaluation.retrieval import (
    Retrieval,
    filled_groups,
    pair_distances,
    retrieval,
    whole_groups,
)
from bimotion.evaluation.scores import REAL, SYSTEM
from bimotion.evaluation.systems import TextMotionSystem
from bimotion.evaluators.embedding import Embedder, Embeddings

Track = Callable[[Sequence[Any], str], Iterator[Any]]
"""Shows progress: yields the items that it is given."""

Source = TextMotionSystem | MotionFolder | None
"""Where generated motions come from; None: only the recorded motions are scored."""

MULTIMODALITY_SEEDS = 1 << 40
"""First seed for MultiModality, beyond the seeds of all other motions."""


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


class TextToMotion:
    """Scores of the recorded motions and of a source's motions, repeat by repeat."""

    def __init__(
        self, evaluation_set: EvaluationSet, source: Source, embedder: Embedder, track: Track
    ) -> None:
        self._set, self._source, self._embedder, self._track = evaluation_set, source, embedder, track
        self._texts = CaptionEmbeddings(embedder)
        self._real: Embeddings | None = None
        self._folder_sets: dict[int, Embeddings] = {}

    def repeat(self, number: int) -> tuple[dict[str, dict[str, float]], FirstRepeat | None]:
        """Scores per row (`real`, `system`), and with repeat 0 what a report shows of it.

        Raises:
            DataError: the protocol needs more motions than there are.
        """
        protocol, source = self._set.protocol, self._source
        repeat = (
            source.repeat(self._set, number) if isinstance(source, MotionFolder) else self._set.repeat(number)
        )
        rng = np.random.default_rng([self._set.seed, 4, number])
        order = rng.permutation(len(self._set))
        text = self._texts.of(repeat.captions)
        if self._real is None or protocol.crops:
            self._real = self._embedder.embed_motions(repeat.motions)
        real = self._real
        found = {REAL: group_retrieval(protocol, text, real, order, repeat.correct)}
        reference = Gaussian.of(real)
        rows = {REAL: {**found[REAL].scores(), **self._real_fid(number, reference)}}
        rows[REAL]["diversity"] = _diversity(protocol, real, rng)
        points, cases = {REAL: real}, CaseSelection()
        statistics: dict[str, MotionStatistics] = {}
        if source is not None:
            generated = self._embed_generated(repeat, text, statistics, cases)
            points[SYSTEM] = generated
            found[SYSTEM] = group_retrieval(protocol, text, generated, order, repeat.correct)
            fid = frechet_distance(reference, Gaussian.of(generated))
            rows[SYSTEM] = {**found[SYSTEM].scores(), "fid": fid}
            rows[SYSTEM]["diversity"] = _diversity(protocol, generated, rng)
            if not isinstance(source, MotionFolder):
                rows[SYSTEM]["multimodality"] = self._multimodality(repeat, source, rng)
        if number:
            return rows, None
        statistics = {REAL: self._measure_recorded(repeat, text, cases), **statistics}
        return rows, describe_first_repeat(self._set, points, found, statistics, cases)

    def _real_fid(self, number: int, first_draw: Gaussian) -> dict[str, float]:
        """FID between two draws of the recorded motions, in the repeats in which the protocol measures it."""
        limit = self._set.protocol.real_fid_repeats
        if limit is not None and number >= limit:
            return {}
        second = self._embedder.embed_motions(self._set.second_draw(number))
        return {"fid": frechet_distance(first_draw, Gaussian.of(second))}

    def _embed_generated(
        self,
        repeat: Repeat,
        text: Embeddings,
        statistics: dict[str, MotionStatistics],
        cases: CaseSelection,
    ) -> Embeddings:
        """Embeddings of the source's motions; in repeat 0 also their statistics and notable cases."""
        source = self._source
        set_number = repeat.number % source.num_sets if isinstance(source, MotionFolder) else None
        if set_number is not None and set_number in self._folder_sets:
            return self._folder_sets[set_number]
        if not repeat.number:
            statistics[SYSTEM] = MotionStatistics()
        parts = []
        for rows in self._track(list(chunks(len(self._set))), f"text to motion, repeat {repeat.number + 1}"):
            motions = self._generate(repeat, rows)
            parts.append(self._embedder.embed_motions([motion_features(motion) for motion in motions]))
            if repeat.number:
                continue
            for index, motion, apart in zip(
                rows, motions, pair_distances(text[rows.start : rows.stop], parts[-1]), strict=True
            ):
                statistics[SYSTEM].add(motion, repeat.captions[index])
                cases.add(repeat.captions[index], index, float(apart), motion)
        embeddings = np.concatenate(parts)
        if set_number is not None:
            self._folder_sets[set_number] = embeddings
        return embeddings

    def _generate(self, repeat: Repeat, rows: range) -> Sequence[Motion]:
        """The source's motions for some windows of a repeat."""
        if isinstance(self._source, MotionFolder):
            return self._source.motions(repeat.number, rows)
        assert self._source is not None
        seed = self._set.seed + repeat.number * len(self._set) + rows.start
        at = slice(rows.start, rows.stop)
        return self._source.text_to_motions(repeat.captions[at], repeat.frames[at], seed)

    def _measure_recorded(self, repeat: Repeat, text: Embeddings, cases: CaseSelection) -> MotionStatistics:
        """Statistics of the recorded motions; without a source, also the notable cases."""
        statistics = MotionStatistics()
        assert self._real is not None
        distances = pair_distances(text, self._real)
        for index in self._track(range(len(self._set)), "recorded motions"):
            motion, caption = repeat.motions[index], repeat.captions[index]
            statistics.add(motion, caption)
            if self._source is None:
                cases.add(caption, index, float(distances[index]), motion)
        return statistics

    def _multimodality(self, repeat: Repeat, system: TextMotionSystem, rng: np.random.Generator) -> float:
        """Mean distance between motions of one text, over texts drawn anew."""
        protocol = self._set.protocol
        per_text = protocol.multimodality_motions
        chosen = rng.permutation(len(self._set))[: protocol.multimodality_texts]
        first_seed = MULTIMODALITY_SEEDS + self._set.seed + repeat.number * len(chosen) * per_text
        texts_per_chunk = max(CHUNK // per_text, 1)
        parts = []
        label = f"multimodality, repeat {repeat.number + 1}"
        for rows in self._track(list(chunks(len(chosen), texts_per_chunk)), label):
            at = [chosen[row] for row in rows for _ in range(per_text)]
            motions = system.text_to_motions(
                [repeat.captions[index] for index in at],
                [repeat.frames[index] for index in at],
                first_seed + rows.start * per_text,
            )
            parts.append(self._embedder.embed_motions([motion_features(motion) for motion in motions]))
        embeddings = np.concatenate(parts).reshape(len(chosen), per_text, -1)
        draw = draw_pairs if protocol.self_pairs else draw_distinct_pairs
        return multimodality(embeddings, *draw(per_text, protocol.multimodality_pairs, rng))


def group_retrieval(
    protocol: Protocol,
    text: Embeddings,
    motion: Embeddings,
    order: Int[np.ndarray, " N"],
    correct: Bool[np.ndarray, "N N"] | None,
) -> Retrieval:
    """Retrieval in groups as the protocol forms them."""
    if protocol.drops_remainder:
        return retrieval(text, motion, whole_groups(order), correct=correct)
    groups, counted = filled_groups(order)
    return retrieval(text, motion, groups, counted=counted, correct=correct)


def _diversity(protocol: Protocol, embeddings: Embeddings, rng: np.random.Generator) -> float:
    draw = draw_pairs if protocol.self_pairs else draw_distinct_pairs
    return diversity(embeddings, *draw(len(embeddings), protocol.diversity_pairs, rng))
