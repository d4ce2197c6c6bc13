"""Commands that only report: interrupted, they leave neither a part of a report nor temporary files."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from bimotion.benchmark import run as benchmark
from bimotion.cli.main import exit_code
from bimotion.evaluation.adherence import run as adherence


def test_an_interrupted_adherence_leaves_the_earlier_report(
    tmp_path: Path, micro_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*args: Any, **settings: Any) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(adherence, "measure", interrupt)
    out = tmp_path / "report.json"
    out.write_text("earlier")
    assert exit_code(["adherence", "--model", str(micro_folder), "--seeds", "1", "--out", str(out)]) == 130
    assert out.read_text() == "earlier"
    assert list(tmp_path.iterdir()) == [out]


def test_an_interrupted_benchmark_removes_its_random_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Path] = []

    def interrupt(figures: Any, folder: Path, *settings: Any) -> Iterator[Any]:
        seen.append(folder)
        assert (folder / "model.safetensors").is_file()
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(benchmark, "measure", interrupt)
    assert exit_code(["benchmark", "--preset", "micro", "--only", "stage1"]) == 130
    assert seen[0].parent == tmp_path
    assert not list(tmp_path.iterdir())
