"""`bimotion inbetween`: the motion between two motions."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from bimotion.cli.options import (
    Device,
    Model,
    Out,
    Precision,
    Reading,
    ReadingOptions,
    Seed,
    Writing,
    WritingOptions,
)
from bimotion.cli.terminal import say, say_lines


@dataclass(frozen=True)
class Inbetween:
    """Join two motions by a generated one: the first, what leads over, the second.

    The second motion is moved to where the generated one arrives; with --keep-places it stays where its file has it,
    and the generated one is led there.

    examples:
      bimotion inbetween walk.bvh wave.bvh --seconds 1 --out both.bvh
      bimotion inbetween start.bvh end.bvh --seconds 1.5 --keep-places --out filled.bvh
    """

    first: Annotated[Positional[Path], arg(metavar="A")]
    """The motion before the gap."""
    last: Annotated[Positional[Path], arg(metavar="B")]
    """The motion after the gap."""
    out: Out
    """The file to write; one that exists is overwritten."""
    seconds: Annotated[float, arg(metavar="S")] = 1.0
    """Length of the gap."""
    keep_places: bool = False
    """Leave the second motion where it is: the two come from one recording."""
    seed: Seed = None
    """The same seed gives the same motion."""
    model: Model = None
    """A model folder or a Hub repository."""
    device: Device = "cpu"
    """Where the model runs: cpu, cuda, mps."""
    precision: Precision = "fp32"
    """What the model computes in; int8 is for large models on a CPU (docs/performance.md)."""
    json: bool = False
    """Print {"file", "seconds", "new_seconds", "frames", "fps"} instead of a line."""
    reading: ReadingOptions = Reading()
    """How both files are read."""
    writing: WritingOptions = Writing()
    """How --out is written."""

    def run(self) -> None:
        """Fill, write, and say what was written."""
        from bimotion.api import load

        self.writing.check(self.out)
        first, last = self.reading.read(self.first), self.reading.read(self.last)
        model = load(self.model, device=self.device, precision=self.precision)
        clip = model.fill_between(
            first, last, seconds=self.seconds, seed=self.seed, keep_places=self.keep_places
        )
        clip = self.writing.save(clip, self.out)
        if self.json:
            row = {
                "file": str(self.out),
                "seconds": round(clip.duration, 2),
                "new_seconds": round(round(self.seconds * clip.fps) / clip.fps, 2),
                "frames": len(clip),
                "fps": clip.fps,
            }
            say_lines(json.dumps(row, indent=1))
        else:
            say(f"{self.out}: {clip.duration:.2f} s, of which {self.seconds:.2f} s are new")
