"""Killed runs, two runs on one folder, and a full disk."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from bimotion.data.prepare import SHARDS, prepare_dataset
from bimotion.data.store import MotionStore
from bimotion.errors import DataError
from bimotion.storage.locks import LockedError, locked_folder
from tests.data.made_up import make_motion


@pytest.fixture
def takes(tmp_path: Path) -> Path:
    folder = tmp_path / "takes"
    folder.mkdir()
    for number in range(6):
        np.save(folder / f"walk{number:02d}.npy", make_motion(400 + number, speed=1.0))
    return folder


def start(*args: str | Path, code: str = "") -> subprocess.Popen[bytes]:
    """The command line in a process group of its own."""
    program = f"{code}\nfrom bimotion.cli.main import main\nimport sys\nmain(sys.argv[1:])"
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, args)],
        start_new_session=True,
        stderr=subprocess.PIPE,
        # what measures coverage would write a file as well, beyond the limits of the disk that is full
        env={name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")},
    )


@pytest.mark.skipif(os.name != "posix", reason="process groups and signals are POSIX's")
@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGKILL])
def test_workers_end_with_a_killed_run_which_goes_on_later(
    takes: Path, tmp_path: Path, kind: signal.Signals
) -> None:
    deadline = time.monotonic() + 120
    with start("prepare", "bvh", takes, tmp_path / "out", "--workers", "2") as process:
        while not list((tmp_path / "out" / SHARDS).glob("[!.]*.npz")) and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(kind)
        assert process.wait(30) in (-kind, 128 + kind)
    while time.monotonic() < deadline:
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            break
        time.sleep(0.1)
    else:
        os.killpg(process.pid, signal.SIGKILL)
        pytest.fail("workers are alive two minutes after their parent was killed")
    with pytest.raises(DataError, match="run the same command again"):
        MotionStore.open(tmp_path / "out")
    assert prepare_dataset("bvh", takes, tmp_path / "out", workers=1).num_recordings == 6
    assert not (tmp_path / "out" / SHARDS).exists()


def test_two_runs_on_one_folder_are_told_apart(takes: Path, tmp_path: Path) -> None:
    with locked_folder(tmp_path / "out"), pytest.raises(LockedError, match="another bimotion process"):
        prepare_dataset("bvh", takes, tmp_path / "out", workers=1)


@pytest.mark.skipif(os.name != "posix", reason="limits of file sizes are POSIX's")
@pytest.mark.parametrize("limit", [50_000, 1_000_000])  # within a shard, and within the joined features
def test_a_full_disk_is_one_line_and_leaves_no_data_set(takes: Path, tmp_path: Path, limit: int) -> None:
    code = f"import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))"
    with start("prepare", "bvh", takes, tmp_path / "out", "--workers", "1", code=code) as process:
        _, errors = process.communicate(timeout=300)
    assert process.returncode == 2
    assert errors.decode().strip().splitlines()[-1].endswith("cannot be written: File too large")
    assert "Traceback" not in errors.decode()
    assert {path.name for path in (tmp_path / "out").iterdir()} <= {".lock", SHARDS}
    assert prepare_dataset("bvh", takes, tmp_path / "out", workers=1).num_recordings == 6
