"""A folder of own recordings: motion files with a `captions.csv`, or a `.txt` of captions beside each."""

import csv
from pathlib import Path

from bimotion.captions.acts import Label
from bimotion.data.recording import Recording, TimedCaption
from bimotion.errors import DataError
from bimotion.motion.formats import READS

CAPTIONS_FILE = "captions.csv"


def find_recordings(folder: Path) -> list[Recording]:
    """All motion files below a folder with the captions that it gives them.

    `captions.csv` has a header with the columns `file` (relative to the folder) and `caption`, and may have
    `start` and `end` (seconds), `content`, `style` and `licence`; a file may stand in several lines. Without
    it, `walk.txt` beside `walk.bvh` holds a caption a line. A file without captions is motion only.

    Raises:
        DataError: there is no motion file, or the captions file has a bad line.
    """
    return find_files(folder, READS, source="own")


def find_files(folder: Path, suffixes: tuple[str, ...], source: str) -> list[Recording]:
    """The same for motion files with the given suffixes."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in suffixes)
    if not paths:
        raise DataError(f"{folder}: expected {' or '.join(suffixes)} files somewhere below, found none")
    rows = _read_captions(folder / CAPTIONS_FILE) if (folder / CAPTIONS_FILE).is_file() else {}
    names = {path.relative_to(folder).as_posix(): path for path in paths}
    if unknown := sorted(set(rows) - set(names)):
        raise DataError(f"{folder / CAPTIONS_FILE}: names {unknown[0]!r}, which is not below {folder}")
    return [_recording(name, path, rows.get(name), source) for name, path in names.items()]


def _recording(name: str, path: Path, rows: list[dict[str, str]] | None, source: str) -> Recording:
    stem = name.removesuffix(path.suffix)
    first = rows[0] if rows else {}
    if rows:
        captions = tuple(
            TimedCaption(
                row["caption"].strip(),
                float(row.get("start") or 0),
                float(row["end"]) if row.get("end") else None,
            )
            for row in rows
            if row["caption"].strip()
        )
    else:
        captions = _read_sidecar(path.with_suffix(".txt"))
    content, style = first.get("content") or "own", first.get("style") or "none"
    label = Label(stem, content, style, use_text=bool(captions))
    return Recording(stem, path, source, stem, label, first.get("licence") or "own recording", captions)


def _read_sidecar(path: Path) -> tuple[TimedCaption, ...]:
    if not path.is_file():
        return ()
    lines = (line.strip() for line in path.read_text("utf-8").splitlines())
    return tuple(TimedCaption(line) for line in lines if line)


def _read_captions(path: Path) -> dict[str, list[dict[str, str]]]:
    rows: dict[str, list[dict[str, str]]] = {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        if not {"file", "caption"} <= set(reader.fieldnames or ()):
            raise DataError(f"{path}: expected the columns `file` and `caption`, got {reader.fieldnames}")
        for row in reader:
            for column in ("start", "end"):
                if row.get(column) and not row[column].strip().replace(".", "", 1).isdigit():
                    raise DataError(
                        f"{path}:{reader.line_num}: {column} must be seconds, got {row[column]!r}"
                    )
            if not row["file"] or row["caption"] is None:
                raise DataError(f"{path}:{reader.line_num}: expected a file and a caption, got {row}")
            rows.setdefault(row["file"].strip(), []).append(row)
    return rows
