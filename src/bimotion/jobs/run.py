"""Jobs over many files or sentences: in batches, resumable, with broken entries named at the end."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic

from bimotion.engines.engine import Engine, Entry, Start
from bimotion.engines.local import LocalEngine
from bimotion.errors import BimotionError
from bimotion.jobs.rows import RowFile

logger = logging.getLogger(__name__)

Row = Mapping[str, object]

Progress = Callable[[int, int], None]
"""Called with the numbers of finished and of all entries."""


@dataclass(frozen=True)
class Job(Generic[Entry]):
    """What is done to each entry."""

    entries: Sequence[tuple[str, Entry]]
    """The entries with their keys, which are different."""
    start: Start[Entry, Row | BimotionError]
    """Makes the work of a process: a row, or why there is none, for each entry of a batch, in order."""
    batch: int = 16
    """Entries of a batch."""


@dataclass
class Outcome:
    """What a job did."""

    written: int = 0
    """Rows that were added."""
    kept: int = 0
    """Entries whose rows were there before."""
    failures: dict[str, str] = field(default_factory=dict)
    """Entries without a row, and why; they are tried again when the job is."""


def run_job(
    job: Job[Entry],
    rows: RowFile | None,
    *,
    engine: Engine | None = None,
    progress: Progress | None = None,
    on_row: Callable[[Row], None] | None = None,
) -> Outcome:
    """Do what is not in `rows` yet, row by row; an interruption loses at most the batches in progress.

    Only this process writes to `rows`, wherever the work runs. Rows come as they are ready: in the order of the
    entries where `engine` is None, which works in this process.
    """
    finished: set[str] = set() if rows is None else rows.finished
    waiting = [(key, entry) for key, entry in job.entries if key not in finished]
    outcome = Outcome(kept=len(job.entries) - len(waiting))
    entries = [entry for _, entry in waiting]
    for index, result in (engine or LocalEngine()).map(job.start, entries, job.batch):
        if isinstance(result, BimotionError):
            key = waiting[index][0]
            outcome.failures[key] = str(result)
            logger.info("%s: %s", key, result)
        else:
            if rows is not None:
                rows.append(result)
            outcome.written += 1
            if on_row is not None:
                on_row(result)
        if progress is not None:
            progress(outcome.kept + outcome.written + len(outcome.failures), len(job.entries))
    return outcome
