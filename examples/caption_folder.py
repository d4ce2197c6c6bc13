"""Captions of all recordings in a folder, as captions.csv; files that cannot be read are named and skipped.

python examples/caption_folder.py FOLDER
"""

import csv
import sys
from pathlib import Path

import bimotion
from bimotion.motion.formats import motion_files


def main(folder: Path) -> None:
    """Caption every motion file below a folder."""
    model = bimotion.load()
    with (folder / "captions.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "caption"])
        for path in motion_files(folder):
            try:
                clip = bimotion.read_clip(path)
            except bimotion.MotionFileError as error:
                print(error, file=sys.stderr)
                continue
            rows.writerow([path.relative_to(folder).as_posix(), model.motion_to_text(clip)])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
