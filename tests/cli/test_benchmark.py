"""`bimotion benchmark` on the smallest model."""

import json

import pytest

from bimotion.cli.main import exit_code
from bimotion.models import kernels


def test_figures_bounds_and_memory_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    args = [
        "benchmark",
        "--preset",
        "micro",
        "--only",
        "stage1",
        "--repeats",
        "2",
        "--threads",
        "1",
        "--json",
    ]
    assert exit_code(args) == 0
    output = json.loads(capsys.readouterr().out)
    assert output["gigabytes_per_second"] > 0
    assert output["threads"] == 1
    [row] = output["figures"]
    assert (row["kind"], row["batch"], row["precision"], row["error"]) == ("stage1", 32, "fp32", None)
    assert len(row["seconds"]) == 2
    assert row["min_s"] <= row["median_s"]
    assert row["bound_s"] == pytest.approx(sum(part["bound_s"] for part in row["parts"]), abs=1e-3)
    assert 50 < row["peak_mb"] < 5000


def test_wrong_settings_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["benchmark", "--repeats", "0"]) == 2
    assert "--repeats: expected 1 or more, got 0" in capsys.readouterr().err
    assert exit_code(["benchmark", "--model", "./none"]) == 2
    assert "./none: expected a model folder" in capsys.readouterr().err


def test_the_system_is_named_with_its_instructions(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["info", "--system", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["kind"] == "system"
    assert facts["kernels"] == (kernels.variant() or "not compiled: torch's operations are used")
    assert exit_code(["info", "walk.bvh", "--system"]) == 2
    assert "leave out the model or file" in capsys.readouterr().err
