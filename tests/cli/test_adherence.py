"""`bimotion adherence` from the command line."""

import json
from pathlib import Path

import numpy as np
import pytest

from bimotion.cli.main import exit_code
from bimotion.evaluation.adherence.prompts import load_prompts
from tests.evaluation.adherence.puppet import walking


def test_another_system_is_scored_by_its_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "other"
    assert exit_code(["adherence", "--export", str(folder), "--seeds", "1"]) == 0
    assert f"{len(load_prompts().texts())} motions to generate" in capsys.readouterr().out
    walk = walking(5).joints().astype(np.float32)
    (folder / "00").mkdir()
    for line in (folder / "prompts.jsonl").read_text("utf-8").splitlines():
        np.save(folder / json.loads(line)["file"], walk)
    out = tmp_path / "report.json"
    assert exit_code(["adherence", "--motions", str(folder), "--seeds", "1", "--out", str(out)]) == 0
    assert "| contrasts | 0.00 | >= 0.80 | **no** |" in capsys.readouterr().out
    verdicts = json.loads(out.read_text("utf-8"))["requests"]["verdicts"]
    assert {verdict["text"]: verdict["right"] for verdict in verdicts}["A man walks down the street."]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--seeds", "0"], "--seeds: expected 1 or more"),
        (["--check"], "--recordings: expected a folder"),
        (["--model", "a", "--motions", "b"], "give only one of --model and --motions"),
        (["--motions", "b", "--data", "c"], "--data and --warnings measure a model"),
        (["--out", "nowhere/x.json"], "--out: the folder nowhere does not exist"),
        (["--motions", "nowhere"], "nowhere: expected prompts.jsonl"),
    ],
)
def test_a_wrong_command_line_is_told(
    options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(["adherence", *options]) == 2
    assert message in capsys.readouterr().err
