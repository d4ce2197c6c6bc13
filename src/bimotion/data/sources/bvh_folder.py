"""A folder of own recordings: motion files with a `captions.csv`, or a `.txt` of captions beside each."""

import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from bimotion.captions.acts import Label
from bimotion.data.caption_files import CaptionRow, read_sidecar, read_table
from bimotion.data.recording import Recording, TimedCaption
from bimotion.data.report import Failure
from bimotion.data.sources import Found
from bimotion.errors import DataError
from bimotion.motion.formats import READS, motion_files

CAPTIONS_FILE = "captions.csv"


def find_recordings(folder: Path) -> Found:
    """All motion files below a folder with the captions that it gives them.

    `captions.csv` has a header with the columns `file` (relative to the folder) and `caption`, and may have
    `start` and `end` (seconds), `content`, `style` and `licence`; a file may have several lines. Without
    it, `walk.txt` beside `walk.bvh` holds a caption a line. A file without captions is motion only.

    Raises:
        DataError: there is no motion file, or `captions.csv` has no header.
    """
    return find_files(folder, READS, source="own")


def find_files(folder: Path, suffixes: tuple[str, ...], source: str, *, skip: str = "") -> Found:
    """The same for motion files with the given suffixes, except those with the name `skip`."""
    paths = [p for p in motion_files(folder) if p.suffix.lower() in suffixes and p.name != skip]
    if not paths:
        raise DataError(f"{folder}: expected {' or '.join(suffixes)} files somewhere below, found none")
    failures = _dangling_links(folder, suffixes)
    by_id: dict[str, Path] = {}
    for path in paths:
        first = by_id.setdefault(_id(folder, path), path)
        if first != path:
            failures.append(Failure(str(path), f"has the same name as {first.name}, which is used"))
    table = folder / CAPTIONS_FILE
    if not table.is_file():
        return _with_sidecars(by_id, source, failures)
    rows, unread = read_table(table)
    rows_of, unknown = _rows_by_id(
        rows, {_plain(p.relative_to(folder).as_posix()): i for i, p in by_id.items()}
    )
    recordings = [_from_rows(name, path, rows_of.get(name, ()), source) for name, path in by_id.items()]
    return Found(recordings, failures + unread + unknown)


def _id(folder: Path, path: Path) -> str:
    return path.relative_to(folder).as_posix().removesuffix(path.suffix)


def _plain(name: str) -> str:
    """A relative name as it is compared: composed letters (macOS decomposes them), forward slashes, no `./`."""
    return PurePosixPath(unicodedata.normalize("NFC", name.replace("\\", "/"))).as_posix()


def _dangling_links(folder: Path, suffixes: Sequence[str]) -> list[Failure]:
    return [
        Failure(str(path), "is a link to a file that does not exist")
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in suffixes and path.is_symlink() and not path.exists()
    ]


def _rows_by_id(
    rows: Sequence[CaptionRow], id_of: dict[str, str]
) -> tuple[dict[str, list[CaptionRow]], list[Failure]]:
    found: dict[str, list[CaptionRow]] = defaultdict(list)
    unknown = []
    for row in rows:
        name = id_of.get(_plain(row.file))
        if name is None:
            unknown.append(Failure(row.where, f"names {row.file!r}, which is not a recording in this folder"))
        else:
            found[name].append(row)
    return found, unknown


def _from_rows(name: str, path: Path, rows: Sequence[CaptionRow], source: str) -> Recording:
    captions = tuple(TimedCaption(row.caption, row.start, row.end) for row in rows if row.caption)
    content, style, licence = (
        next((value for row in rows if (value := getattr(row, column))), default)
        for column, default in (("content", "own"), ("style", "none"), ("licence", "own recording"))
    )
    label = Label(name, content, style, use_text=bool(captions))
    return Recording(name, path, source, name, label, licence, captions)


def _with_sidecars(by_id: dict[str, Path], source: str, failures: list[Failure]) -> Found:
    recordings = []
    for name, path in by_id.items():
        text = path.with_suffix(".txt")
        captions, unread = read_sidecar(text) if text.is_file() else ((), [])
        failures += unread
        label = Label(name, "own", use_text=bool(captions))
        recordings.append(Recording(name, path, source, name, label, "own recording", captions))
    return Found(recordings, failures)
