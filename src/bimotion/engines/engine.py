"""The interface of engines: the same work on many entries, in worker processes that are each set up once."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol, TypeVar, runtime_checkable

from bimotion.errors import BimotionError

Entry = TypeVar("Entry")
Result = TypeVar("Result")

Work = Callable[[Sequence[Entry]], Iterable[Result]]
"""Computes the results of a batch: one for each entry, in order."""

Start = Callable[[], Callable[[Sequence[Entry]], Iterable[Result]]]
"""Sets up a process, for instance by loading a model, and returns its work. It is pickled for other processes."""


class WorkerLost(BimotionError):
    """The worker process ended in each attempt to compute an entry."""


@runtime_checkable
class Engine(Protocol):
    """Runs work on many entries."""

    def map(
        self, start: Start[Entry, Result], entries: Sequence[Entry], batch: int = 1
    ) -> Iterator[tuple[int, Result | WorkerLost]]:
        """Results with the indices of their entries, in the order in which they are finished.

        `start` is called once in each process, and its work then gets up to `batch` entries at a time. Batches are the
        same for every engine, so that results are as well.

        Raises:
            Exception: what `start` or the work raises.
            DataError: worker processes cannot be kept running.
        """
