"""A folder of recordings that can be searched, by a sentence or by a motion that is like what is looked for.

Legend: T frames, W windows, D embedding width.
"""

import json
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from jaxtyping import Float

from bimotion.errors import BimotionError, ConfigError, DataError
from bimotion.evaluators.embedding import ContrastiveEmbedder, read_embedder
from bimotion.evaluators.folder import WEIGHTS_FILE, find_evaluator
from bimotion.features.clips import clip_to_features
from bimotion.features.files import read_any
from bimotion.features.layout import FPS
from bimotion.motion.clip import Clip
from bimotion.motion.formats import motion_files
from bimotion.storage.arrays import open_arrays
from bimotion.storage.atomic import atomic_path
from bimotion.storage.fingerprint import file_fingerprint
from bimotion.storage.json_files import parse_json
from bimotion.storage.locks import LockedError, locked_file
from bimotion.storage.records import record_from_json

logger = logging.getLogger(__name__)

INDEX_FILE = ".bimotion-index.npz"
"""What is known of a folder's recordings; it stands in the folder unless another place is named."""

FORMAT = "bimotion index 1"

WINDOW, HOP = 120, 60
"""Frames at 20 per second of the pieces that a recording is searched in, and from one to the next: 6 s and 3 s."""

MAX_FRAMES = 1 << 24
"""Most frames of a recording: nine days."""

SHORTEST = 10
"""Frames of the shortest recording that is searched: half a second."""

Progress = Callable[[Sequence[Path], str], Iterator[Path]]


@dataclass(frozen=True)
class Hit:
    """A piece of a recording that was found."""

    path: Path
    """The file."""
    start: float
    """Where it begins, seconds."""
    stop: float
    """Where it ends, seconds."""
    score: float
    """How near it is to what was looked for: a cosine, 1 is the same."""

    def clip(self) -> Clip:
        """The piece, at the rate of the file.

        Raises:
            MotionFileError: the file is gone or broken.
        """
        whole = read_any(self.path)
        return whole[round(self.start * whole.fps) : max(round(self.stop * whole.fps), 1)]


@dataclass(frozen=True)
class _Entry:
    """What is known of a file."""

    name: str
    size: int
    changed: int
    windows: tuple[tuple[int, int], ...]
    failure: str = ""

    def __post_init__(self) -> None:
        path = PurePosixPath(self.name)
        if path.is_absolute() or ".." in path.parts:
            raise DataError(f"{self.name!r} lies outside the folder")
        if not all(0 <= first < end <= MAX_FRAMES for first, end in self.windows):
            raise DataError(f"{self.name!r} has windows that cannot be")


@dataclass(frozen=True)
class _Index:
    """What the index says beside the embeddings."""

    format: str
    evaluator: str
    entries: tuple[_Entry, ...]


