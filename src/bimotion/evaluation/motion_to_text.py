"""Motion to text: whether generated captions find their motions, and how close they are to reference captions."""

from collections.abc import Mapping, Sequence

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
from bimotion.evaluation.systems import TextMotionSystem
from bimotion.evaluation.text_to_motion import CaptionEmbeddings, Track, group_retrieval
from bimotion.evaluators.embedding import Embedder
from bimotion.evaluators.tagged_words import token_captions

EMPTY_CAPTION = "nothing"
"""Text that is embedded in place of an empty caption."""


def motion_to_text(
    evaluation_set: EvaluationSet,
    system: TextMotionSystem,
    embedder: Embedder,
    repeats: int,
    track: Track,
    *,
    with_bert_score: bool = False,
) -> Scores:
    """Scores of a system's captions; motions that are the same in every repeat are captioned once.

    Parts: `motion_to_text` (retrieval, also of the reference captions), `captions_raw` (against the captions as
    written) and `captions_tokens` (against their tokens). Empty captions are excluded from the last two.

    Raises:
        ConfigError: a library that scores captions is not installed.
    """
    protocol = evaluation_set.protocol
    texts = CaptionEmbeddings(embedder)
    found: dict[str, list[dict[str, float]]] = {REAL: [], SYSTEM: []}
    compared: dict[str, list[dict[str, float]]] = {"captions_raw": [], "captions_tokens": []}
    generated: list[str] = []
    for number in range(repeats):
        repeat = evaluation_set.repeat(number)
        if not generated or protocol.crops:
            label = f"motion to text, repeat {number + 1}"
            generated = []
            for rows in track(list(chunks(len(evaluation_set))), label):
                generated += system.features_to_text(repeat.motions[rows.start : rows.stop])
            motions = embedder.embed_motions(repeat.motions)
            for name, row in _compare(
                evaluation_set, generated, embedder.tagged, number, with_bert_score
            ).items():
                compared[name].append(row)
        order = np.random.default_rng([evaluation_set.seed, 5, number]).permutation(len(evaluation_set))
        spoken = [caption if caption.strip() else EMPTY_CAPTION for caption in generated]
        for name, captions in ((REAL, repeat.captions), (SYSTEM, spoken)):
            correct = evaluation_set.correct_answers(captions)
            hits = group_retrieval(protocol, texts.of(captions), motions, order, correct)
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
