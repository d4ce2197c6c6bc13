"""Locks between processes."""

import subprocess
import sys
from pathlib import Path

import pytest

from bimotion.storage.locks import LockedError, locked_file, locked_folder

HOLD = """
import sys
from pathlib import Path
from bimotion.storage.locks import locked_file, locked_folder
with {lock}(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("lock", [locked_file, locked_folder])
def test_one_process_at_a_time(tmp_path: Path, lock: type) -> None:
    target = tmp_path / "run"
    code = HOLD.format(lock=lock.__name__)
    with subprocess.Popen(
        [sys.executable, "-c", code, str(target)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(LockedError, match="run: another bimotion process is writing here"), lock(target):
            pass
        other.kill()  # as kill -9 does: nothing of it can tidy up
        other.wait()
        with lock(target):
            pass


def test_a_folder_that_was_made_for_nothing_is_removed(tmp_path: Path) -> None:
    with locked_folder(tmp_path / "new"):
        pass
    assert list(tmp_path.iterdir()) == []
    with locked_folder(tmp_path / "new"):
        (tmp_path / "new" / "file").touch()
    assert (tmp_path / "new" / "file").exists()
