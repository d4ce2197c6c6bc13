"""`bimotion duplicates`: the same take under several names."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from bimotion.cli.options import Flag, Reading, ReadingOptions
from bimotion.cli.terminal import note, say, say_lines
from bimotion.errors import BimotionError


@dataclass(frozen=True)
class Duplicates:
    """Find recordings of a folder that are the same take under other names: whole, cropped or mirrored.

    Position, heading, frame rate, format and body size do not count. Prints a line a pair; nothing is deleted.

    examples:
      bimotion duplicates takes/
      bimotion duplicates takes/ --json > duplicates.json
    """

    folder: Annotated[Positional[Path], arg(metavar="FOLDER")]
    """Folder of the recordings, read with its subfolders."""
    json: Flag = False
    """Print a JSON list of {"first", "second", "start", "mirrored", "distance"}."""
    reading: ReadingOptions = Reading()
    """How the files are read."""

    def run(self) -> None:
        """Read, compare, print the pairs."""
        from bimotion.cli.progress import Bar, track
        from bimotion.features.clips import clip_to_features
        from bimotion.jobs.duplicates import find_duplicates
        from bimotion.jobs.folders import recordings

        features = {}
        for name, recording in track(recordings(self.folder), "reading"):
            try:
                features[name] = clip_to_features(self.reading.read(recording.path))
            except BimotionError as error:
                note(f"bimotion: not compared: {name}: {error}")
        with Bar("comparing") as bar:
            found = find_duplicates(features, bar.update)
        if self.json:
            say_lines(json.dumps([asdict(each) for each in found], indent=1))
            return
        for each in found:
            mirrored = ", mirrored" if each.mirrored else ""
            say(
                f"{each.second} is in {each.first} from {each.start:.2f} s{mirrored} ({1000 * each.distance:.1f} mm)"
            )
        if not found:
            note("bimotion: no duplicates found")
