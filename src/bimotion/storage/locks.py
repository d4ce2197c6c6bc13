"""Locks, so that two processes never write to the same folder or file."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from bimotion.errors import BimotionError

logger = logging.getLogger(__name__)

LOCK_FILE = ".lock"
"""Name of the lock in a folder. It may stay behind: the operating system drops the lock itself with its process."""


class LockedError(BimotionError):
    """Another process is writing there."""


@contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Holds the folder's lock, so that no other process gets it; creates the folder if it does not exist.

    A folder that was created for the lock and is still empty is removed again.

    Raises:
        LockedError: another process has it.
    """
    is_new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with _locked(folder / LOCK_FILE, folder):
            yield
    finally:
        if is_new and [path.name for path in folder.iterdir()] in ([], [LOCK_FILE]):
            (folder / LOCK_FILE).unlink(missing_ok=True)
            folder.rmdir()


@contextmanager
def locked_file(path: Path) -> Iterator[None]:
    """The same for a file, by a hidden lock file beside it.

    Raises:
        LockedError: another process has it.
    """
    with _locked(path.with_name(f".{path.name[:200]}.lock"), path):
        yield


@contextmanager
def _locked(lock_file: Path, target: Path) -> Iterator[None]:
    lock = FileLock(lock_file, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise LockedError(
            f"{target}: another bimotion process is writing here; wait until it has finished, or choose another folder"
        ) from None
    except (OSError, NotImplementedError) as error:
        # some network file systems have no locks, read-only folders no room for one: go on as without
        logger.warning(
            "%s cannot be locked (%s): make sure that only one process writes to it", target, error
        )
        yield
        return
    try:
        yield
    finally:
        lock.release()
