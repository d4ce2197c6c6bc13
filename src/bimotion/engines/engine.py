"""What all engines have in common: the same work on many entries, spread over processes that each start once."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol, TypeVar, runtime_checkable

from bimotion.errors import BimotionError

Entry = TypeVar("Entry")
Result = TypeVar("Result")

Work = Callable[[Sequence[Entry]], Iterable[Result]]
"""Computes the results of a batch: one for each entry, in order."""

Start = Callable[[], Callable[[Sequence[Entry]], Iterable[Result]]]
"""Makes the work of a process: reads models and whatever else is needed once. It is pickled for other processes."""


class WorkerLost(BimotionError):
    """The process that worked on an entry ended every time that the entry was tried."""


@runtime_checkable
class Engine(Protocol):
    """Runs work on many entries."""

    def map(
        self, start: Start[Entry, Result], entries: Sequence[Entry], batch: int = 1
    ) -> Iterator[tuple[int, Result | WorkerLost]]:
        """The results with the indices of their entries, each once, as they are ready.

        `start` is called once in each process, and its work then gets up to `batch` entries at a time. Batches are the
        same for every engine, so that results are as well.

        Raises:
            Exception: what `start` or the work raises.
            DataError: worker processes cannot be kept running.
        """
