"""The engine of a Ray cluster of two workers that the tests start; needs bimotion[scale], see `make test-slow`."""

import csv
import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

import bimotion
from bimotion.cli.main import exit_code
from bimotion.engines.on_ray import RayEngine
from bimotion.errors import DataError
from bimotion.motion.clip import Clip
from tests.data.made_up import make_motion
from tests.engines.work import Squares

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]

VALUES = list(range(10, 50))
SENTENCES = [f"a person walks forward {count} times." for count in range(12)]


def test_results_are_those_of_one_process_and_each_worker_starts_once(cluster: str, tmp_path: Path) -> None:
    work = Squares(tmp_path / "log")
    found = sorted(RayEngine(2).map(work, VALUES, batch=4))
    assert found == [(index, number**2) for index, number in enumerate(VALUES)]
    starts = [pid for pid, line in work.lines() if line == "start"]
    assert len(set(starts)) == len(starts) <= 2  # the second may come too late to get work
    assert Counter(line for _, line in work.lines() if line != "start") == Counter(map(str, VALUES))


def test_a_killed_worker_loses_nothing_and_only_its_batch_is_done_again(cluster: str, tmp_path: Path) -> None:
    work = Squares(tmp_path / "log", deadly=24)
    found = list(RayEngine(2).map(work, VALUES, batch=4))
    assert sorted(found) == [(index, number**2) for index, number in enumerate(VALUES)]
    done = Counter(line for _, line in work.lines() if line != "start")
    again = {number for number, count in done.items() if count > 1}
    assert again <= {"22", "23", "24", "25"}
    assert done["24"] == 2


def test_an_entry_that_always_ends_its_worker_is_named_and_costs_no_other(
    cluster: str, tmp_path: Path
) -> None:
    work = Squares(tmp_path / "log", deadly=24, once=False)
    found = dict(RayEngine(2).map(work, VALUES, batch=4))
    assert "process ended" in str(found.pop(VALUES.index(24)))
    assert found == {index: number**2 for index, number in enumerate(VALUES) if number != 24}


def test_an_exception_is_raised_where_the_results_are_read(cluster: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="24 is broken"):
        list(RayEngine(2).map(Squares(tmp_path / "log", broken=24), VALUES, batch=4))


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    file = tmp_path / "prompts.txt"
    file.write_text("\n".join(SENTENCES))
    return file


def generate(prompts: Path, out: Path, model: Path, *options: str, format: str = "npy") -> list[str]:
    where = ["--from", str(prompts), "--out-dir", str(out), "--format", format, "--model", str(model)]
    return ["generate", *where, *options]


def table(path: Path) -> dict[str, list[str]]:
    """Rows by their first column, of which no two have the same."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))[1:]
    found = {row[0]: row for row in rows}
    assert len(found) == len(rows)
    return found


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*.*") if path.suffix in (".npy", ".jsonl")}


def test_motions_are_those_of_one_process(
    cluster: str, micro_folder: Path, prompts: Path, tmp_path: Path
) -> None:
    one, many = tmp_path / "one", tmp_path / "many"
    assert exit_code(generate(prompts, one, micro_folder)) == 0
    assert exit_code(generate(prompts, many, micro_folder, "--engine", "ray")) == 0
    assert table(many / "motions.csv") == table(one / "motions.csv")
    assert contents(many) == contents(one)
    assert len(contents(many)) == len(SENTENCES)


def test_a_list_goes_on_on_another_engine_after_its_process_was_killed(
    cluster: str, micro_folder: Path, prompts: Path, tmp_path: Path
) -> None:
    prompts.write_text("\n".join(SENTENCES * 4))
    out = tmp_path / "out"
    command = [sys.executable, "-m", "bimotion", *generate(prompts, out, micro_folder, "--engine", "ray")]
    process = subprocess.Popen(command, env={**os.environ, "RAY_ADDRESS": cluster})
    rows = out / "motions.csv"
    while not rows.exists() or rows.read_bytes().count(b"\n") < 3:
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.wait()
    before = table(rows)
    assert 0 < len(before) < 48
    stamps = {name: (out / name).stat().st_mtime_ns for name in before}
    assert exit_code(generate(prompts, out, micro_folder)) == 0
    assert len(table(rows)) == 48
    assert {name: (out / name).stat().st_mtime_ns for name in before} == stamps


def test_recordings_are_captioned_tagged_converted_and_compared(
    cluster: str, micro_folder: Path, walk: Clip, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    takes = tmp_path / "takes"
    takes.mkdir()
    for number in range(5):
        bimotion.save_clip(Clip(walk.joints[number:], walk.fps), takes / f"{number}.npz")
    (takes / "broken.bvh").write_text("HIERARCHY\n")
    printed = []
    for out, options in ((tmp_path / "one", []), (tmp_path / "many", ["--engine", "ray"])):
        out.mkdir()
        model = ["--model", str(micro_folder), *options]
        assert exit_code(["caption", str(takes), "--out", str(out / "captions.csv"), *model]) == 2
        assert "1 of 6 could not be used" in capsys.readouterr().err
        assert exit_code(["tags", str(takes), "--out", str(out / "tags.csv"), *model]) == 2
        assert exit_code(["convert", str(takes), str(out / "npy"), "--to", "npy", *options]) == 2
        capsys.readouterr()
        assert exit_code(["duplicates", str(takes), "--json", *options]) == 0
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1] != "[]\n"
    for name in ("captions.csv", "tags.csv", "npy/converted.csv"):
        assert table(tmp_path / "many" / name) == table(tmp_path / "one" / name)
    assert contents(tmp_path / "many" / "npy") == contents(tmp_path / "one" / "npy")


def test_a_data_set_is_the_same(cluster: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    takes = tmp_path / "takes"
    takes.mkdir()
    for number in range(6):
        motion = make_motion(80, speed=1.0, turn_deg=20.0 * number)
        bimotion.save_clip(Clip(motion, 20.0), takes / f"{number}.bvh")
        (takes / f"{number}.txt").write_text("a person walks.")
    (takes / "broken.bvh").write_text("HIERARCHY\n")
    for name, options in (("one", ["--workers", "1"]), ("many", ["--engine", "ray"])):
        assert exit_code(["prepare", "bvh", str(takes), str(tmp_path / name), "--json", *options]) == 0
        report = json.loads(capsys.readouterr().out)
        assert (report["recordings"], len(report["failures"])) == (6, 1)
    assert contents(tmp_path / "many") == contents(tmp_path / "one") != {}


def test_an_evaluation_gives_the_same_scores(cluster: str, here: Path) -> None:
    command = ["evaluate", "--data", "data", "--evaluator", "judge", "--repeats", "2", "--steps", "2"]
    assert exit_code([*command, "--out", "one"]) == 0
    assert exit_code([*command, "--out", "many", "--engine", "ray"]) == 0
    one, many = (json.loads((here / name / "results.json").read_text()) for name in ("one", "many"))
    assert many["scores"] == one["scores"]
    assert {"text_to_motion", "motion_to_text", "reconstruction", "prediction"} <= set(many["scores"])
