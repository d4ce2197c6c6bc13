"""The probability that a motion shows its sentence."""

import json
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bimotion
from bimotion.errors import ModelError
from bimotion.inference.doubt import DOUBT_FILE, Doubt, Evidence, fit_doubt, read_doubt, save_doubt

NAMES = [field.name for field in fields(Evidence)]


def evidence(rng: np.random.Generator, *, right: bool) -> Evidence:
    values = dict.fromkeys(NAMES, 0.0) | {
        "cosine": rng.normal(0.4 if right else 0.1, 0.1),
        "words": rng.normal(),
    }
    return Evidence(**values)


@pytest.fixture
def judged() -> tuple[list[Evidence], np.ndarray]:
    rng = np.random.default_rng(0)
    right = rng.random(400) < 0.7
    return [evidence(rng, right=bool(each)) for each in right], right


def test_the_limit_doubts_few_of_the_right_and_most_of_the_wrong(
    judged: tuple[list[Evidence], np.ndarray],
) -> None:
    rows, right = judged
    doubt = fit_doubt(rows, right, 0.1)
    doubted = np.array([doubt.probability(each) < doubt.limit for each in rows])
    assert doubted[right].mean() == pytest.approx(0.1, abs=0.01)
    assert doubted[~right].mean() > 0.9
    strongest = max(zip(doubt.weights, doubt.names, strict=True))
    assert strongest[1] == "cosine"
    probabilities = np.array([doubt.probability(each) for each in rows])
    assert probabilities.mean() == pytest.approx(right.mean(), abs=0.02)


def test_a_folder_gives_the_same_probabilities_back(
    judged: tuple[list[Evidence], np.ndarray], tmp_path: Path
) -> None:
    doubt = fit_doubt(*judged, 0.1)
    assert read_doubt(tmp_path) is None
    save_doubt(doubt, tmp_path)
    assert read_doubt(tmp_path) == doubt


def test_nothing_can_be_fitted_where_all_is_right(judged: tuple[list[Evidence], np.ndarray]) -> None:
    with pytest.raises(ModelError, match="some are right"):
        fit_doubt(judged[0], np.ones(len(judged[0]), bool), 0.1)


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "other"},
        {"names": ["cosine"]},
        {"weights": [1.0]},
        {"scales": [0.0] * len(NAMES)},
        {"limit": float("nan")},
        {"means": "many"},
    ],
)
def test_a_broken_file_is_refused(
    judged: tuple[list[Evidence], np.ndarray], tmp_path: Path, changes: dict[str, object]
) -> None:
    save_doubt(fit_doubt(*judged, 0.1), tmp_path)
    data = json.loads((tmp_path / DOUBT_FILE).read_text("utf-8"))
    (tmp_path / DOUBT_FILE).write_text(json.dumps(data | changes), "utf-8")
    with pytest.raises(ModelError):
        read_doubt(tmp_path)


@given(st.lists(st.floats(-1e6, 1e6), min_size=len(NAMES), max_size=len(NAMES)))
def test_probabilities_lie_between_0_and_1(values: list[float]) -> None:
    ones = (1.0,) * len(NAMES)
    doubt = Doubt(tuple(NAMES), ones, ones, ones, 0.0, 0.5)
    assert 0 <= doubt.probability(Evidence(*values)) <= 1


def test_the_bundled_model_doubts() -> None:
    model = bimotion.load()
    assert model.doubt is not None
    clip = model.text_to_motion("a person walks forward", seed=0)
    fits, not_at_all = (model.match(text, clip) for text in ("a person walks forward", "a person sits down"))
    assert fits.score is not None
    assert not_at_all.score is not None
    assert fits.score > not_at_all.score
    assert not_at_all.warnings
