"""`bimotion duplicates`: the same take under several names."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from bimotion.cli.file_options import Reading, ReadingOptions
from bimotion.cli.options import Flag, MachineOptions, Machines
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
    machines: MachineOptions = Machines()
    """Where the files are read; they are compared in this process."""

    def run(self) -> None:
        """Read, compare, print the pairs."""
        from bimotion.cli.progress import Bar
        from bimotion.jobs.duplicates import find_duplicates
        from bimotion.jobs.folders import recordings
        from bimotion.jobs.work import Encodings

        entries = recordings(self.folder)
        encoded = {}
        with Bar("reading") as bar:
            results = self.machines.start().map(
                Encodings(self.reading.read), [each for _, each in entries], 4
            )
            for done, (index, result) in enumerate(results, 1):
                encoded[index] = result
                bar.update(done, len(entries))
        features = {}
        for index, (name, _) in enumerate(entries):
            result = encoded[index]
            if isinstance(result, BimotionError):
                note(f"bimotion: not compared: {name}: {result}")
            else:
                features[name] = result
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
