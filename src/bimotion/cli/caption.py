"""`bimotion caption`: motions to sentences."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bimotion.cli.options import Files, Flag, Reading, ReadingOptions, Running, RunningOptions
from bimotion.cli.terminal import note, say, say_lines
from bimotion.errors import BimotionError

if TYPE_CHECKING:
    from bimotion.motion.clip import Clip


@dataclass(frozen=True)
class Caption:
    """Describe in a sentence what the person in a motion file does.

    Reads BVH, AMC, AMASS and NPY/NPZ. Long motions are captioned in parts. Captions that
    contradict the measured motion are replaced.

    examples:
      bimotion caption dance.bvh
      bimotion caption takes/*.bvh --json > captions.json
    """

    files: Files
    """Motion files."""
    json: Flag = False
    """Print one list of {"file", "caption"} instead of lines."""
    running: RunningOptions = Running()
    """Which model runs, and how."""
    reading: ReadingOptions = Reading()
    """How the files are read."""

    def run(self) -> None:
        """Caption every file that can be read, then report those that cannot."""
        from bimotion.cli.progress import track
        from bimotion.cli.usage import UsageError

        if not self.files:
            raise UsageError("expected a motion file, as in: bimotion caption dance.bvh")
        self.running.check()
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

    def _captions(self, clips: dict[Path, "Clip"]) -> dict[Path, str]:
        from bimotion.cli.progress import track

        model = self.running.load()
        return {file: model.motion_to_text(clips[file]) for file in track(list(clips), "captioning")}
