"""Joint positions in one array, with a table of recordings, captions of windows, and timed phrases.

    joints.npy                 (N, 22, 3) float, metres, Y up, 20 frames per second; or
    joints_delta_halfmm.npy    the same as int16 differences of half a millimetre, summed from each recording's start
    recordings.jsonl           `id`, `offset`, `frames`; `split`, `description`, `max_relative_speed`, `licence`
    captions.jsonl             `id`, `start`, `end` (frames), `captions`; `events`: [start_s, end_s, phrase]
    captions_reference.jsonl   `id`, `start_s`, `end_s`, `captions`: for measuring only

`captions_written.jsonl` and `captions_human.jsonl` are other names of the last two files.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bimotion.captions.acts import Label
from bimotion.captions.sentence import unusable_reason
from bimotion.data.recording import Annotation, Recording, TimedCaption
from bimotion.data.sources import Found
from bimotion.data.splits import Split
from bimotion.errors import DataError, check_range
from bimotion.features.layout import FPS
from bimotion.storage.records import read_rows

CMU_LICENCE = (
    "free for all uses but resale of the motion itself; obtained from mocap.cs.cmu.edu, created with funding "
    "from NSF EIA-0196217"
)
ARRAYS = ("joints.npy", "joints_delta_halfmm.npy")
MAX_RELATIVE_SPEED = 14.0
"""Recordings in which a joint moves faster about the root, in m/s, are broken: the fastest true kick reaches 13."""
MAX_REFERENCE_SECONDS = 10.05
"""Reference captions of longer parts describe more than a window holds."""


@dataclass(frozen=True)
class RecordingRow:
    """A line of `recordings.jsonl`."""

    id: str
    """Recording."""
    offset: int
    """First row of the array."""
    frames: int
    """Rows of the array."""
    split: Split | None = None
    """Where it belongs; None: as chance has it."""
    description: str | None = None
    """What it shows, as its owner says."""
    data_set: str = ""
    """Name of the data set."""
    licence: str = ""
    """Licence of the recording."""
    max_relative_speed: float = 0.0
    """Speed of the fastest joint about the root, metres per second."""
    copies: tuple[str, ...] | None = None
    """CMU's recordings with the same motion; None for other data sets."""

    def __post_init__(self) -> None:
        check_range(self, ("offset", "frames"), 0)


@dataclass(frozen=True)
class WindowRow:
    """A line of `captions.jsonl`."""

    id: str
    """Recording."""
    start: int
    """First frame."""
    end: int
    """Frame after the last."""
    captions: tuple[str, ...]
    """Captions of the window."""
    events: tuple[tuple[float, float, str], ...] = ()
    """Phrases with their seconds in the window."""


@dataclass(frozen=True)
class ReferenceRow:
    """A line of `captions_reference.jsonl`."""

    id: str
    """Recording."""
    start_s: float
    """First second."""
    end_s: float
    """Last second."""
    captions: tuple[str, ...]
    """Captions of the part."""


def find_recordings(folder: Path) -> Found:
    """The recordings of the table, with their captions; those that are marked as broken are left out.

    Raises:
        DataError: a file is missing or malformed, or a caption names a recording or frames that do not exist.
    """
    array = next((folder / name for name in ARRAYS if (folder / name).is_file()), None)
    if array is None:
        raise DataError(f"{folder}: expected {' or '.join(ARRAYS)}")
    table = {row.id: row for _, row in read_rows(RecordingRow, folder / "recordings.jsonl")}
    written = _written(_optional(folder, "captions.jsonl", "captions_written.jsonl"), table)
    reference = _reference(_optional(folder, "captions_reference.jsonl", "captions_human.jsonl"), table)
    found = []
    for name, row in sorted(table.items()):
        if row.max_relative_speed > MAX_RELATIVE_SPEED:
            continue
        annotations = written[name] + (reference[name] if row.split == "test" else [])
        found.append(
            Recording(
                id=name,
                path=array,
                source=row.data_set or ("joints" if row.copies is None else "cmu"),
                take=name,
                label=Label(name, (row.description or "").lower(), use_text=bool(annotations)),
                licence=row.licence or ("as given by its owner" if row.copies is None else CMU_LICENCE),
                split=row.split,
                rows=(row.offset, row.frames),
                annotations=tuple(annotations),
            )
        )
    return Found(found)


def _optional(folder: Path, *names: str) -> Path | None:
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _written(path: Path | None, table: dict[str, RecordingRow]) -> dict[str, list[Annotation]]:
    """Annotations for training, by recording."""
    found: dict[str, list[Annotation]] = defaultdict(list)
    for where, row in read_rows(WindowRow, path) if path else ():
        frames = table[row.id].frames if row.id in table else 0
        if not 0 <= row.start < row.end < frames:
            raise DataError(
                f"{where}: {row.id} has {frames} frames, got a window of frames {row.start} to {row.end}"
            )
        _check_captions(where, (*row.captions, *(text for _, _, text in row.events)))
        events = tuple(TimedCaption(text, start, end) for start, end, text in row.events)
        found[row.id].append(Annotation(row.start, row.end, row.captions, events))
    return found


def _reference(path: Path | None, table: dict[str, RecordingRow]) -> dict[str, list[Annotation]]:
    """Annotations for measuring, by recording; captions of the same part are joined."""
    parts: dict[str, dict[tuple[int, int], list[str]]] = defaultdict(lambda: defaultdict(list))
    for where, row in read_rows(ReferenceRow, path) if path else ():
        if row.id not in table:
            raise DataError(f"{where}: there is no recording {row.id!r} in recordings.jsonl")
        last = table[row.id].frames - 1
        if not 0 <= row.start_s < min(row.end_s, last / FPS):
            raise DataError(
                f"{where}: {row.id} has {last / FPS:g} seconds, got a part from {row.start_s:g} to {row.end_s:g}"
            )
        _check_captions(where, row.captions)
        if row.end_s - row.start_s <= MAX_REFERENCE_SECONDS:
            start, end = round(row.start_s * FPS), min(last, round(row.end_s * FPS))
            parts[row.id][start, end] += row.captions
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


def _check_captions(where: str, captions: Sequence[str]) -> None:
    if reason := next(filter(None, map(unusable_reason, captions)), ""):
        raise DataError(f"{where}: {reason}")
