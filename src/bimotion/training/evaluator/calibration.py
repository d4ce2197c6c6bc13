"""Fitting an evaluator's calibration on held-out captions and motions.

The fit imitates a search: each held-out caption is looked up among the held-out motions, and the nearest one is
labelled as true or false of it. It is looked up a second time without the matching motions, so that searches for
motions that a library lacks are part of the fit. All content groups have the same weight.

Legend: Q captions, N motions, D embedding width.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from bimotion.data.store import Item
from bimotion.data.window_features import Features
from bimotion.evaluators.calibration import Calibration, count_stems, stems
from bimotion.evaluators.embedding import ContrastiveEmbedder, unit_rows
from bimotion.evaluators.folder import ContrastiveParts
from bimotion.evaluators.logistic import logistic_regression

MAX_QUERIES = 2000
"""Held-out captions that are looked up, drawn at random if there are more."""

TRUE_SHARE, FALSE_SHARE = 0.85, 0.5
"""A caption is true of a motion if at least this share of its words, weighted by rarity, occurs in one of the motion's
captions. It is false below the second share if the motion also belongs to another content group; a caption that differs
in manner only ("happily") may be true, and is left out."""

RIDGE = 1e-4
"""Regularisation of the logistic fit, which keeps it finite if true and false pairs are separable."""


@dataclass(frozen=True)
class LearnedStems:
    """Stems of the words in an evaluator's training captions."""

    num_captions: int
    """Captions in which words were counted."""
    stems: dict[str, int]
    """Number of these captions that contain each word stem."""

    @classmethod
    def of(cls, training: Sequence[Item]) -> "LearnedStems":
        """The words of the captions of training windows."""
        return cls(*count_stems([caption for item in training for caption in item.captions]))


def calibrate(
    parts: ContrastiveParts,
    held_out: Sequence[Item],
    features: Sequence[Features],
    known: LearnedStems,
) -> Calibration | None:
    """The calibration of an evaluator on held-out windows with their features (not normalised).

    None if nothing can be fitted: without held-out captions, or where all pairs are true or all false.
    """
    queries = draw_queries(held_out)
    if not queries:
        return None
    was_training = parts.network.training
    parts.network.eval()
    embedder = ContrastiveEmbedder(parts)
    text = embedder.embed_texts([query.caption for query in queries])
    motion = embedder.embed_motions(features)
    parts.network.train(was_training)
    return fit_calibration(queries, text, held_out, motion, known)


@dataclass(frozen=True)
class Query:
    """A held-out caption that is looked up."""

    caption: str
    """The caption."""
    content: str
    """Content group of its motion."""


def fit_calibration(
    queries: Sequence[Query],
    text: Float[np.ndarray, "Q D"],
    items: Sequence[Item],
    motion: Float[np.ndarray, "N D"],
    known: LearnedStems,
) -> Calibration | None:
    """The calibration of an evaluator by embeddings of held-out captions and motions.

    `queries` have the embeddings `text`, the motions of `items` the embeddings `motion`. None if there are no true or
    no false pairs.
    """
    prior = Calibration(1.0, 0.0, known.num_captions, known.stems)
    coverage = caption_coverage(
        prior, [query.caption for query in queries], [item.captions for item in items]
    )
    contents = np.array([item.content for item in items])
    other = np.array([query.content for query in queries])[:, None] != contents
    if not other.any():
        other[:] = True  # a data set without content groups
    cosines = unit_rows(text) @ unit_rows(motion).T
    scores, labels, rows = search_pairs(cosines, coverage >= TRUE_SHARE, (coverage < FALSE_SHARE) & other)
    if not labels.any() or labels.all():
        return None
    frequency = Counter(query.content for query in queries)
    weights = np.array([1 / frequency[queries[row].content] for row in rows])
    # Prior odds of 1: how often the nearest motion is right depends on the library, not on the pair.
    weights /= np.where(labels, weights[labels].sum(), weights[~labels].sum())
    slope, intercept = fit_logistic(scores, labels, weights)
    return replace(prior, slope=slope, intercept=intercept) if slope > 0 else None


def caption_coverage(
    weights: Calibration, queries: Sequence[str], captions: Sequence[Sequence[str]]
) -> Float[np.ndarray, "Q N"]:
    """Share of each query's weighted words in the best-covering caption of each motion."""
    vocabulary = {stem: index for index, stem in enumerate(sorted(set().union(*map(stems, queries))))}
    idf = np.array([weights.weight(stem) for stem in vocabulary], dtype=np.float32)
    query_weights = np.zeros((len(queries), len(vocabulary)), dtype=np.float32)
    for row, query in zip(query_weights, queries, strict=True):
        row[[vocabulary[stem] for stem in stems(query)]] = 1
    query_weights *= idf
    total = np.maximum(query_weights.sum(1), 1e-9)
    coverage = np.zeros((len(queries), len(captions)))
    for index, item_captions in enumerate(captions):
        contains = np.zeros((len(vocabulary), len(item_captions)), dtype=np.float32)
        for column, caption in enumerate(item_captions):
            contains[[vocabulary[stem] for stem in stems(caption) if stem in vocabulary], column] = 1
        if item_captions:
            coverage[:, index] = (query_weights @ contains).max(1) / total
    return coverage


def search_pairs(
    cosines: Float[np.ndarray, "Q N"], true: Bool[np.ndarray, "Q N"], false: Bool[np.ndarray, "Q N"]
) -> tuple[Float[np.ndarray, " P"], Bool[np.ndarray, " P"], Int[np.ndarray, " P"]]:
    """Cosine and label of the nearest motion to each query, with and without the true motions; and its query."""
    scores, labels, rows = [], [], []
    for allowed in (true | false, false):
        found = np.flatnonzero(allowed.any(1))
        masked = np.where(allowed[found], cosines[found], -np.inf)
        nearest = masked.argmax(1)
        scores.append(masked.max(1))
        labels.append(true[found, nearest])
        rows.append(found)
    return np.concatenate(scores), np.concatenate(labels), np.concatenate(rows)


def fit_logistic(
    x: Float[np.ndarray, " P"], y: Bool[np.ndarray, " P"], weights: Float[np.ndarray, " P"]
) -> tuple[float, float]:
    """Slope and intercept of the weighted logistic regression of y on x."""
    slopes, intercept = logistic_regression(x[:, None], y, weights, RIDGE)
    return float(slopes[0]), intercept


def draw_queries(items: Sequence[Item], seed: int = 0) -> list[Query]:
    """Distinct held-out captions to look up, at most `MAX_QUERIES`."""
    distinct = list(
        dict.fromkeys(Query(caption, item.content) for item in items for caption in item.captions)
    )
    order = np.random.default_rng(seed).permutation(len(distinct))[:MAX_QUERIES]
    return [distinct[index] for index in sorted(order)]
