"""Reports are read back as they were written, and stand on their own."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bimotion.errors import DataError
from bimotion.evaluation.comparison import compare, comparison_tables
from bimotion.evaluation.evaluation import Evaluation
from bimotion.evaluation.first_repeat import Case
from bimotion.evaluation.intervals import Measured
from bimotion.evaluation.report import read_report, write_report
from bimotion.evaluation.scores import REAL, SYSTEM, Scores
from bimotion.motion.clip import Clip

ABOUT: dict[str, Any] = {
    "protocol": {"name": "bimotion-1"},
    "settings": {"split": "test", "repeats": 5, "seed": 0},
    "data": {"name": "walks", "windows": 70, "fingerprint": "d" * 64},
    "evaluator": {"name": "judge", "kind": "contrastive", "fingerprint": "e" * 64},
    "versions": {"bimotion": "0.1.0", "torch": "2"},
}


def scores(top_1: float, fid: float, diversity: float = 5.0) -> Scores:
    return {
        "text_to_motion": {
            REAL: {"top_1": Measured(0.9, 0.01, 5), "diversity": Measured(5.5, 0.1, 5)},
            SYSTEM: {
                "top_1": Measured(top_1, 0.02, 5),
                "fid": Measured(fid, 0.3, 5),
                "diversity": Measured(diversity, 0.1, 5),
            },
        },
        "prediction": {SYSTEM: {"ade_m": Measured(0.25, 0, 1)}},
    }


def report(folder: Path, name: str, generated: Scores, about: dict[str, Any] | None = None) -> Path:
    write_report(Evaluation(scores=generated), name, about or ABOUT, folder / name)
    return folder / name


def test_a_report_is_read_back(tmp_path: Path) -> None:
    generated = read_report(report(tmp_path, "mine", scores(0.5, 2.0)))
    assert (generated.name, generated.scores, generated.about) == ("mine", scores(0.5, 2.0), ABOUT)
    text = (tmp_path / "mine" / "report.md").read_text()
    assert "- protocol bimotion-1" in text
    assert "| real | 0.900 ± 0.010 | - | 5.500 ± 0.100 |" in text
    assert "| mine | 0.500 ± 0.020 | 2.000 ± 0.300 | 5.000 ± 0.100 |" in text
    assert "| mine | 0.250 |" in text


def test_the_page_needs_no_network_and_runs_nothing(tmp_path: Path, walk: Clip) -> None:
    done = Evaluation(
        scores=scores(0.5, 2.0),
        by_content=[
            {"content": "walk", "count": 3, REAL: 1.0, SYSTEM: 0.5},
            {"content": "turn", "count": 0, REAL: None, SYSTEM: None},
        ],
        curves={REAL: [0.5, 1.0], SYSTEM: [0.2, 0.4]},
        points={REAL: [[0.0, 1.0]], SYSTEM: [[2.0, -1.0]]},
        cases=[Case("best", "clip#0", "<script>alert(1)</script>", 1.5, replace(walk, caption="walks"))],
        notes=["a & b"],
    )
    write_report(done, "<b>mine</b>", ABOUT, tmp_path)
    page = (tmp_path / "report.html").read_text()
    assert "<script" not in page
    assert "<b>mine" not in page
    assert "a &amp; b" in page
    assert not re.search(r"(?:src|href)=\"(?!data:)", page)
    assert page.count("<svg") == 3
    assert page.count("data:image/png;base64,") == 1
    assert page.count("<circle") == 2
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["cases"][0]["distance"] == 1.5
    assert results["notes"] == ["a & b"]


def test_what_is_no_report_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="`bimotion evaluate` writes a report's folder"):
        read_report(tmp_path / "nowhere")
    (tmp_path / "results.json").write_text("{}")
    with pytest.raises(DataError, match="expected the results of a bimotion report 1"):
        read_report(tmp_path)


def test_differences_within_the_intervals_are_none(tmp_path: Path) -> None:
    a = read_report(report(tmp_path, "a", scores(0.50, 2.0, 5.0)))
    b = read_report(report(tmp_path, "b", scores(0.52, 1.0, 5.9)))
    found = {each.metric: each for each in compare(a, b)}
    assert {name: each.exceeds for name, each in found.items()} == {
        "top_1": False,
        "fid": True,
        "diversity": True,
        "ade_m": None,
    }
    assert found["fid"].better == "B"
    assert found["diversity"].better == "B"  # 0.4 from the real motions', not 0.5
    assert found["ade_m"].better == ""
    (table, single) = comparison_tables(list(found.values()), a, b)
    assert table.rows[1] == ["FID", "-", "2.000 ± 0.300", "1.000 ± 0.300", "-1.000", "yes", "b"]
    assert single.rows[0][5:] == ["one measurement", ""]


@pytest.mark.parametrize(
    ("what", "facts", "message"),
    [
        ("protocol", {"name": "humanml3d-2022"}, "protocol bimotion-1 and protocol humanml3d-2022"),
        ("evaluator", {"fingerprint": "f" * 64}, "evaluator eeeeeeeeeeee and evaluator ffffffffffff"),
        ("data", {"name": "walks", "windows": 70, "fingerprint": "0" * 64}, "data dddddddddddd and data"),
    ],
)
def test_what_was_measured_otherwise_is_never_compared(
    tmp_path: Path, what: str, facts: dict[str, Any], message: str
) -> None:
    a = read_report(report(tmp_path, "a", scores(0.5, 2.0)))
    about = {**ABOUT, what: {**ABOUT[what], **facts}}
    b = read_report(report(tmp_path, "b", scores(0.5, 2.0), about))
    with pytest.raises(DataError, match=message):
        compare(a, b)
