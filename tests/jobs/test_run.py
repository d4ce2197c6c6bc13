import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from bimotion.errors import BimotionError, DataError
from bimotion.jobs.rows import RowFile
from bimotion.jobs.run import Job, Row, run_job

ENTRIES = [(f"{number}.bvh", number) for number in range(12)]

SLOW = """
import sys, time
from pathlib import Path
from bimotion.jobs.rows import RowFile
from bimotion.jobs.run import Job, run_job

def work(batch):
    for number in batch:
        time.sleep(0.05)
        yield {"file": f"{number}.bvh", "square": number * number}

entries = [(f"{number}.bvh", number) for number in range(200)]
with RowFile(Path(sys.argv[1]), ("file", "square")) as rows:
    run_job(Job(entries, lambda: work, batch=7), rows)
"""


def squares(batch: Sequence[int]) -> Iterator[Row | BimotionError]:
    for number in batch:
        if number == 5:
            yield DataError("5 is broken")
        else:
            yield {"file": f"{number}.bvh", "square": number * number}


def test_a_job_does_what_is_not_done_and_names_what_is_broken(tmp_path: Path) -> None:
    path, seen, calls = tmp_path / "rows.csv", list[Row](), list[tuple[int, int]]()
    with RowFile(path, ("file", "square")) as rows:
        rows.append({"file": "3.bvh", "square": 9})
        job = Job(ENTRIES, lambda: squares, batch=4)
        outcome = run_job(job, rows, progress=lambda *at: calls.append(at), on_row=seen.append)
        assert (outcome.written, outcome.kept, outcome.failures) == (10, 1, {"5.bvh": "5 is broken"})
        again = run_job(job, rows)
        assert (again.written, again.kept, list(again.failures)) == (0, 11, ["5.bvh"])
    assert calls[-1] == (12, 12)
    assert len(seen) == 10
    with path.open(newline="") as file:
        found = {row["file"]: int(row["square"]) for row in csv.DictReader(file)}
    assert found == {f"{number}.bvh": number**2 for number in range(12) if number != 5}


def test_a_job_that_is_killed_goes_on_without_loss_or_double_work(tmp_path: Path) -> None:
    path, script = tmp_path / "rows.csv", tmp_path / "slow.py"
    script.write_text(SLOW.replace("0.05", "0.005"))
    counts = []
    for _ in range(2):
        process = subprocess.Popen(
            [sys.executable, script, path], env={**os.environ, "BIMOTION_TYPE_CHECKS": "0"}
        )
        target = 20 + 40 * len(counts)
        while not path.exists() or path.read_bytes().count(b"\n") < target:
            assert process.poll() is None
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.wait()
        counts.append(path.read_bytes().count(b"\n"))
    assert 20 <= counts[0] < counts[1] < 201
    subprocess.run([sys.executable, script, path], check=True)
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["file"], int(row["square"])) for row in rows] == [(f"{n}.bvh", n * n) for n in range(200)]
