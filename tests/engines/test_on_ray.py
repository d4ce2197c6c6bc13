"""The engine of a Ray cluster of two workers that the tests start; needs bimotion[scale], see `make test-slow`."""

import csv
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from bimotion.cli.main import exit_code
from bimotion.engines.on_ray import RayEngine
from bimotion.errors import DataError
from tests.engines.work import Squares

ray = pytest.importorskip("ray", reason="needs bimotion[scale]")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]

VALUES = list(range(10, 50))
SENTENCES = [f"a person walks forward {count} times." for count in range(12)]


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """The address of a cluster with two cores."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("RAY_USAGE_STATS_ENABLED", "0")
        environment.setenv("PYTHONPATH", os.pathsep.join(["src", "."]))
        info = ray.init(
            "local", num_cpus=2, include_dashboard=False, object_store_memory=200 << 20, log_to_driver=False
        )
        yield info.address_info["gcs_address"]
        ray.shutdown()


def test_results_are_those_of_one_process_and_each_worker_starts_once(cluster: str, tmp_path: Path) -> None:
    work = Squares(tmp_path / "log")
    found = sorted(RayEngine(2).map(work, VALUES, batch=4))
    assert found == [(index, number**2) for index, number in enumerate(VALUES)]
    starts = [pid for pid, line in work.lines() if line == "start"]
    assert len(set(starts)) == len(starts) == 2
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


def generate(prompts: Path, out: Path, model: Path, *options: str) -> list[str]:
    where = ["--from", str(prompts), "--out-dir", str(out), "--format", "npy", "--model", str(model)]
    return ["generate", *where, *options]


def table(path: Path) -> dict[str, list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))[1:]
    found = {row[0]: row for row in rows}
    assert len(found) == len(rows)
    return found


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.npy")}


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    file = tmp_path / "prompts.txt"
    file.write_text("\n".join(SENTENCES))
    return file


def test_motions_are_those_of_one_process(
    cluster: str, micro_folder: Path, prompts: Path, tmp_path: Path
) -> None:
    assert exit_code(generate(prompts, tmp_path / "one", micro_folder)) == 0
    assert exit_code(generate(prompts, tmp_path / "ray", micro_folder, "--engine", "ray")) == 0
    assert table(tmp_path / "ray" / "motions.csv") == table(tmp_path / "one" / "motions.csv")
    assert contents(tmp_path / "ray") == contents(tmp_path / "one")
    assert len(contents(tmp_path / "ray")) == len(SENTENCES)
