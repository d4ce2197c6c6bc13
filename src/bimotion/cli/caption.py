"""`bimotion caption`: motions to sentences."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bimotion.cli.options import Device, Files, Model, Precision, Reading, ReadingOptions
from bimotion.cli.terminal import note, say, say_lines
from bimotion.errors import BimotionError

if TYPE_CHECKING:
    from bimotion.motion.clip import Clip


@dataclass(frozen=True)
class Caption:
    """Say in a sentence what the person in a motion file does.

    Reads BVH, AMC, AMASS and NPY/NPZ. A motion longer than the model takes is captioned part by part.

    examples:
      bimotion caption dance.bvh
      bimotion caption takes/*.bvh --json > captions.json
    """

    files: Files
    """Motion files."""
    model: Model = None
    """A model folder or a Hub repository."""
    device: Device = "cpu"
    """Where the model runs: cpu, cuda, mps."""
    precision: Precision = "fp32"
    """What the model computes in; int8 is for large models on a CPU (docs/performance.md)."""
    json: bool = False
    """Print one list of {"file", "caption"} instead of lines."""
    reading: ReadingOptions = Reading()
    """How the files are read."""

    def run(self) -> None:
        """Caption every file that can be read, then complain about those that cannot."""
        from bimotion.cli.usage import UsageError

        if not self.files:
            raise UsageError("which motion file? As in: bimotion caption dance.bvh")

        from bimotion.api import model_folder
        from bimotion.cli.progress import track

        model_folder(self.model)  # complains at once when there is none
        clips = {}
        failures: list[str] = []
        for file in track(self.files, "reading"):
            try:
                clips[file] = self.reading.read(file)
            except BimotionError as error:
                failures.append(str(error))
        captions = self._captions(clips) if clips else {}
        if self.json:
            say_lines(
                json.dumps(
                    [{"file": str(file), "caption": said} for file, said in captions.items()], indent=1
                )
            )
        else:
            for file, said in captions.items():
                say(f"{file}: {said}" if len(self.files) > 1 else said)
        for failure in failures[:-1]:
            note(f"bimotion: {failure}")
        if failures:
            raise UsageError(failures[-1])

    def _captions(self, clips: dict[Path, "Clip"]) -> dict[Path, str]:
        from bimotion.api import load
        from bimotion.cli.progress import track

        model = load(self.model, device=self.device, precision=self.precision)
        return {file: model.motion_to_text(clips[file]) for file in track(list(clips), "captioning")}