class Library:
    """A folder of recordings (BVH, AMC, NPY, NPZ), indexed so that searching takes milliseconds.

    >>> library = bimotion.Library("takes")
    >>> for hit in library.search("a person waves with the left hand", count=5):
    ...     print(hit.path, hit.start, hit.stop, hit.score)
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        evaluator: str | Path | None = None,
        index: str | Path | None = None,
        device: str = "cpu",
        track: Progress | None = None,
    ) -> None:
        """Open a folder and bring its index up to date.

        `evaluator` is a folder that `bimotion train evaluator` made (the one that comes with the package when not
        given), `index` the file to keep the index in (`.bimotion-index.npz` in the folder when not given).

        Raises:
            DataError: there is no such folder, or the index cannot be written.
            ModelError: there is no evaluator.
            ConfigError: the evaluator is the published one, which reads tagged captions only.
        """
        self.folder = Path(folder).expanduser()
        if not self.folder.is_dir():
            raise DataError(f"{self.folder}: expected a folder of recordings")
        self.index = self.folder / INDEX_FILE if index is None else Path(index).expanduser()
        judge = find_evaluator(evaluator)
        embedder = read_embedder(judge, device)
        if not isinstance(embedder, ContrastiveEmbedder):
            raise ConfigError(f"{judge}: search needs an evaluator that `bimotion train evaluator` made")
        self._embedder = embedder
        self._fingerprint = file_fingerprint(judge / WEIGHTS_FILE)
        self._entries: list[_Entry] = []
        self._points: Float[np.ndarray, "W D"] = embedder.embed_motions([])
        self._read()
        self.refresh(track)

    def __len__(self) -> int:
        """Recordings that can be found."""
        return sum(not entry.failure for entry in self._entries)

    @property
    def failures(self) -> dict[Path, str]:
        """Files that cannot be searched, and why."""
        return {self.folder / entry.name: entry.failure for entry in self._entries if entry.failure}

    def refresh(self, track: Progress | None = None) -> int:
        """Index what is new or changed, forget what is gone; gives how many files were read.

        A file is taken for changed where its size or time of change is another.

        Raises:
            DataError: the index cannot be written.
        """
        known = {entry.name: place for place, entry in enumerate(self._entries)}
        starts = np.cumsum([0, *(len(entry.windows) for entry in self._entries)])
        kept: dict[str, tuple[_Entry, np.ndarray]] = {}
        new: list[Path] = []
        for path in motion_files(self.folder):
            name, place = path.relative_to(self.folder).as_posix(), None
            stat = path.stat()
            place = known.get(name)
            if place is not None:
                entry = self._entries[place]
                if (entry.size, entry.changed) == (stat.st_size, stat.st_mtime_ns):
                    kept[name] = (entry, self._points[starts[place] : starts[place + 1]])
                    continue
            new.append(path)
        if not new and len(kept) == len(self._entries):
            return 0
        for path in track(new, "indexing") if track else new:
            kept[path.relative_to(self.folder).as_posix()] = self._look(path)
        ordered = [kept[name] for name in sorted(kept)]
        self._entries = [entry for entry, _ in ordered]
        self._points = np.concatenate([self._embedder.embed_motions([]), *(points for _, points in ordered)])
        self._write()
        return len(new)

    def search(self, what: str | Clip, count: int = 10) -> list[Hit]:
        """The recordings that are nearest to a sentence or to a motion, nearest first; the best piece of each.

        Raises:
            ConfigError: an empty sentence.
            MotionFileError: a motion of less than 0.1 s.
        """
        if isinstance(what, str):
            wanted = self._embedder.embed_texts([as_sentence(what)])[0]
        else:
            features = clip_to_features(what)
            pieces = [features[begin:end] for begin, end in windows(len(features))]
            wanted = self._embedder.embed_motions(pieces).mean(0)
        if not len(self._points):
            return []
        # Embeddings all have one length: the nearest point is the one with the largest cosine.
        size = float(np.linalg.norm(wanted) * np.linalg.norm(self._points[0]))
        scores = self._points @ wanted / size
        owner = np.repeat(np.arange(len(self._entries)), [len(entry.windows) for entry in self._entries])
        first = np.cumsum([0, *(len(entry.windows) for entry in self._entries)])
        hits: list[Hit] = []
        taken: set[int] = set()
        for place in np.argsort(-scores, kind="stable"):
            number = int(owner[place])
            if number in taken:
                continue
            taken.add(number)
            begin, end = self._entries[number].windows[place - first[number]]
            path = self.folder / self._entries[number].name
            hits.append(Hit(path, begin / FPS, end / FPS, round(float(scores[place]), 4)))
            if len(hits) == count:
                break
        return hits

    def _look(self, path: Path) -> tuple[_Entry, Float[np.ndarray, "W D"]]:
        """What a file holds; a file that cannot be used is remembered with the reason, until it changes."""
        stat = path.stat()
        facts = (path.relative_to(self.folder).as_posix(), stat.st_size, stat.st_mtime_ns)
        try:
            features = clip_to_features(read_any(path))
        except BimotionError as error:
            return _Entry(*facts, (), str(error)), self._embedder.embed_motions([])
        if len(features) < SHORTEST:
            reason = f"{path}: {len(features) / FPS:.2f} s are too short to be searched"
            return _Entry(*facts, (), reason), self._embedder.embed_motions([])
        pieces = windows(len(features))
        return _Entry(*facts, pieces), self._embedder.embed_motions([features[a:b] for a, b in pieces])

    def _read(self) -> None:
        """Take what the index holds; one of another evaluator or version, or a broken one, is made anew."""
        if not self.index.exists():
            return
        try:
            with open_arrays(self.index) as stored:
                about = parse_json(stored.read_text("about"), self.index)
                points = stored.read("points", kinds="f")
            kept = record_from_json(_Index, about, str(self.index), DataError)
        except DataError as error:
            logger.warning("%s; it is made again", error)
            return
        if (kept.format, kept.evaluator) != (FORMAT, self._fingerprint):
            return
        if points.shape == (sum(len(entry.windows) for entry in kept.entries), self._points.shape[1]):
            self._entries, self._points = list(kept.entries), points.astype(np.float32)

    def _write(self) -> None:
        about = {
            "format": FORMAT,
            "evaluator": self._fingerprint,
            "entries": [asdict(entry) for entry in self._entries],
        }
        try:
            with locked_file(self.index), atomic_path(self.index) as path, path.open("wb") as file:
                np.savez(file, points=self._points, about=np.array(json.dumps(about)))
        except LockedError as error:
            logger.warning("%s; the index is not saved", error)
        except OSError as error:
            raise DataError(
                f"{self.index}: the index cannot be written ({os.strerror(error.errno or 0)}); name another place"
            ) from None


def as_sentence(query: str) -> str:
    """A query as captions are: of one or two words ("waves", "karate kick") a sentence is made; others stay.

    That finds more: `benchmarks/search_words.py` measures it.
    """
    return f"a person {query.strip()}" if 1 <= len(query.split()) <= 2 else query


def windows(num_frames: int) -> tuple[tuple[int, int], ...]:
    """First and last frame (not included) of the pieces of a motion; the last piece is as long as the others."""
    if num_frames <= WINDOW:
        return ((0, num_frames),)
    starts = [*range(0, num_frames - WINDOW, HOP), num_frames - WINDOW]
    return tuple((start, start + WINDOW) for start in starts)
