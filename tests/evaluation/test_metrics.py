"""All metrics against the numbers of the published research code, on the same embeddings and draws."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from bimotion.evaluation.distribution import diversity, fid, multimodality
from bimotion.evaluation.joint_errors import (
    acceleration_error,
    aligned_joint_error,
    flat_displacement,
    joint_error,
)
from bimotion.evaluation.retrieval import retrieval, whole_groups

Arrays = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def arrays(goldens: Path) -> Arrays:
    return load_file(goldens / "metrics.safetensors")


@pytest.fixture(scope="module")
def expected(goldens: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((goldens / "metrics.json").read_text("utf-8"))
    return values


def close(value: float) -> Any:
    return pytest.approx(value, rel=1e-5)


@pytest.mark.parametrize(("motion", "prefix"), [("gen_motion", ""), ("gt_motion", "gt_")])
def test_retrieval(arrays: Arrays, expected: dict[str, Any], motion: str, prefix: str) -> None:
    plain = expected["no_shuffle (items 0..319 in 10 groups of 32, last 10 dropped)"]
    got = retrieval(arrays["text"], arrays[motion], whole_groups(np.arange(330)))
    assert list(got.r_precision) == close(plain[f"{prefix}R_precision_top_1_2_3"])
    assert got.mm_dist == close(plain[f"{prefix}Matching_score"])
    shuffled = expected["TM2TMetrics.compute"]
    got = retrieval(arrays["text"], arrays[motion], whole_groups(arrays["compute_shuffle_idx"]))
    for position, value in enumerate(got.r_precision, 1):
        assert value == close(shuffled[f"{prefix}R_precision_top_{position}"])
    assert got.mm_dist == close(shuffled[f"{prefix}Matching_score"])


def test_distributions(arrays: Arrays, expected: dict[str, Any]) -> None:
    shuffled = expected["TM2TMetrics.compute"]
    assert fid(arrays["gt_motion"], arrays["gen_motion"]) == close(expected["FID (all 330)"])
    assert fid(arrays["gt_motion"], arrays["gen_motion"]) == close(shuffled["FID"])
    first, second = arrays["diversity_first"], arrays["diversity_second"]
    assert diversity(arrays["gen_motion"], first, second) == close(expected["Diversity"]["value"])
    order = arrays["compute_shuffle_idx"]
    for motion, prefix, draw in (("gen_motion", "", "compute_div"), ("gt_motion", "gt_", "compute_gtdiv")):
        drawn = diversity(arrays[motion][order], arrays[f"{draw}_first"], arrays[f"{draw}_second"])
        assert drawn == close(shuffled[f"{prefix}Diversity"])
    spread = multimodality(arrays["mm_embeddings"], arrays["mm_first"], arrays["mm_second"])
    assert spread == close(expected["MultiModality"]["value"])


def test_joint_errors(arrays: Arrays, expected: dict[str, Any]) -> None:
    pairs = list(zip(arrays["joints_rst"], arrays["joints_ref"], strict=True))
    for name, measure in (
        ("MPJPE", joint_error),
        ("PAMPJPE", aligned_joint_error),
        ("ACCEL", acceleration_error),
    ):
        values = np.concatenate([measure(*pair) for pair in pairs])
        assert 1000 * values.mean() == close(expected["MRMetrics (mm)"][name])


@pytest.mark.parametrize(("task", "part"), [("pred", slice(8, None)), ("inbetween", slice(10, 30))])
def test_displacements(arrays: Arrays, expected: dict[str, Any], task: str, part: slice) -> None:
    each = [
        flat_displacement(generated[part], target[part])
        for generated, target in zip(arrays["joints_rst"], arrays["joints_ref"], strict=True)
    ]
    assert np.mean([values.mean() for values in each]) == close(expected[f"PredMetrics {task}"]["ADE"])
    assert np.mean([values[-1] for values in each]) == close(expected[f"PredMetrics {task}"]["FDE"])
