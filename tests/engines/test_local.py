import subprocess
import sys
from pathlib import Path

import pytest

from bimotion.engines.local import LocalEngine
from bimotion.errors import ConfigError, DataError
from tests.engines.work import Squares

VALUES = list(range(10, 33))


def test_two_processes_give_the_results_of_one_and_start_once_each(tmp_path: Path) -> None:
    here, beside = Squares(tmp_path / "here"), Squares(tmp_path / "beside")
    in_order = list(LocalEngine().map(here, VALUES, batch=4))
    assert in_order == [(index, number**2) for index, number in enumerate(VALUES)]
    assert sorted(LocalEngine(2).map(beside, VALUES, batch=4)) == in_order
    assert [line for _, line in here.lines()].count("start") == 1
    starts = [pid for pid, line in beside.lines() if line == "start"]
    assert 1 <= len(set(starts)) == len(starts) <= 2
    worked = sorted(line for _, line in beside.lines() if line != "start")
    assert worked == [str(number) for number in VALUES]


def test_nothing_starts_where_there_is_nothing_to_do(tmp_path: Path) -> None:
    work = Squares(tmp_path / "log")
    assert list(LocalEngine().map(work, [])) == []
    assert not work.log.exists()
    with pytest.raises(ConfigError, match="workers must be at least 1, got 0"):
        LocalEngine(0)


def test_an_exception_and_a_killed_process_end_the_work_with_a_message(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="12 is broken"):
        list(LocalEngine(2).map(Squares(tmp_path / "broken", broken=12), VALUES))
    with pytest.raises(DataError, match="a worker process was killed"):
        list(LocalEngine(2).map(Squares(tmp_path / "deadly", deadly=12), VALUES))


def test_nothing_of_ray_is_imported_unless_it_is_named() -> None:
    script = (
        "import sys, bimotion, bimotion.cli.generate, bimotion.cli.folder_jobs, bimotion.jobs.folders, "
        "bimotion.data.prepare, bimotion.evaluation.evaluate; "
        "from bimotion.cli.options import Machines; Machines().start(); "
        "print(sorted({'ray', 'pyarrow', 'pandas'} & set(sys.modules)))"
    )
    output = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert output.stdout.strip() == "[]"
