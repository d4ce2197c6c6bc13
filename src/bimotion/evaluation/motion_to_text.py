"""Motion to text: whether generated captions find their motions, and how close they are to reference captions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bimotion.captions.sentence import plain_words
from bimotion.evaluation.caption_scores import (
    bert_score,
    bleu,
    cider_d,
    published_bleu,
    rouge_l,
)
from bimotion.evaluation.evaluation_set import EvaluationSet
from bimotion.evaluation.intervals import interval_of
from bimotion.evaluation.motions import chunks
from bimotion.evaluation.protocols import Protocol
from bimotion.evaluation.scores import REAL, SYSTEM, Scores, summarised
from bimotion.evaluation.shards import Part, Spread, Subject
from bimotion.evaluation.text_to_motion import group_retrieval
from bimotion.evaluators.tagged_words import token_captions

EMPTY_CAPTION = "nothing"
"""Text that is embedded in place of an empty caption."""


@dataclass(frozen=True)
class GeneratedCaptions:
    """The captions of some windows: a part of an evaluation."""

    repeat: int
    """Number of the repeat, whose crops are read."""
    rows: range
    """The windows."""

    def __call__(self, subject: Subject) -> list[str]:
        """The system's captions."""
        motions = subject.evaluation_set.repeat(self.repeat).motions
        return subject.system.features_to_text(motions[self.rows.start : self.rows.stop])


def motion_to_text(
    subject: Subject, repeats: int, spread: Spread, *, with_bert_score: bool = False
) -> Scores:
    """Scores of a system's captions; motions that are the same in every repeat are captioned once.

    Parts: `motion_to_text` (retrieval, also of the reference captions), `captions_raw` (against the captions as
    written) and `captions_tokens` (against their tokens). Empty captions are excluded from the last two.

    Raises:
        ConfigError: a library that scores captions is not installed.
    """
    evaluation_set, embedder = subject.evaluation_set, subject.embedder
    protocol = evaluation_set.protocol
    found: dict[str, list[dict[str, float]]] = {REAL: [], SYSTEM: []}
    compared: dict[str, list[dict[str, float]]] = {"captions_raw": [], "captions_tokens": []}
    generated: list[str] = []
    parts: dict[int, list[Part]] = {
        number: [GeneratedCaptions(number, rows) for rows in chunks(len(evaluation_set))]
        for number in range(repeats if protocol.crops else 1)
    }
    results = spread.run([part for several in parts.values() for part in several], "motion to text")
    for number in range(repeats):
        repeat = evaluation_set.repeat(number)
        if number in parts:
            generated = [caption for several in results.take(parts[number]) for caption in several]
            motions = embedder.embed_motions(repeat.motions)
            for name, row in _compare(
                evaluation_set, generated, embedder.tagged, number, with_bert_score
            ).items():
                compared[name].append(row)
        order = np.random.default_rng([evaluation_set.seed, 5, number]).permutation(len(evaluation_set))
        spoken = [caption if caption.strip() else EMPTY_CAPTION for caption in generated]
        for name, captions in ((REAL, repeat.captions), (SYSTEM, spoken)):
            correct = evaluation_set.correct_answers(captions)
            hits = group_retrieval(protocol, subject.texts.of(captions), motions, order, correct)
            found[name].append(hits.scores())
    interval = interval_of(normal=protocol.normal_interval)
    scores: Scores = {"motion_to_text": {row: summarised(rows, interval) for row, rows in found.items()}}
    for name, rows in compared.items():
        scores[name] = {SYSTEM: summarised(rows, interval)} if rows else {}
    return scores


def _compare(
    evaluation_set: EvaluationSet,
    generated: Sequence[str],
    tagged: Mapping[str, Sequence[str]],
    number: int,
    with_bert_score: bool,
) -> dict[str, dict[str, float]]:
    """Scores against the captions as written and against their tokens; nothing if all captions are empty."""
    protocol = evaluation_set.protocol
    rated = [
        (item, caption)
        for item, caption in zip(evaluation_set.items, generated, strict=True)
        if caption.strip()
    ]
    if not rated:
        return {}
    captions = [caption for _, caption in rated]
    references = [evaluation_set.references(item) for item, _ in rated]
    tokens = [token_captions(each, tagged) for each in references]
    plain = [" ".join(plain_words(each)) for each in captions] if protocol.plain_captions else captions
    return {
        name: _caption_scores(
            protocol,
            candidates,
            reference_sets,
            np.random.default_rng([evaluation_set.seed, 6, number]),
            with_bert_score,
        )
        for name, candidates, reference_sets in (
            ("captions_raw", captions, references),
            ("captions_tokens", plain, tokens),
        )
    }


def _caption_scores(
    protocol: Protocol,
    captions: Sequence[str],
    references: Sequence[Sequence[str]],
    bootstrap: np.random.Generator,
    with_bert_score: bool,
) -> dict[str, float]:
    score = published_bleu if protocol.nmt_scores else bleu
    values = {
        "bleu_1": score(captions, references, 1),
        "bleu_4": score(captions, references, 4),
        "rouge_l": rouge_l(captions, references, bootstrap if protocol.nmt_scores else None),
        "cider_d": cider_d(captions, references),
    }
    return {**values, "bert_score": bert_score(captions, references)} if with_bert_score else values
