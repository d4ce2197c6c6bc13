"""Similarity of captions to reference captions: BLEU, ROUGE-L, CIDEr-D, BERTScore.

Every function takes one caption and one or more references per item, and returns one number. BLEU, ROUGE-L and
BERTScore run from 0 to 1 (BERTScore, being rescaled, also a little below), CIDEr-D from 0 to 10.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np

from bimotion.captions.sentence import plain_words
from bimotion.errors import ConfigError, DataError, ModelError

CIDER_ORDER = 4
CIDER_SIGMA = 6.0
BOOTSTRAP_SAMPLES = 1000

Ngrams = Mapping[tuple[str, ...], float]


def published_bleu(captions: Sequence[str], references: Sequence[Sequence[str]], order: int) -> float:
    """Corpus BLEU up to n-grams of `order`, without smoothing, as published for motion captions.

    Punctuation becomes spaces, letters lower case. The brevity penalty takes each item's shortest reference, where
    BLEU as defined takes the one nearest in length: a short reference makes it milder.

    Source: compute_bleu of tensorflow/nmt; Papineni et al. 2002.

    Raises:
        DataError: there are no captions, or an item has no reference.
    """
    _check(captions, references)
    matches, possible = np.zeros(order), np.zeros(order)
    length = reference_length = 0
    for caption, item_references in zip(captions, references, strict=True):
        words = plain_words(caption)
        others = [plain_words(reference) for reference in item_references]
        length += len(words)
        reference_length += min(map(len, others))
        for n in range(1, order + 1):
            most: Counter[tuple[str, ...]] = Counter()
            for other in others:
                most |= _ngrams(other, n)
            matches[n - 1] += (_ngrams(words, n) & most).total()
            possible[n - 1] += max(len(words) - n + 1, 0)
    if not matches.all() or not reference_length:
        return 0.0
    precision = math.exp(float(np.log(matches / possible).mean()))
    return precision * (1.0 if length > reference_length else math.exp(1 - reference_length / length))


def bleu(captions: Sequence[str], references: Sequence[Sequence[str]], order: int) -> float:
    """Corpus BLEU of sacrebleu (tokens as in mteval-13a, lower case, exponential smoothing), over 100.

    Raises:
        ConfigError: sacrebleu is not installed.
        DataError: there are no captions, or an item has no reference.
    """
    _check(captions, references)
    try:
        from sacrebleu.metrics.bleu import BLEU
    except ImportError as error:
        raise ConfigError("BLEU needs sacrebleu: pip install 'bimotion[eval]'") from error
    most = max(map(len, references))  # sacrebleu takes None where an item has fewer references
    columns = [[row[index] if index < len(row) else None for row in references] for index in range(most)]
    metric = BLEU(lowercase=True, max_ngram_order=order)
    return float(metric.corpus_score(list(captions), cast(list[list[str]], columns)).score) / 100


def rouge_l(
    captions: Sequence[str], references: Sequence[Sequence[str]], bootstrap: np.random.Generator | None = None
) -> float:
    """Mean over items of the best ROUGE-L F-measure among an item's references, without stemming.

    Published numbers are the median of the means of 1,000 resamples of the items instead: `bootstrap` draws them.

    Raises:
        ConfigError: rouge-score is not installed.
        DataError: there are no captions, or an item has no reference.
    """
    _check(captions, references)
    try:
        from rouge_score.rouge_scorer import RougeScorer
    except ImportError as error:
        raise ConfigError("ROUGE-L needs rouge-score: pip install 'bimotion[eval]'") from error
    scorer = RougeScorer(["rougeL"], use_stemmer=False)
    values = np.array(
        [
            max(scorer.score(reference, caption)["rougeL"].fmeasure for reference in item_references)
            for caption, item_references in zip(captions, references, strict=True)
        ]
    )
    if bootstrap is None:
        return float(values.mean())
    drawn = [bootstrap.choice(values, len(values)).mean() for _ in range(BOOTSTRAP_SAMPLES)]
    return float(np.median(drawn))


def cider_d(captions: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """Mean CIDEr-D: n-grams up to 4, weighted by inverse document frequency; words are not normalised.

    Case and punctuation count: "walks." is another word than "walks".

    Source: Vedantam et al. 2015, section 4 and the variant CIDEr-D of section 6; document frequencies from the
    references given.

    Raises:
        DataError: there are no captions, or an item has no reference.
    """
    _check(captions, references)
    counted = [[_all_ngrams(reference) for reference in item_references] for item_references in references]
    frequency: Counter[tuple[str, ...]] = Counter()
    for item_references in counted:
        frequency.update({ngram for one in item_references for ngram in one})
    items = math.log(len(references))
    scores = []
    for caption, item_references in zip(captions, counted, strict=True):
        vectors = _weighted(_all_ngrams(caption), frequency, items)
        similarities = [_similarity(vectors, _weighted(one, frequency, items)) for one in item_references]
        scores.append(10 * float(np.mean(similarities)))
    return float(np.mean(scores))


def bert_score(
    captions: Sequence[str], references: Sequence[Sequence[str]], device: str | None = None
) -> float:
    """Mean F1 of BERTScore with its default English model (roberta-large), rescaled, weighted by idf.

    Raises:
        ConfigError: bert-score is not installed.
        ModelError: its model cannot be loaded.
        DataError: there are no captions, or an item has no reference.
    """
    _check(captions, references)
    try:
        from bert_score import score
    except ImportError as error:
        raise ConfigError("BERTScore needs bert-score: pip install 'bimotion[bertscore]'") from error
    try:
        _, _, f1 = score(
            list(captions),
            [list(item_references) for item_references in references],
            lang="en",
            rescale_with_baseline=True,
            idf=True,
            device=device,
        )
    except OSError as error:
        why = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(
            f"BERTScore's model roberta-large cannot be loaded: {why}; download it once with a network connection, "
            "or omit BERTScore"
        ) from error
    return float(f1.mean())


def _check(captions: Sequence[str], references: Sequence[Sequence[str]]) -> None:
    if not captions or len(captions) != len(references):
        raise DataError(
            f"expected as many captions as lists of references, at least one, got {len(captions)} and {len(references)}"
        )
    for number, item_references in enumerate(references):
        if not item_references:
            raise DataError(f"item {number} has no reference caption; exclude it")


def _ngrams(words: Sequence[str], n: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[start : start + n]) for start in range(len(words) - n + 1))


def _all_ngrams(text: str) -> Counter[tuple[str, ...]]:
    counts: Counter[tuple[str, ...]] = Counter()
    for n in range(1, CIDER_ORDER + 1):
        counts += _ngrams(text.split(), n)
    return counts


def _weighted(
    counts: Ngrams, frequency: Mapping[tuple[str, ...], int], items: float
) -> tuple[list[dict[tuple[str, ...], float]], float]:
    """tf-idf weights of n-grams by their length, and the number of bigrams."""
    vectors: list[dict[tuple[str, ...], float]] = [{} for _ in range(CIDER_ORDER)]
    bigrams = 0.0
    for ngram, count in counts.items():
        vectors[len(ngram) - 1][ngram] = count * (items - math.log(max(1, frequency.get(ngram, 0))))
        bigrams += count if len(ngram) == 2 else 0
    return vectors, bigrams


def _similarity(candidate: Any, reference: Any) -> float:
    """Mean over n of the clipped cosine, with the penalty on the length difference."""
    penalty = math.exp(-((candidate[1] - reference[1]) ** 2) / (2 * CIDER_SIGMA**2))
    total = 0.0
    for vector, other in zip(candidate[0], reference[0], strict=True):
        size = math.sqrt(sum(v * v for v in vector.values()) * sum(v * v for v in other.values()))
        shared = sum(
            min(value, other.get(ngram, 0.0)) * other.get(ngram, 0.0) for ngram, value in vector.items()
        )
        total += shared / size if size > 0 else 0.0
    return penalty * total / CIDER_ORDER
