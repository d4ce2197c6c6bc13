"""`bimotion caption`: motions to sentences."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import arg

from bimotion.cli.file_options import Reading, ReadingOptions
from bimotion.cli.options import Files, Flag, MachineOptions, Machines, Running, RunningOptions
from bimotion.cli.terminal import note, say, say_lines
from bimotion.errors import BimotionError

if TYPE_CHECKING:
    from bimotion.motion.clip import Clip


@dataclass(frozen=True)
class Caption:
    """Describe in a sentence what the person in a motion file does.

    For a folder, rows are written to --out as they are ready; to continue after an interruption, run the same command
    again.

    Reads BVH, AMC, AMASS and NPY/NPZ. Long motions are captioned in parts. Captions that
    contradict the measured motion are replaced.

    examples:
      bimotion caption dance.bvh
      bimotion caption takes/*.bvh --json > captions.json
      bimotion caption takes/ --out captions.csv
      bimotion caption takes/ --sidecar vtt
    """

    files: Files
    """Motion files, or one folder."""
    out: Annotated[Path | None, arg(metavar="FILE", help_behavior_hint="(.csv or .jsonl, for a folder)")] = (
        None
    )
    """Table of captions to write; existing rows are kept."""
    sidecar: Annotated[
        Literal["vtt", "srt", "json", "csv", "txt"] | None, arg(help_behavior_hint="(for a folder)")
    ] = None
    """Write captions with times beside each recording, in files of this suffix."""
    best: Annotated[
        int | None, arg(metavar="N", help_behavior_hint="(default: 32; 1 without captioned training motions)")
    ] = None
    """Number of nearest training motions whose captions are candidates; 1 uses the network's own caption."""
    json: Flag = False
    """Print one list of {"file", "caption"} instead of lines."""
    running: RunningOptions = Running()
    """Which model runs, and how."""
    reading: ReadingOptions = Reading()
    """How the files are read."""
    machines: MachineOptions = Machines()
    """Where a folder is captioned."""

    def run(self) -> None:
        """Caption every file that can be read, then report those that cannot."""
        from bimotion.cli.progress import track
        from bimotion.cli.usage import UsageError

        if not self.files:
            raise UsageError("expected a motion file, as in: bimotion caption dance.bvh")
        self.running.check()
        if len(self.files) == 1 and self.files[0].is_dir():
            self._folder(self.files[0])
            return
        if self.out is not None or self.sidecar is not None:
            raise UsageError(
                "--out and --sidecar: expected one folder, as in: bimotion caption takes/ --out captions.csv"
            )
        clips = {}
        failures: list[str] = []
        for file in track(self.files, "reading"):
            try:
                clips[file] = self.reading.read(file)
            except BimotionError as error:
                failures.append(str(error))
        captions = self._captions(clips) if clips else {}
        if self.json:
            rows = [{"file": str(file), "caption": caption} for file, caption in captions.items()]
            say_lines(json.dumps(rows, indent=1))
        else:
            for file, caption in captions.items():
                say(f"{file}: {caption}" if len(self.files) > 1 else caption)
        for failure in failures[:-1]:
            note(f"bimotion: {failure}")
        if failures:
            raise UsageError(failures[-1])

    def _folder(self, folder: Path) -> None:
        """Caption a folder, as far as that is not done yet."""
        from bimotion.cli.folder_jobs import run_rows
        from bimotion.cli.usage import UsageError
        from bimotion.jobs.folders import CAPTION_COLUMNS, caption_job

        if self.out is not None and self.out.suffix.lower() in (".vtt", ".srt"):
            kind = self.out.suffix[1:].lower()
            raise UsageError(
                f"--out: expected .csv or .jsonl for a folder; --sidecar {kind} writes timed captions beside "
                "each recording"
            )
        job = caption_job(
            folder,
            self.running.load,
            self.reading.read,
            sidecar=None if self.sidecar is None else f".{self.sidecar}",
            skip_described=self.out is None,
            best=self.best,
        )
        engine = self.machines.start(self.running.device)
        run_rows(job, self.out, CAPTION_COLUMNS, "captioning", engine=engine)

    def _captions(self, clips: dict[Path, "Clip"]) -> dict[Path, str]:
        from bimotion.cli.progress import track

        model = self.running.load()
        return {
            file: model.motion_to_text(clips[file], best=self.best)
            for file in track(list(clips), "captioning")
        }
