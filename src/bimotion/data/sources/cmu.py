"""The CMU motion capture database: ASF/AMC files and BVH conversions, with a packaged table of contents."""

import json
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

from bimotion.captions.acts import Label
from bimotion.data.recording import Recording, TimedCaption
from bimotion.data.sources import Found
from bimotion.data.splits import group_takes
from bimotion.errors import DataError
from bimotion.motion.formats import motion_files

LICENCE = "free for all uses (mocap.cs.cmu.edu, created with funding from NSF EIA-0196217)"


def find_recordings(folder: Path) -> Found:
    """All recordings below a folder, in the order of their ids.

    The packaged table names contents by the last two parts of the path (the file's name for the eight-action
    set). An AMC file finds `NN.asf` of its subject beside it. Recordings not in the table are motion only.

    Raises:
        DataError: there is none.
    """
    table = _load_table()
    rows = {row["file"]: row for row in table["recordings"]}
    found: dict[str, Recording] = {}
    for path in motion_files(folder):
        if path.suffix.lower() not in (".bvh", ".amc") or path.stem.startswith("dataset-"):
            continue  # `dataset-` are Bandai-Namco's, unpacked into the same folder
        tail = f"{path.parent.name}/{path.name}"
        row = rows.get(path.name) or rows.get(tail)
        name = row["id"] if row else f"cmu_{path.parent.name}_{path.stem}"
        found[name] = _recording(name, path, row)
    if not found:
        raise DataError(f"{folder}: expected .bvh or .amc files somewhere below, found none")
    takes = group_takes({name: name for name in found}, [tuple(group) for group in table["same_take"]])
    return Found([replace(found[name], take=takes[name]) for name in sorted(found)])


def _load_table() -> dict[str, Any]:
    text = resources.files("bimotion.data").joinpath("static/cmu_recordings.json").read_text("utf-8")
    table: dict[str, Any] = json.loads(text)
    return table


def _recording(name: str, path: Path, row: dict[str, Any] | None) -> Recording:
    is_amc = path.suffix.lower() == ".amc"
    skeleton = path.parent / f"{path.stem.partition('_')[0]}.asf" if is_amc else None
    known = row or {"source": "cmu-amc" if is_amc else "cmu-bvh", "content": "other", "use_text": False}
    label = Label(name, known["content"], use_text=known["use_text"])
    return Recording(
        name,
        path,
        known["source"],
        name,
        label,
        LICENCE,
        captions=tuple(TimedCaption(text) for text in known.get("captions", ())),
        skeleton=skeleton,
        noisy=True,
    )
