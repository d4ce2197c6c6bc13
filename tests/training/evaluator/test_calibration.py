"""The fit of a calibration, on pairs whose probabilities are known."""

from dataclasses import replace

import numpy as np
import pytest

from bimotion.evaluators.calibration import count_stems
from bimotion.training.evaluator.calibration import (
    LearnedStems,
    Query,
    caption_coverage,
    draw_queries,
    fit_calibration,
    fit_logistic,
    search_pairs,
)
from tests.data.made_up_set import synthetic_item


def test_the_logistic_fit_finds_the_probabilities_that_labels_were_drawn_with() -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, 20_000)
    y = rng.random(len(x)) < 1 / (1 + np.exp(-(4 * x - 1)))
    slope, intercept = fit_logistic(x, y, np.ones(len(x)))
    assert slope == pytest.approx(4, rel=0.05)
    assert intercept == pytest.approx(-1, abs=0.08)
    # pairs that count twice are pairs that stand there twice
    weights = np.where(y, 2.0, 1.0)
    doubled = fit_logistic(np.concatenate([x, x[y]]), np.concatenate([y, y[y]]), np.ones(len(x) + y.sum()))
    assert fit_logistic(x, y, weights) == pytest.approx(doubled, rel=1e-6)


def test_separable_labels_give_a_finite_slope() -> None:
    slope, _ = fit_logistic(np.array([0.1, 0.2, 0.8, 0.9]), np.array([False, False, True, True]), np.ones(4))
    assert 0 < slope < 1e4


def test_each_query_is_searched_with_and_without_its_true_motions() -> None:
    cosines = np.array([[0.9, 0.8, 0.1], [0.2, 0.7, 0.6]])
    true = np.array([[True, False, False], [False, False, True]])
    false = np.array([[False, True, True], [True, False, False]])
    scores, labels, rows = search_pairs(cosines, true, false)
    assert scores.tolist() == [0.9, 0.6, 0.8, 0.2]  # 0.7 is neither true nor false
    assert labels.tolist() == [True, True, False, False]
    assert rows.tolist() == [0, 1, 0, 1]


def test_coverage_is_the_share_of_a_query_in_one_caption() -> None:
    number, words = count_stems(["a person walks.", "a person waves.", "a person walks slowly."])
    known = fit_prior(number, words)
    coverage = caption_coverage(
        known,
        ["a person walks", "a person waves slowly"],
        [("a person walks.",), ("someone waves.", "slowly.")],
    )
    assert coverage[0] == pytest.approx([1, 0], abs=0.01)
    assert coverage[1, 0] < 0.1
    assert coverage[1, 1] == pytest.approx(0.5, abs=0.1)


def fit_prior(number: int, words: dict[str, int]):  # type: ignore[no-untyped-def]
    from bimotion.evaluators.calibration import Calibration

    return Calibration(1.0, 0.0, number, words)


def test_an_evaluator_that_separates_contents_gets_a_limit_between_them() -> None:
    names = ("walks", "waves", "jumps", "kicks")
    items = [
        synthetic_item(split="val", id=f"{name}{number}#0", content=name, captions=(f"a person {name}.",))
        for name in names
        for number in range(5)
    ]
    axes = {name: np.eye(8)[index] for index, name in enumerate(names)}
    rng = np.random.default_rng(0)
    motion = np.stack([axes[item.content] + 0.2 * rng.normal(size=8) for item in items])
    queries = draw_queries(items)
    assert sorted(query.content for query in queries) == sorted(names)
    text = np.stack([axes[query.content] for query in queries])
    known = LearnedStems(*count_stems(caption for item in items for caption in item.captions))
    calibration = fit_calibration(queries, text, items, motion, known)
    assert calibration is not None
    true, false = calibration.probability(np.array([0.9, 0.2]))
    assert true > 0.8
    assert false < 0.2
    assert calibration.known_share("a person swims") < 0.5
    same = [replace(item, content="walk", captions=("a person walks.",)) for item in items]
    assert fit_calibration([Query("a person walks.", "walk")], text[:1], same, motion, known) is None
