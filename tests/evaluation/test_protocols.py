"""The named protocols against the numbers of the published research code."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from bimotion.data.store import MotionStore
from bimotion.evaluation.evaluation_set import EvaluationSet
from bimotion.evaluation.intervals import interval_of, published_interval, student_interval
from bimotion.evaluation.protocols import BIMOTION_1, HUMANML3D_2022
from bimotion.evaluation.scores import REAL
from bimotion.evaluation.shards import Subject
from bimotion.evaluation.text_to_motion import TextToMotion, group_retrieval
from tests.evaluation.numbered_motions import Oracle, track


@pytest.fixture(scope="module")
def arrays(goldens: Path) -> dict[str, np.ndarray]:
    return load_file(goldens / "metrics.safetensors")


def test_published_groups_give_the_published_numbers(goldens: Path, arrays: dict[str, np.ndarray]) -> None:
    stored: dict[str, Any] = json.loads((goldens / "metrics.json").read_text("utf-8"))
    expected = stored["TM2TMetrics.compute"]
    order = arrays["compute_shuffle_idx"]
    got = group_retrieval(HUMANML3D_2022, arrays["text"], arrays["gen_motion"], order, None)
    assert got.mm_dist == pytest.approx(expected["Matching_score"], rel=1e-5)
    for k, value in enumerate(got.r_precision, 1):
        assert value == pytest.approx(expected[f"R_precision_top_{k}"], rel=1e-5)
    assert len(got.items) == 320
    actual = group_retrieval(BIMOTION_1, arrays["text"], arrays["gen_motion"], order, None)
    assert sorted(actual.items) == list(range(330))
    assert actual.recall(32) == 1


def test_published_draws_and_intervals(store: MotionStore, oracle: Oracle) -> None:
    small = replace(HUMANML3D_2022, diversity_pairs=60)
    rows, _ = TextToMotion(Subject(EvaluationSet(store, small), None, oracle), track).repeat(1)
    assert rows[REAL]["fid"] == pytest.approx(0, abs=1e-6)  # crops do not change the oracle's embeddings
    assert rows[REAL]["top_1"] < 1  # the caption that is true of two motions is right for one of them only
    assert interval_of(normal=True) is published_interval
    assert interval_of(normal=False) is student_interval


def test_every_choice_stands_in_a_report() -> None:
    values = BIMOTION_1.to_json()
    assert values["name"] == "bimotion-1"
    assert {name for name, value in values.items() if value != HUMANML3D_2022.to_json()[name]} >= {
        *("published_evaluator", "crops", "random_captions", "drops_remainder", "equivalent_captions"),
        *("self_pairs", "normal_interval", "flat_displacement", "max_references", "nmt_scores"),
    }
