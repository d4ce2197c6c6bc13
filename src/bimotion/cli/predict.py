"""`bimotion predict`: how a motion goes on."""

import json
from dataclasses import dataclass
from typing import Annotated

from tyro.conf import arg

from bimotion.cli.options import (
    Device,
    File,
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
class Predict:
    """Continue a motion: the given motion, and what the model thinks comes next.

    examples:
      bimotion predict walk.bvh --seconds 2 --out longer.bvh
      bimotion predict walk.bvh --out next.html --only-new
    """

    file: File
    """The motion to go on from."""
    out: Out
    """The file to write; one that exists is overwritten."""
    seconds: Annotated[float, arg(metavar="S")] = 2.0
    """How much to add."""
    only_new: bool = False
    """Write only what was added."""
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
    """How the file is read."""
    writing: WritingOptions = Writing()
    """How --out is written."""

    def run(self) -> None:
        """Continue, write, and say what was written."""
        from bimotion.api import load

        self.writing.check(self.out)
        given = self.reading.read(self.file)
        model = load(self.model, device=self.device, precision=self.precision)
        clip = model.continue_motion(given, seconds=self.seconds, seed=self.seed)
        new = round(self.seconds * clip.fps)
        written = clip[len(clip) - new :] if self.only_new else clip
        written = self.writing.save(written, self.out)
        if self.json:
            row = {
                "file": str(self.out),
                "seconds": round(written.duration, 2),
                "new_seconds": round(new / clip.fps, 2),
                "frames": len(written),
                "fps": written.fps,
            }
            say_lines(json.dumps(row, indent=1))
        else:
            say(f"{self.out}: {written.duration:.2f} s, of which {new / clip.fps:.2f} s are new")
