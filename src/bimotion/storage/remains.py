"""Temporary folders that do not stay behind when their process was killed."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def temporary_folder(kind: str) -> Iterator[Path]:
    """An empty folder for temporary files, removed at the end; of mode 0700.

    Those of the same kind that killed processes of the same user left behind are removed first.
    """
    start = f"bimotion-{kind}-"
    for rest in Path(tempfile.gettempdir()).glob(f"{start}*"):
        pid = rest.name.removeprefix(start).partition("-")[0]
        if pid.isdecimal() and rest.is_dir() and not rest.is_symlink() and not is_running(int(pid)):
            shutil.rmtree(rest, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"{start}{os.getpid()}-") as name:
        yield Path(name)


def is_running(pid: int) -> bool:
    """Whether there is such a process; True where that cannot be checked without harm (Windows)."""
    if os.name != "posix":
        return True
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
