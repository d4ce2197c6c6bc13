"""`bimotion prepare`: a data set from recordings."""

import json
import sys
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import Positional, arg

from bimotion.cli.options import EngineName, Flag, Machines
from bimotion.cli.terminal import note, printable, say, say_lines

if TYPE_CHECKING:
    from bimotion.data.report import PrepareReport


MAX_ROWS = 60
"""Rows of the table of what could not be used; the data card lists all."""


@dataclass(frozen=True)
class Prepare:
    """Make a data set from raw files: windows of features with captions, statistics and splits.

    An interrupted run continues when the same command is run again. At the end, files and captions that cannot be used
    are listed, and the number of captions for training is printed.

    kinds:
      bandai-namco  Bandai-Namco-Research-Motiondataset 1 and 2 (BVH)
      cmu           CMU motion capture (ASF/AMC and BVH)
      joints        joint positions in one array with tables of recordings, captions and timed phrases
      bvh           a folder of your own recordings with a captions.csv, or a .txt beside each file
      humanml3d     the published folder layout (new_joint_vecs, texts, splits)
      amass         AMASS npz (needs --body-model)
      merged        a folder of prepared data sets, joined into one

    docs/formats.md describes the files of each kind, docs/your-own-data.md every step for your own recordings.

    examples:
      bimotion prepare bandai-namco raw/dataset data/bandai
      bimotion prepare bvh takes data/mine --min-frames 40 --no-mirror
      bimotion prepare merged data all
    """

    kind: Annotated[
        Positional[Literal["bandai-namco", "cmu", "joints", "bvh", "humanml3d", "amass", "merged"]],
        arg(metavar="KIND"),
    ]
    """Kind of the raw files."""
    source: Annotated[Positional[Path], arg(metavar="SRC")]
    """Folder of raw files, or of prepared data sets."""
    out: Annotated[Positional[Path], arg(metavar="OUT")]
    """Folder of the new data set."""
    catalogue: Annotated[Path | None, arg(metavar="JSONL", help_behavior_hint="(default: none)")] = None
    """Labels and captions that replace those of the recordings: one JSON object per recording, with its id."""
    min_frames: Annotated[int | None, arg(metavar="N", help_behavior_hint="(default: 20; humanml3d 40)")] = (
        None
    )
    """Length of the shortest window, in frames at 20 per second."""
    max_frames: Annotated[int | None, arg(metavar="N", help_behavior_hint="(default: 196)")] = None
    """Length of the longest window, in frames at 20 per second."""
    no_mirror: Flag = False
    """Do not add mirrored copies."""
    long_captions: Annotated[Literal["omit", "windows"], arg(help_behavior_hint="(default: omit)")] = "omit"
    """Captions without times, of recordings longer than a window: omit them, or use them for every window whose
    measured motion does not contradict them."""
    grammar_captions: Flag = False
    """Also generate captions from content labels and measured motion for recordings that have captions."""
    workers: Annotated[int | None, arg(metavar="N", help_behavior_hint="(default: all cores)")] = None
    """Worker processes."""
    engine: EngineName = "local"
    """local: processes of this machine. ray: a Ray cluster (docs/scale.md), which the variable RAY_ADDRESS names;
    without it, one on this machine."""
    joint_map: Annotated[Path | None, arg(metavar="JSON", help_behavior_hint="(default: detected)")] = None
    """JSON object from bimotion's joint names to the files', for joints that detection gets wrong."""
    unit: Annotated[
        Literal["m", "dm", "cm", "inch", "mm"] | None,
        arg(help_behavior_hint="(default: from the body's height)"),
    ] = None
    """Unit of the files' lengths."""
    up: Annotated[Literal["y", "z"] | None, arg(help_behavior_hint="(default: from the rest pose)")] = None
    """Axis of the files that points up."""
    rate: Annotated[float | None, arg(metavar="FPS", help_behavior_hint="(default: as the files say)")] = None
    """True frames per second of the files, where they state none or a wrong one; they are resampled from it."""
    body_model: Annotated[Path | None, arg(metavar="DIR", help_behavior_hint="(AMASS only)")] = None
    """A folder of `smplx` body models."""
    json: Flag = False
    """Print the report as one JSON object."""

    def run(self) -> None:
        """Prepare and print the report."""
        report = self._merge() if self.kind == "merged" else self._prepare(self.kind)
        if self.json:
            say_lines(json.dumps(_report_json(report), indent=1))
        else:
            print_report(report)

    def _prepare(
        self, kind: Literal["bandai-namco", "cmu", "joints", "bvh", "humanml3d", "amass"]
    ) -> "PrepareReport":
        from bimotion.data.prepare import prepare_dataset
        from bimotion.data.recording import Reading
        from bimotion.data.windows import WindowConfig

        shortest = (40 if kind == "humanml3d" else 20) if self.min_frames is None else self.min_frames
        longest = 196 if self.max_frames is None else self.max_frames
        return prepare_dataset(
            kind,
            self.source,
            self.out,
            config=WindowConfig(
                min_frames=shortest,
                max_frames=longest,
                mirror=not self.no_mirror,
                long_captions=self.long_captions,
                grammar_captions=self.grammar_captions,
            ),
            reading=Reading(self.joint_map, self.unit, self.body_model, self.up, self.rate),
            catalogue=self.catalogue,
            workers=self.workers,
            engine=Machines("ray", self.workers).start() if self.engine == "ray" else None,
        )

    def _merge(self) -> "PrepareReport":
        from bimotion.cli.usage import UsageError
        from bimotion.data.merge import merge_folder

        for option in fields(self):
            name = f"--{option.name.replace('_', '-')}"
            kept = option.name in ("kind", "source", "out", "json")
            if not kept and getattr(self, option.name) != option.default:
                raise UsageError(f"{name}: not available when joining data sets; use it when preparing them")
        return merge_folder(self.source, self.out)


def print_report(report: "PrepareReport") -> None:
    """The contents of the data set on stdout, what could not be used as a table on stderr."""
    windows = ", ".join(f"{count} {split}" for split, count in report.num_windows.items())
    say(f"{report.folder}: {report.num_recordings} recordings, windows: {windows}")
    for line in (*report.captions.lines(), *report.remarks):
        say(line)
    if report.failures:
        _print_failures(report)


def _print_failures(report: "PrepareReport") -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    count = len(report.failures)
    table = Table("file", "why it could not be used", title=f"{count} files or lines left out")
    for failure in report.failures[:MAX_ROWS]:
        table.add_row(Text(printable(failure.path)), Text(printable(failure.reason)))
    # in a pipe as wide as the longest name and reason: a folded name is of no use
    Console(stderr=True, width=None if sys.stderr.isatty() else 10_000).print(table)
    if count > MAX_ROWS:
        note(f"and {count - MAX_ROWS} more: all are in {report.folder / 'README.md'}")


def _report_json(report: "PrepareReport") -> dict[str, Any]:
    return {
        "folder": str(report.folder),
        "recordings": report.num_recordings,
        "windows": dict(report.num_windows),
        "frames": report.num_frames,
        "captions": report.captions.to_json(),
        "failures": [{"file": row.path, "reason": row.reason} for row in report.failures],
        "remarks": list(report.remarks),
    }
