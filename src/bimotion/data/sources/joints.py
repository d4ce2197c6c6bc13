"""Joint positions in one array, with a table of recordings, captions of windows, and timed phrases.

    joints.npy                 (N, 22, 3) float, metres, Y up, 20 frames per second; or
    joints_delta_halfmm.npy    the same as int16 differences of half a millimetre, summed from each recording's start
    recordings.jsonl           `id`, `offset`, `frames`; `split`, `description`, `max_relative_speed`, `licence`
    captions.jsonl             `id`, `start`, `end` (frames), `captions`; `events`: [start_s, end_s, phrase]
    captions_reference.jsonl   `id`, `start_s`, `end_s`, `captions`: for measuring only

`captions_written.jsonl` and `captions_human.jsonl` are other names of the last two files.
"""

from collections import defaultdict
from pathlib import Path
from typing import Any

from bimotion.captions.acts import Label
from bimotion.data.recording import Annotation, Recording, TimedCaption
from bimotion.data.sources import Found
from bimotion.data.splits import SPLITS
from bimotion.errors import DataError
from bimotion.features.layout import FPS
from bimotion.storage.json_files import json_kind, read_json_lines

CMU_LICENCE = (
    "free for all uses but resale of the motion itself; obtained from mocap.cs.cmu.edu, created with funding "
    "from NSF EIA-0196217"
)
ARRAYS = ("joints.npy", "joints_delta_halfmm.npy")
MAX_RELATIVE_SPEED = 14.0
"""Recordings in which a joint moves faster about the root, in m/s, are broken: the fastest true kick reaches 13."""
MAX_REFERENCE_SECONDS = 10.05
"""Reference captions of longer parts describe more than a window holds."""


def find_recordings(folder: Path) -> Found:
    """The recordings of the table, with their captions; those that are marked as broken are left out.

    Raises:
        DataError: a file is missing or malformed, or a caption names a recording or frames that do not exist.
    """
    array = next((folder / name for name in ARRAYS if (folder / name).is_file()), None)
    if array is None:
        raise DataError(f"{folder}: expected {' or '.join(ARRAYS)}")
    table = {str(row["id"]): row for row in _rows(folder / "recordings.jsonl", "id", "offset", "frames")}
    written = _written(_optional(folder, "captions.jsonl", "captions_written.jsonl"), table)
    reference = _reference(_optional(folder, "captions_reference.jsonl", "captions_human.jsonl"), table)
    found = []
    for name, row in sorted(table.items()):
        if row.get("max_relative_speed", 0.0) > MAX_RELATIVE_SPEED:
            continue
        split = row.get("split")
        if split is not None and split not in SPLITS:
            raise DataError(
                f"{folder / 'recordings.jsonl'}: {name} has the split {split!r}, expected train, val or test"
            )
        annotations = written[name] + (reference[name] if split == "test" else [])
        found.append(
            Recording(
                id=name,
                path=array,
                source=str(row.get("data_set", "cmu" if "copies" in row else "joints")),
                take=name,
                label=Label(name, str(row.get("description") or "").lower(), use_text=bool(annotations)),
                licence=str(row.get("licence", CMU_LICENCE if "copies" in row else "as given by its owner")),
                split=split,
                rows=(int(row["offset"]), int(row["frames"])),
                annotations=tuple(annotations),
            )
        )
    return Found(found)


def _optional(folder: Path, *names: str) -> Path | None:
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _rows(path: Path, *keys: str) -> list[dict[str, Any]]:
    rows = []
    for where, row in read_json_lines(path):
        if not isinstance(row, dict):
            raise DataError(f"{where}: expected a JSON object, got {json_kind(row)}")
        if missing := [key for key in keys if key not in row]:
            raise DataError(f"{where}: expected an object with {', '.join(keys)}; {missing[0]} is missing")
        rows.append(row)
    return rows


def _written(path: Path | None, table: dict[str, dict[str, Any]]) -> dict[str, list[Annotation]]:
    """Annotations for training, by recording."""
    found: dict[str, list[Annotation]] = defaultdict(list)
    for number, row in enumerate(_rows(path, "id", "start", "end", "captions") if path else (), 1):
        frames = table.get(str(row["id"]), {}).get("frames", 0)
        if not 0 <= row["start"] < row["end"] < frames:
            raise DataError(
                f"{path}:{number}: {row['id']} has {frames} frames, got a window of frames "
                f"{row['start']} to {row['end']}"
            )
        events = tuple(TimedCaption(text, start, end) for start, end, text in row.get("events", ()))
        found[str(row["id"])].append(
            Annotation(int(row["start"]), int(row["end"]), tuple(row["captions"]), events)
        )
    return found


def _reference(path: Path | None, table: dict[str, dict[str, Any]]) -> dict[str, list[Annotation]]:
    """Annotations for measuring, by recording; captions of the same part are joined."""
    parts: dict[str, dict[tuple[int, int], list[str]]] = defaultdict(lambda: defaultdict(list))
    for number, row in enumerate(_rows(path, "id", "start_s", "end_s", "captions") if path else (), 1):
        name = str(row["id"])
        if name not in table:
            raise DataError(f"{path}:{number}: there is no recording {name!r} in recordings.jsonl")
        if row["end_s"] - row["start_s"] <= MAX_REFERENCE_SECONDS:
            last = int(table[name]["frames"]) - 1
            start, end = round(row["start_s"] * FPS), min(last, round(row["end_s"] * FPS))
            parts[name][start, end] += row["captions"]
    return defaultdict(
        list,
        {
            name: [
                Annotation(start, end, tuple(dict.fromkeys(captions)), reference=True)
                for (start, end), captions in sorted(of.items())
            ]
            for name, of in parts.items()
        },
    )
