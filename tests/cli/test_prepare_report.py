"""What `bimotion prepare` prints: all of it as JSON, and not more rows than anybody reads."""

import json
from pathlib import Path

import pytest

from bimotion.api import save_clip
from bimotion.cli.main import exit_code
from bimotion.cli.prepare import MAX_ROWS
from bimotion.motion.clip import Clip


def test_a_report_of_many_faults_names_some_and_where_all_are(
    walk: Clip, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    takes = tmp_path / "takes"
    takes.mkdir()
    save_clip(walk, takes / "walk.npy")
    for number in range(MAX_ROWS + 3):
        (takes / f"bad-{number:03}.npy").write_bytes(b"")
    args = ("prepare", "bvh", str(takes), str(tmp_path / "set"), "--workers", "1")
    assert exit_code(args) == 0
    output = capsys.readouterr()
    assert "1 recordings" in output.out
    assert output.err.count("bad-") == MAX_ROWS
    assert f"and 3 more: all are in {tmp_path / 'set' / 'README.md'}" in output.err.replace("\n", "")
    assert (tmp_path / "set" / "README.md").read_text().count("bad-") >= MAX_ROWS + 3
    assert exit_code((*args, "--json")) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["recordings"] == 1
    assert len(report["failures"]) == MAX_ROWS + 3


def test_options_of_recordings_are_refused_when_data_sets_are_joined(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(("prepare", "merged", str(tmp_path), str(tmp_path / "out"), "--no-mirror")) == 2
    assert "--no-mirror: not available when joining data sets" in capsys.readouterr().err
