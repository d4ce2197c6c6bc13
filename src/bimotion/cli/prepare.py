"""`bimotion prepare`: a data set from recordings."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, arg

if TYPE_CHECKING:
    from bimotion.data.report import PrepareReport


@dataclass(frozen=True)
class Prepare:
    """Make a data set from raw files: windows of features with captions, statistics and splits.

    Interrupted and started again, it goes on. Files that cannot be used are listed at the end.

    kinds:
      bandai-namco  Bandai-Namco-Research-Motiondataset 1 and 2 (BVH)
      cmu           CMU motion capture (ASF/AMC and BVH)
      bvh           a folder of own recordings with a captions.csv, or a .txt beside each file
      humanml3d     the published folder layout (new_joint_vecs, texts, splits)
      amass         AMASS npz (needs --body-model of a `convert` first; see docs/formats.md)

    examples:
      bimotion prepare bandai-namco raw/dataset data/bandai
      bimotion prepare bvh takes data/mine --min-frames 40 --no-mirror
    """

    kind: Annotated[
        Positional[Literal["bandai-namco", "cmu", "bvh", "humanml3d", "amass"]], arg(metavar="KIND")
    ]
    """What the raw files are."""
    source: Annotated[Positional[Path], arg(metavar="SRC")]
    """The folder of raw files."""
    out: Annotated[Positional[Path], arg(metavar="OUT")]
    """The folder to make."""
    catalogue: Annotated[Path | None, arg(metavar="JSONL", help_behavior_hint="(default: none)")] = None
    """Labels and captions that replace those found: an object a recording, with its id."""
    min_frames: Annotated[int | None, arg(metavar="N", help_behavior_hint="(default: 20; humanml3d 40)")] = (
        None
    )
    """Shortest window, frames at 20 per second."""
    max_frames: Annotated[int, arg(metavar="N")] = 196
    """Longest window."""
    no_mirror: bool = False
    """Do not add mirrored copies."""
    workers: Annotated[int | None, arg(metavar="N", help_behavior_hint="(default: all cores)")] = None
    """Processes to work in."""
    json: bool = False
    """Print the outcome as one object."""

    def run(self) -> None:
        """Prepare, then say what there is and what could not be used."""
        from bimotion.data.prepare import prepare_dataset
        from bimotion.data.windows import WindowConfig

        shortest = self.min_frames or (40 if self.kind == "humanml3d" else 20)
        report = prepare_dataset(
            self.kind,
            self.source,
            self.out,
            config=WindowConfig(min_frames=shortest, max_frames=self.max_frames, mirror=not self.no_mirror),
            catalogue=self.catalogue,
            workers=self.workers,
        )
        if self.json:
            print(
                json.dumps(
                    {
                        "folder": str(report.folder),
                        "recordings": report.num_recordings,
                        "windows": dict(report.num_windows),
                        "frames": report.num_frames,
                        "failures": [{"file": row.path, "reason": row.reason} for row in report.failures],
                    },
                    indent=1,
                )
            )
        else:
            print_report(report)


def print_report(report: "PrepareReport") -> None:
    """What there is on stdout, what could not be used as a table on stderr."""
    windows = ", ".join(f"{count} {split}" for split, count in report.num_windows.items())
    print(f"{report.folder}: {report.num_recordings} recordings, windows: {windows}")
    if not report.failures:
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("file", "why it could not be used", title=f"{len(report.failures)} files left out")
    for failure in report.failures:
        table.add_row(failure.path, failure.reason)
    Console(stderr=True, width=None if sys.stderr.isatty() else 160).print(table)
