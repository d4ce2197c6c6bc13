"""Commands about libraries of recordings: captions with times, and the same take under several names."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

import bimotion
from bimotion.cli.main import exit_code
from bimotion.motion.clip import Clip


@pytest.fixture
def takes(tmp_path: Path, micro_folder: Path, walk: Clip, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two takes of three seconds that differ, a copy of one elsewhere in space, and a file that is no motion."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BIMOTION_MODEL", str(micro_folder))
    folder = tmp_path / "takes"
    folder.mkdir()
    joints = np.concatenate([walk.joints[:40], walk.joints[:40] + [0, 0, 2]]).astype(np.float32)
    time = np.arange(len(joints), dtype=np.float32)
    joints[:, 20:] += (0.2 * np.sin(0.13 * time + 0.002 * time**2))[:, None, None]
    bimotion.save_clip(Clip(joints, 20.0), folder / "one.npy")
    bimotion.save_clip(Clip(joints + np.array([1, 0, 2], np.float32), 20.0), folder / "copy.npy")
    bimotion.save_clip(walk, folder / "other.npy")
    (folder / "broken.bvh").write_text("HIERARCHY\n")
    return folder


def test_copies_are_printed_or_listed_and_broken_files_named(
    takes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(["duplicates", str(takes), "--json"]) == 0
    output = capsys.readouterr()
    (pair,) = json.loads(output.out)
    assert {pair["first"], pair["second"]} == {"one.npy", "copy.npy"}
    assert not pair["mirrored"]
    assert pair["distance"] < 0.005
    assert "not compared: broken.bvh: " in output.err
    assert exit_code(["duplicates", str(takes)]) == 0
    assert re.search(
        r"^\w+\.npy is in \w+\.npy from 0\.00 s \(\d+\.\d mm\)$", capsys.readouterr().out, re.MULTILINE
    )


def test_without_copies_nothing_is_printed(takes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (takes / "copy.npy").unlink()
    assert exit_code(["duplicates", str(takes)]) == 0
    output = capsys.readouterr()
    assert output.out == ""
    assert "no duplicates found" in output.err


def test_a_take_is_described_with_times_in_every_form(
    takes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(["describe", "takes/one.npy", "--times"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines
    assert all(re.match(r" *\d+\.\d\d - +\d+\.\d\d s(?: |$)", line) for line in lines)
    assert exit_code(["describe", "takes/one.npy", "--json"]) == 0
    phrases = json.loads(capsys.readouterr().out)
    assert [phrase["start"] for phrase in phrases] == sorted(phrase["start"] for phrase in phrases)
    for suffix, start in (
        (".srt", "1\n00:00:00,000 --> "),
        (".vtt", "WEBVTT"),
        (".csv", "start,"),
        (".json", "["),
    ):
        assert exit_code(["describe", "takes/one.npy", "--out", f"parts{suffix}"]) == 0
        assert (takes.parent / f"parts{suffix}").read_text("utf-8").startswith(start)
    capsys.readouterr()
    assert exit_code(["describe", "takes/one.npy", "--out", "parts.doc"]) == 2
    assert exit_code(["describe", "takes/one.npy", "--out", "missing/parts.srt"]) == 2
    assert "does not exist" in capsys.readouterr().err
