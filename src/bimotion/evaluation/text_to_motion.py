"""Text to motion: R-precision, MM-Dist, FID, Diversity and MultiModality, one repeat at a time.

Motions are generated, embedded, measured and discarded chunk by chunk, so memory does not grow with the data set.

Legend: N items, D embedding width.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from bimotion.evaluation.distribution import Gaussian, diversity, frechet_distance, multimodality
from bimotion.evaluation.evaluation_set import Repeat
from bimotion.evaluation.first_repeat import CaseSelection, FirstRepeat, describe_first_repeat
from bimotion.evaluation.motion_folder import MotionFolder
from bimotion.evaluation.motion_statistics import MotionStatistics
from bimotion.evaluation.protocols import Protocol
from bimotion.evaluation.retrieval import (
    Retrieval,
    filled_groups,
    pair_distances,
    retrieval,
    whole_groups,
)
from bimotion.evaluation.scores import REAL, SYSTEM
from bimotion.evaluation.shards import (
    Draws,
    GeneratedMotions,
    MotionsResult,
    Part,
    Subject,
    Track,
    Variants,
)
from bimotion.evaluators.embedding import Embeddings


class TextToMotion:
    """Scores of the recorded motions and of a source's motions, repeat by repeat, from the results of parts."""

    def __init__(self, subject: Subject, track: Track) -> None:
        self._subject, self._track = subject, track
        self._real: Embeddings | None = None
        self._folder_sets: dict[int, Embeddings] = {}

    def parts(self, number: int) -> list[Part]:
        """What has to be computed for a repeat; sets of a folder of motions are computed once."""
        subject = self._subject
        source = subject.source
        if source is None or (isinstance(source, MotionFolder) and number >= source.num_sets):
            return []
        generated: list[Part] = [*GeneratedMotions.all(subject, number)]
        return generated if isinstance(source, MotionFolder) else [*generated, *Variants.all(subject, number)]

    def repeat(
        self, number: int, results: Sequence[Any] = ()
    ) -> tuple[dict[str, dict[str, float]], FirstRepeat | None]:
        """Scores per row (`real`, `system`), and with repeat 0 what a report shows of it.

        `results` are those of the repeat's parts.

        Raises:
            DataError: the protocol needs more motions than there are.
        """
        subject, source = self._subject, self._subject.source
        evaluation_set, protocol = subject.evaluation_set, subject.evaluation_set.protocol
        repeat, draws = subject.repeat(number), Draws.of(subject, number)
        text = subject.texts.of(repeat.captions)
        if self._real is None or protocol.crops:
            self._real = subject.embedder.embed_motions(repeat.motions)
        real = self._real
        found = {REAL: group_retrieval(protocol, text, real, draws.order, repeat.correct)}
        reference = Gaussian.of(real)
        rows = {REAL: {**found[REAL].scores(), **self._real_fid(number, reference)}}
        rows[REAL]["diversity"] = diversity(real, *draws.real_pairs)
        points, cases = {REAL: real}, CaseSelection()
        statistics: dict[str, MotionStatistics] = {}
        if source is not None:
            generated = self._generated(number, results, statistics, cases)
            points[SYSTEM] = generated
            found[SYSTEM] = group_retrieval(protocol, text, generated, draws.order, repeat.correct)
            fid = frechet_distance(reference, Gaussian.of(generated))
            rows[SYSTEM] = {**found[SYSTEM].scores(), "fid": fid}
            assert draws.generated_pairs is not None
            rows[SYSTEM]["diversity"] = diversity(generated, *draws.generated_pairs)
            if draws.variant_pairs is not None:
                variants = [result for result in results if not isinstance(result, MotionsResult)]
                per_text = protocol.multimodality_motions
                embeddings = np.concatenate(variants)
                embeddings = embeddings.reshape(-1, per_text, embeddings.shape[-1])
                rows[SYSTEM]["multimodality"] = multimodality(embeddings, *draws.variant_pairs)
        if number:
            return rows, None
        statistics = {REAL: self._measure_recorded(repeat, text, cases), **statistics}
        return rows, describe_first_repeat(evaluation_set, points, found, statistics, cases)

    def _real_fid(self, number: int, first_draw: Gaussian) -> dict[str, float]:
        """FID between two draws of the recorded motions, in the repeats in which the protocol measures it."""
        evaluation_set = self._subject.evaluation_set
        limit = evaluation_set.protocol.real_fid_repeats
        if limit is not None and number >= limit:
            return {}
        second = self._subject.embedder.embed_motions(evaluation_set.second_draw(number))
        return {"fid": frechet_distance(first_draw, Gaussian.of(second))}

    def _generated(
        self,
        number: int,
        results: Sequence[Any],
        statistics: dict[str, MotionStatistics],
        cases: CaseSelection,
    ) -> Embeddings:
        """Embeddings of the source's motions; in repeat 0 also their statistics and notable cases."""
        source = self._subject.source
        set_number = number % source.num_sets if isinstance(source, MotionFolder) else None
        if set_number is not None and set_number in self._folder_sets:
            return self._folder_sets[set_number]
        motions = [result for result in results if isinstance(result, MotionsResult)]
        embeddings = np.concatenate([result.embeddings for result in motions])
        if not number:
            statistics[SYSTEM] = MotionStatistics()
            for result in motions:
                assert result.statistics is not None
                assert result.cases is not None
                statistics[SYSTEM].merge(result.statistics)
                cases.merge(result.cases)
        if set_number is not None:
            self._folder_sets[set_number] = embeddings
        return embeddings

    def _measure_recorded(self, repeat: Repeat, text: Embeddings, cases: CaseSelection) -> MotionStatistics:
        """Statistics of the recorded motions; without a source, also the notable cases."""
        statistics = MotionStatistics()
        assert self._real is not None
        distances = pair_distances(text, self._real)
        for index in self._track(range(len(repeat.captions)), "recorded motions"):
            motion, caption = repeat.motions[index], repeat.captions[index]
            statistics.add(motion, caption)
            if self._subject.source is None:
                cases.add(caption, index, float(distances[index]), motion)
        return statistics


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
