"""`bimotion tags`: what the recordings of a folder show, as columns."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from bimotion.cli.file_options import Reading, ReadingOptions
from bimotion.cli.options import MachineOptions, Machines, Running, RunningOptions


@dataclass(frozen=True)
class Tags:
    """Write length, speed, content, side and caption of every recording in a folder as columns of a table.

    Rows are written as they are ready; to continue after an interruption, run the same command again. Recordings
    that cannot be read are listed at the end.

    examples:
      bimotion tags takes/ --out tags.csv
    """

    folder: Annotated[Positional[Path], arg(metavar="FOLDER")]
    """Folder of the recordings, read with its subfolders."""
    out: Annotated[Path, arg(metavar="FILE")]
    """Table to write: .csv or .jsonl; existing rows are kept."""
    running: RunningOptions = Running()
    """Which model runs, and how."""
    reading: ReadingOptions = Reading()
    """How the files are read."""
    machines: MachineOptions = Machines()
    """Where the work runs."""

    def run(self) -> None:
        """Tag what has no row yet."""
        from bimotion.cli.folder_jobs import run_rows
        from bimotion.jobs.folders import TAG_COLUMNS, tag_job

        self.running.check()
        job = tag_job(self.folder, self.running.load, self.reading.read)
        run_rows(job, self.out, TAG_COLUMNS, "tagging", engine=self.machines.start(self.running.device))
