"""The engine of one machine: this process, or several."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import connection, get_context, parent_process
from threading import Thread
from typing import Any

from bimotion.engines.engine import Entry, Result, Start, Work
from bimotion.errors import DataError, check_range


@dataclass(frozen=True)
class LocalEngine:
    """Runs work in this process or in several processes of this machine."""

    workers: int = 1
    """Processes; 1 works in this one, entry by entry and in order."""

    def __post_init__(self) -> None:
        check_range(self, "workers", 1)

    def map(
        self, start: Start[Entry, Result], entries: Sequence[Entry], batch: int = 1
    ) -> Iterator[tuple[int, Result]]:
        """Results with the indices of their entries, in the order in which they are finished.

        Raises:
            DataError: a worker process was killed.
        """
        if not entries:
            return
        starts = range(0, len(entries), batch)
        if self.workers == 1:
            work = start()
            for first in starts:
                yield from enumerate(work(entries[first : first + batch]), first)
            return
        # spawn: a forked worker would inherit torch's and BLAS's threads in an unknown state
        context = get_context("spawn")
        with ProcessPoolExecutor(
            self.workers, mp_context=context, initializer=_begin, initargs=(start,)
        ) as pool:
            futures = {pool.submit(_run, entries[first : first + batch]): first for first in starts}
            try:
                for future in as_completed(futures):
                    yield from enumerate(future.result(), futures[future])
            except BrokenProcessPool:
                raise DataError(
                    "a worker process was killed, perhaps for lack of memory; run the same command again with fewer "
                    "--workers to continue"
                ) from None
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise


def num_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Process:
    """State of a worker process; a process pool can only pass it in a global."""

    start: Start[Any, Any]
    work: Work[Any, Any] | None = None


def _begin(start: Start[Any, Any]) -> None:
    """Set up this worker process; it ends when its parent ends, even if that is killed."""
    _Process.start = start
    parent = parent_process()
    assert parent is not None

    def watch() -> None:
        connection.wait([parent.sentinel])
        os._exit(1)

    Thread(target=watch, daemon=True).start()


def _run(batch: Sequence[Any]) -> list[Any]:
    if _Process.work is None:
        _Process.work = _Process.start()
    return list(_Process.work(batch))
