"""The index of a folder of recordings: embeddings and facts of pieces of 6 s, on disk as one file.

Legend: W windows (pieces) of all recordings, D embedding width.
"""

import errno
import json
import logging
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np
from jaxtyping import Float, Int

from bimotion.errors import DataError
from bimotion.search.window_facts import NUM_FACTS, facts_are_possible
from bimotion.storage.arrays import open_arrays
from bimotion.storage.atomic import atomic_path
from bimotion.storage.json_files import parse_json
from bimotion.storage.locks import LockedError, locked_file
from bimotion.storage.records import record_from_json

logger = logging.getLogger(__name__)

INDEX_FILE = ".bimotion-index.npz"
"""Default name of the index, in the folder of the recordings."""

FORMAT = "bimotion index 2"

WINDOW, HOP = 120, 60
"""Length of a piece and distance to the next, in frames at 20 fps: 6 s and 3 s."""

MAX_FRAMES = 1 << 24
"""Longest recording in frames: nine days."""


@dataclass(frozen=True)
class FileState:
    """Properties of a file that change with its content; if one of them differs, the content is compared."""

    size: int
    """Bytes."""
    modified: int
    """Time of modification, nanoseconds."""
    changed: int
    """Time of the last change of the inode, nanoseconds, which also changes when tools restore the modification
    time."""

    @classmethod
    def of(cls, path: Path) -> "FileState":
        """The state of a file."""
        stat = path.stat()
        return cls(stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)


@dataclass(frozen=True)
class Entry:
    """A file of the folder."""

    name: str
    """Path below the folder, with slashes."""
    digest: str
    """SHA-256 of its content."""
    state: FileState
    """Its state when it was read."""
    frames: int = 0
    """Length in frames at 20 fps."""
    windows: int = 0
    """Number of its windows."""
    failure: str = ""
    """Why it cannot be searched; empty if it can."""

    def __post_init__(self) -> None:
        path = PurePosixPath(self.name)
        if path.is_absolute() or ".." in path.parts:
            raise DataError(f"{self.name!r} lies outside the folder")
        if not (0 <= self.frames <= MAX_FRAMES and 0 <= self.windows <= MAX_FRAMES):
            raise DataError(f"{self.name!r} has an invalid length")


@dataclass(frozen=True)
class About:
    """Contents of the index file besides its arrays."""

    format: str
    """`FORMAT`."""
    evaluator: str
    """Fingerprint of the evaluator that embedded the windows."""
    entries: tuple[Entry, ...]
    """The files, by name."""


@dataclass(frozen=True)
class Pieces:
    """The windows of a recording, or of many."""

    bounds: Int[np.ndarray, "W 2"]
    """First and last frame (exclusive) of each window."""
    facts: Float[np.ndarray, "W 6"]
    """Facts of each window (`window_facts`)."""
    embeddings: Float[np.ndarray, "W D"]
    """Embedding of each window."""

    def __len__(self) -> int:
        return len(self.bounds)

    def __getitem__(self, rows: slice) -> "Pieces":
        return Pieces(self.bounds[rows], self.facts[rows], self.embeddings[rows])

    @classmethod
    def joined(cls, parts: Iterable["Pieces"], width: int) -> "Pieces":
        """All windows of several recordings, in order."""
        several = [
            cls(
                np.zeros((0, 2), np.int32),
                np.zeros((0, NUM_FACTS), np.float32),
                np.zeros((0, width), np.float32),
            ),
            *parts,
        ]
        return cls(
            np.concatenate([each.bounds for each in several]),
            np.concatenate([each.facts for each in several]),
            np.concatenate([each.embeddings for each in several]),
        )


@dataclass(frozen=True)
class Index:
    """Files and their windows, in the same order."""

    entries: tuple[Entry, ...]
    """The files, by name."""
    pieces: Pieces
    """Windows of all files."""

    @property
    def first_rows(self) -> Int[np.ndarray, " E"]:
        """First window of each file, and the number of all windows."""
        return np.cumsum([0, *(entry.windows for entry in self.entries)])

    def by_digest(self) -> dict[str, tuple[Entry, Pieces]]:
        """Searchable files by content: a file that was moved or copied is not read again."""
        first = self.first_rows
        return {
            entry.digest: (entry, self.pieces[first[number] : first[number + 1]])
            for number, entry in enumerate(self.entries)
            if not entry.failure
        }

    @classmethod
    def of(cls, found: Sequence[tuple[Entry, Pieces]], width: int) -> "Index":
        """The index of files with their windows."""
        ordered = sorted(found, key=lambda pair: pair[0].name)
        return cls(
            tuple(replace(entry, windows=len(pieces)) for entry, pieces in ordered),
            Pieces.joined((pieces for _, pieces in ordered), width),
        )


def read_index(path: Path, evaluator: str, width: int) -> Index | None:
    """The index in a file; None if there is none, it is broken, or belongs to another evaluator or version."""
    if not path.exists():
        return None
    try:
        with open_arrays(path) as stored:
            about = parse_json(stored.read_text("about"), path)
            if not isinstance(about, dict) or (about.get("format"), about.get("evaluator")) != (
                FORMAT,
                evaluator,
            ):
                return None
            bounds = stored.read("bounds", kinds="i")
            facts, embeddings = stored.read("facts", kinds="f"), stored.read("embeddings", kinds="f")
        entries = record_from_json(About, about, str(path), DataError).entries
        count = sum(entry.windows for entry in entries)
        shapes = (bounds.shape, facts.shape, embeddings.shape)
        if shapes != ((count, 2), (count, NUM_FACTS), (count, width)):
            raise DataError(f"{path}: its arrays have the shapes {shapes}")
        if (np.abs(np.square(embeddings, dtype=np.float64).mean(1) - 1) > 0.05).any():
            raise DataError(f"{path}: its embeddings do not have the norm sqrt(D)")
        owners = np.repeat([entry.frames for entry in entries], [entry.windows for entry in entries])
        if not ((bounds >= 0) & (bounds <= owners[:, None])).all() or (bounds[:, 0] >= bounds[:, 1]).any():
            raise DataError(f"{path}: it has windows outside of their recordings")
        if not facts_are_possible(facts):
            raise DataError(f"{path}: it has facts that no recording has")
    except DataError as error:
        logger.warning("%s; the index is rebuilt", error)
        return None
    pieces = Pieces(bounds.astype(np.int32), facts.astype(np.float32), embeddings.astype(np.float32))
    return Index(entries, pieces)


def write_index(index: Index, path: Path, evaluator: str) -> None:
    """Write the index file.

    Raises:
        DataError: it cannot be written.
    """
    about = json.dumps(asdict(About(FORMAT, evaluator, index.entries)))
    pieces = index.pieces
    try:
        if not path.absolute().parent.is_dir():  # the lock would make it
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        with locked_file(path), atomic_path(path) as target, target.open("wb") as file:
            np.savez(
                file,
                bounds=pieces.bounds,
                facts=pieces.facts,
                embeddings=pieces.embeddings,
                about=np.array(about),
            )
    except LockedError as error:
        logger.warning("%s; the index is not saved", error)
    except OSError as error:
        raise DataError(
            f"{path}: the index cannot be written ({os.strerror(error.errno or 0)}); choose another file with --index"
        ) from None


def windows(num_frames: int) -> tuple[tuple[int, int], ...]:
    """First and last frame (exclusive) of the windows of a motion; the last window is as long as the others."""
    if num_frames <= WINDOW:
        return ((0, num_frames),)
    starts = [*range(0, num_frames - WINDOW, HOP), num_frames - WINDOW]
    return tuple((start, start + WINDOW) for start in starts)
