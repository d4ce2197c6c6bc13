"""`bimotion inbetween`: a transition between two motions."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from bimotion.cli.file_options import Reading, ReadingOptions, Writing, WritingOptions
from bimotion.cli.options import Flag, Out, Running, RunningOptions, SamplingArguments, SamplingOptions
from bimotion.cli.terminal import note


@dataclass(frozen=True)
class Inbetween:
    """Join two motions: write the first, a generated transition, and the second.

    The second motion is moved to where the transition arrives; with --fixed-end it keeps the position in its file,
    and the path of the transition is bent to lead there.

    examples:
      bimotion inbetween walk.bvh wave.bvh --seconds 1 --out both.bvh
      bimotion inbetween start.bvh end.bvh --seconds 1.5 --fixed-end --out filled.bvh
    """

    first: Annotated[Positional[Path], arg(metavar="A")]
    """Motion before the gap."""
    last: Annotated[Positional[Path], arg(metavar="B")]
    """Motion after the gap."""
    out: Out
    """File to write; an existing one is overwritten."""
    seconds: Annotated[float, arg(metavar="S")] = 1.0
    """Length of the gap in seconds."""
    text: Annotated[
        str | None, arg(metavar="TEXT", help_behavior_hint="(default: as the model predicts)")
    ] = None
    """What the person does in the new motion."""
    fixed_end: Flag = False
    """Keep the position of the second motion, as for two parts of one recording."""
    keep_places: Flag = False
    """Old name of --fixed-end."""
    json: Flag = False
    """Print {"file", "seconds", "new_seconds", "frames", "fps"} instead of a line."""
    sampling: SamplingOptions = SamplingArguments()
    """How the motion is sampled."""
    running: RunningOptions = Running()
    """Which model runs, and how."""
    reading: ReadingOptions = Reading()
    """How both files are read."""
    writing: WritingOptions = Writing()
    """How --out is written."""

    def run(self) -> None:
        """Generate the transition, write, and print what was written."""
        from bimotion.cli.outputs import say_extended
        from bimotion.inference.arguments import check_number
        from bimotion.inference.prediction import MAX_SECONDS

        self.writing.check(self.out)
        check_number(self.seconds, "--seconds", 0, MAX_SECONDS)
        self.sampling.check()
        if self.keep_places:
            note(
                "bimotion: --keep-places is now --fixed-end; the old name will be removed in the next release"
            )
        first, last = self.reading.read(self.first), self.reading.read(self.last)
        clip = self.running.load().inbetween(
            first,
            last,
            seconds=self.seconds,
            text=self.text,
            seed=self.sampling.seed,
            **self.sampling.settings(),
            fixed_end=self.fixed_end or self.keep_places,
        )
        clip = self.writing.save(clip, self.out)
        new = round(self.seconds * first.fps) / first.fps
        say_extended(self.out, clip, new, as_json=self.json)
