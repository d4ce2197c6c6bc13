"""Folders that are replaced as a whole.

New contents are written to a hidden folder beside it, which replaces the old one by two renames.
"""

import glob
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bimotion.storage.remains import is_running


@contextmanager
def replaced_folder(folder: Path) -> Iterator[Path]:
    """An empty folder that replaces `folder` if the context ends without an exception, and is removed otherwise.

    Remains of killed processes beside it are removed; a folder that one of them had already moved away is restored
    first.
    """
    partial = folder.with_name(f".{folder.name}.partial-{os.getpid()}")
    old = folder.with_name(f".{folder.name}.old-{os.getpid()}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    _restore(folder)
    partial.mkdir()
    try:
        yield partial
        if folder.exists():
            folder.rename(old)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def _restore(folder: Path) -> None:
    """Restore folders and remove remains of killed processes."""
    for kind in ("old", "partial"):
        start = f".{folder.name}.{kind}-"
        for rest in folder.parent.glob(f"{glob.escape(start)}*"):
            pid = rest.name.removeprefix(start)
            if not pid.isdecimal() or (int(pid) != os.getpid() and is_running(int(pid))):
                continue
            if kind == "old" and not folder.exists():
                rest.rename(folder)
            else:
                shutil.rmtree(rest, ignore_errors=True)
