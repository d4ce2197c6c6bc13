"""Running jobs from the command line: a progress bar, lines as they are ready, and unusable files listed at the end."""

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from bimotion.cli.terminal import note, say

if TYPE_CHECKING:
    from bimotion.engines.engine import Engine
    from bimotion.jobs.run import Job, Row

Entry = TypeVar("Entry")


def run_rows(
    job: "Job[Entry]",
    out: Path | None,
    columns: Sequence[str],
    label: str,
    *,
    key: str = "file",
    engine: "Engine | None" = None,
) -> None:
    """Run a job whose rows go to `out`, or are printed where it is None.

    Raises:
        UsageError: some entries could not be used; all others are finished.
        DataError: `out` cannot be used.
    """
    from bimotion.cli.progress import Bar
    from bimotion.cli.usage import UsageError
    from bimotion.jobs.rows import RowFile
    from bimotion.jobs.run import run_job

    def show(row: "Row") -> None:
        if out is None:
            say(f"{row[key]}: {row[columns[-1]]}")

    with nullcontext() if out is None else RowFile(out, columns, key) as rows, Bar(label) as bar:
        outcome = run_job(job, rows, engine=engine, progress=bar.update, on_row=show)
    if out is not None:
        kept = f", {outcome.kept} were there before" if outcome.kept else ""
        say(f"{out}: {outcome.written} rows added{kept}")
    failures = list(outcome.failures.items())
    for name, failure in failures:
        note(f"bimotion: {name}: {failure}")
    if failures:
        raise UsageError(f"{len(failures)} of {len(job.entries)} could not be used; all others are finished")
