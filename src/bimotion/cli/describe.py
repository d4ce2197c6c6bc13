"""`bimotion describe`: what happens in a motion, with times."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import arg

from bimotion.cli.file_options import Reading, ReadingOptions
from bimotion.cli.options import File, Flag, Running, RunningOptions
from bimotion.cli.terminal import say, say_lines


@dataclass(frozen=True)
class Describe:
    """Describe what the person in a motion file does, in the order in which it happens.

    The motion is cut where the movement changes, and each part is captioned. With --times each line has its start and
    end; --out writes them as .srt or .vtt subtitles, .csv, .json, or a .txt timeline that `bimotion compose` reads.

    examples:
      bimotion describe dance.bvh
      bimotion describe dance.bvh --times
      bimotion describe dance.bvh --out dance.vtt
    """

    file: File
    """Motion file."""
    times: Flag = False
    """Print start and end of each part, seconds."""
    json: Flag = False
    """Print a JSON list of {"text", "start", "end"}."""
    out: Annotated[Path | None, arg(metavar="FILE", help_behavior_hint="(default: print)")] = None
    """File to write: .srt .vtt .csv .json or .txt; an existing one is overwritten."""
    running: RunningOptions = Running()
    """Which model runs, and how."""
    reading: ReadingOptions = Reading()
    """How the file is read."""

    def run(self) -> None:
        """Describe, and print or write it."""
        from bimotion.cli.progress import Bar
        from bimotion.cli.usage import UsageError
        from bimotion.inference.timed_text import TIMED_FORMATS, to_json
        from bimotion.storage.atomic import atomic_path

        if self.out is not None and self.out.suffix.lower() not in TIMED_FORMATS:
            raise UsageError(f"{self.out}: expected one of {' '.join(TIMED_FORMATS)}")
        if self.out is not None and not self.out.absolute().parent.is_dir():
            raise UsageError(f"{self.out}: the folder {self.out.parent} does not exist; create it first")
        self.running.check()
        clip = self.reading.read(self.file)
        with Bar("captioning") as bar:
            phrases = self.running.load().describe(clip, progress=bar.update)
        if self.out is not None:
            with atomic_path(self.out) as target:
                target.write_text(TIMED_FORMATS[self.out.suffix.lower()](phrases), encoding="utf-8")
            say(f"{self.out}: {len(phrases)} parts")
        elif self.json:
            say_lines(to_json(phrases).rstrip())
        else:
            for phrase in phrases:
                say(
                    f"{phrase.start:7.2f} - {phrase.end:7.2f} s  {phrase.text}" if self.times else phrase.text
                )
