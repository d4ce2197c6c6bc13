"""Motion to text: do captions find their motions, and are they what people wrote."""

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
from bimotion.evaluation.evaluation_set import Asked
from bimotion.evaluation.intervals import Measured
from bimotion.evaluation.protocols import Protocol
from bimotion.evaluation.scores import REAL, SYSTEM, summarised
from bimotion.evaluation.systems import TextMotionSystem
from bimotion.evaluation.text_to_motion import (
    CaptionPoints,
    Track,
    in_groups,
    interval_of,
    retrieval_scores,
)
from bimotion.evaluators.embedding import Embedder
from bimotion.evaluators.tagged_words import token_captions

NO_WORDS = "nothing"
"""What stands for an empty caption where it is embedded."""


@dataclass(frozen=True)
class MotionToText:
    """What `motion_to_text` measured."""

    retrieval: dict[str, dict[str, Measured]]
    """How the captions of people and of the system find their motions."""
    raw: dict[str, dict[str, Measured]]
    """How near captions are to the captions as written."""
    tokens: dict[str, dict[str, Measured]]
    """How near they are to the captions' tokens."""
    said: list[str]
    """The system's captions in the first repeat."""


def motion_to_text(
    asked: Asked,
    system: TextMotionSystem,
    embedder: Embedder,
    repeats: int,
    track: Track,
    *,
    tagged: Mapping[str, Sequence[str]],
    with_bert_score: bool = False,
) -> MotionToText:
    """Scores of a system's captions; motions that are the same in every repeat are captioned once.

    `tagged` are the data set's tagged words. Empty captions are left out where captions are compared.

    Raises:
        ConfigError: a library that scores captions is not installed.
    """
    protocol = asked.protocol
    texts = CaptionPoints(embedder)
    found: dict[str, list[dict[str, float]]] = {REAL: [], SYSTEM: []}
    compared: dict[str, list[dict[str, float]]] = {"raw": [], "tokens": []}
    first: list[str] = []
    said: list[str] = []
    for number in track(range(repeats), "motion to text"):
        part = asked.round(number)
        rng = np.random.default_rng([asked.seed, 5, number])
        if not said or protocol.crops:
            said = system.features_to_text(part.motions)
            motions = embedder.embed_motions(part.motions)
            first = first or said
            rated = [
                (item, caption) for item, caption in zip(asked.items, said, strict=True) if caption.strip()
            ]
            captions = [caption for _, caption in rated]
            references = [asked.references(item) for item, _ in rated]
            tokens = [token_captions(theirs, tagged) for theirs in references]
            plain = (
                [" ".join(plain_words(each)) for each in captions] if protocol.plain_captions else captions
            )
            for name, ours, theirs in (("raw", captions, references), ("tokens", plain, tokens)):
                if captions:
                    bootstrap = np.random.default_rng([asked.seed, 6, number])
                    compared[name].append(_compare(protocol, ours, theirs, bootstrap, with_bert_score))
        order = rng.permutation(len(asked))
        spoken = [caption if caption.strip() else NO_WORDS for caption in said]
        for row, captions in ((REAL, part.captions), (SYSTEM, spoken)):
            hits = in_groups(protocol, texts.of(captions), motions, order, asked.alike(captions))
            found[row].append(retrieval_scores(hits))
    interval = interval_of(protocol)
    near = {name: {SYSTEM: summarised(rows, interval)} if rows else {} for name, rows in compared.items()}
    return MotionToText(
        {row: summarised(rows, interval) for row, rows in found.items()}, near["raw"], near["tokens"], first
    )


def _compare(
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
