"""A folder of recordings that can be searched, by a sentence or by an example motion.

Legend: T frames, W windows, D embedding width.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from bimotion.errors import ConfigError, DataError
from bimotion.evaluators.embedding import ContrastiveEmbedder, read_embedder
from bimotion.evaluators.folder import WEIGHTS_FILE, find_evaluator
from bimotion.features.clips import clip_to_features
from bimotion.features.files import read_any
from bimotion.features.layout import FPS
from bimotion.motion.clip import Clip
from bimotion.motion.formats import motion_files
from bimotion.search.filters import Filters
from bimotion.search.index import (
    INDEX_FILE,
    Entry,
    FileState,
    Index,
    Pieces,
    read_index,
    windows,
    write_index,
)
from bimotion.search.indexing import Indexing
from bimotion.search.moments import best_moment, moment_of_sentence
from bimotion.storage.fingerprint import file_fingerprint

MIN_PROBABILITY = 0.5
"""Default score below which a sentence finds nothing."""

MOMENT_PIECES = 3
"""Pieces in which the moment of a sentence is looked for, for each hit that is wanted."""

Progress = Callable[[Sequence[Path], str], Iterator[Path]]


@dataclass(frozen=True)
class Hit:
    """A piece of a recording that was found."""

    path: Path
    """The file."""
    start: float
    """Beginning of the piece, seconds."""
    stop: float
    """End of the piece, seconds."""
    score: float
    """For a sentence the probability that it is true of the piece, if the evaluator is calibrated; else the cosine."""
    cosine: float
    """Cosine of the embeddings of query and piece."""

    def clip(self) -> Clip:
        """The piece, at the rate of the file.

        Raises:
            MotionFileError: the file is gone or broken.
        """
        whole = read_any(self.path)
        return whole[round(self.start * whole.fps) : max(round(self.stop * whole.fps), 1)]


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

        `evaluator` is a folder written by `bimotion train evaluator` (default: the bundled evaluator), `index` the file
        of the index (default: `.bimotion-index.npz` in the folder).

        Raises:
            DataError: there is no such folder, or the index cannot be written.
            ModelError: there is no evaluator.
            ConfigError: the evaluator is the published one, which reads tagged captions only.
        """
        self.folder = Path(folder).expanduser()
        if not self.folder.is_dir():
            raise DataError(f"{self.folder}: expected a folder of recordings")
        self.index_file = self.folder / INDEX_FILE if index is None else Path(index).expanduser()
        evaluator_folder = find_evaluator(evaluator)
        embedder = read_embedder(evaluator_folder, device)
        if not isinstance(embedder, ContrastiveEmbedder):
            raise ConfigError(
                f"{evaluator_folder}: search needs an evaluator trained by `bimotion train evaluator`"
            )
        self._embedder, self._width = embedder, embedder.embed_motions([]).shape[1]
        self._fingerprint = file_fingerprint(evaluator_folder / WEIGHTS_FILE)
        stored = read_index(self.index_file, self._fingerprint, self._width)
        self.index = stored or Index.of([], self._width)
        self.refresh(track, force=stored is None)

    def __len__(self) -> int:
        """Number of recordings that can be found."""
        return sum(not entry.failure for entry in self.index.entries)

    @property
    def calibrated(self) -> bool:
        """Whether scores of sentences are probabilities."""
        return self._embedder.calibration is not None

    @property
    def failures(self) -> dict[Path, str]:
        """Files that cannot be searched, and why."""
        return {self.folder / entry.name: entry.failure for entry in self.index.entries if entry.failure}

    def refresh(self, track: Progress | None = None, *, force: bool = False) -> int:
        """Index new and changed files, drop deleted ones; returns the number of files that were read.

        A file whose size and times are as before is unchanged; otherwise its content decides. If interrupted, it keeps
        what was indexed.

        Raises:
            DataError: the index cannot be written.
        """
        kept, unread = self._kept()
        if not force and not unread and [entry for entry, _ in kept] == list(self.index.entries):
            return 0
        reading = Indexing(self.folder, self._embedder)
        try:
            for path in track(unread, "indexing") if track else unread:
                reading.add(path)
        finally:
            reading.flush()
            self.index = Index.of([*kept, *reading.found], self._width)
            write_index(self.index, self.index_file, self._fingerprint)
        return len(unread)

    def search(
        self,
        query: str | Clip,
        count: int = 10,
        *,
        min_score: float | None = None,
        filters: Filters | None = None,
    ) -> list[Hit]:
        """The recordings that match a sentence or an example best, with the best piece of each; best first.

        Hits below `min_score` are left out. The default is a probability of 0.5 for sentences, if the evaluator is
        calibrated, and no limit otherwise. So a sentence may find nothing.

        Raises:
            ConfigError: an empty sentence, or a count below 1.
            MotionFileError: an example of less than 0.1 s.
        """
        if count < 1:
            raise ConfigError(f"count: expected 1 or more, got {count}")
        text = query if isinstance(query, str) else None
        embedding = self._embed(query)
        pieces = self.index.pieces
        if not len(pieces):
            return []
        # Embeddings have one length: the largest product is the largest cosine.
        norm = float(np.linalg.norm(embedding) * np.linalg.norm(pieces.embeddings[0]))
        cosines = pieces.embeddings @ embedding / norm
        scores = self._scores(text, cosines)
        min_score = self._least(text, min_score)
        allowed = (filters or Filters()).allowed(self.index, text) & (scores >= min_score)
        return self._best_pieces(cosines, scores, allowed, count)

    def moments(
        self,
        query: str | Clip,
        count: int = 10,
        *,
        min_score: float | None = None,
        filters: Filters | None = None,
    ) -> list[Hit]:
        """As `search`, with start and stop of the moment in each recording that matches best.

        For a sentence it lasts at least 0.8 s and is as long as the recording shows it; for an example 1.5 to 6 s. The
        score is that of the moment, so a sentence is also found in a piece that mostly shows something else.

        Raises:
            ConfigError: an empty sentence, or a count below 1.
            MotionFileError: an example of less than 0.1 s, or a recording that is gone.
        """
        text = query if isinstance(query, str) else None
        min_score = self._least(text, min_score)
        # The moment's score counts: it can be high in a piece that mostly shows something else.
        several, least = (count, min_score) if text is None else (count * MOMENT_PIECES, -np.inf)
        hits = self.search(query, several, min_score=least, filters=filters)
        embedding = self._embed(query) if hits else None
        found = []
        for hit in hits:
            assert embedding is not None
            features = clip_to_features(read_any(hit.path))
            near = (round(hit.start * FPS), round(hit.stop * FPS))
            moment = best_moment if text is None else moment_of_sentence
            start, stop, cosine = moment(features, near, embedding, self._embedder)
            score = float(self._scores(text, np.array([cosine]))[0])
            found.append(
                replace(
                    hit, start=start / FPS, stop=stop / FPS, score=round(score, 4), cosine=round(cosine, 4)
                )
            )
        found = [hit for hit in found if hit.score >= min_score]
        return sorted(found, key=lambda hit: -hit.cosine)[:count]

    def _least(self, text: str | None, min_score: float | None) -> float:
        """The least score of a hit; by default there is one for sentences and calibrated evaluators only."""
        if min_score is not None:
            return min_score
        return MIN_PROBABILITY if text is not None and self.calibrated else -np.inf

    def _scores(self, text: str | None, cosines: Float[np.ndarray, " W"]) -> Float[np.ndarray, " W"]:
        """Probabilities for a sentence with a calibrated evaluator, else the cosines."""
        calibration = self._embedder.calibration
        if text is None or calibration is None:
            return cosines
        return calibration.probability(cosines) * calibration.known_share(as_sentence(text))

    def _embed(self, query: str | Clip) -> Float[np.ndarray, " D"]:
        if isinstance(query, str):
            return np.asarray(self._embedder.embed_texts([as_sentence(query)])[0])
        features = clip_to_features(query)
        parts = [features[begin:end] for begin, end in windows(len(features))]
        return np.asarray(self._embedder.embed_motions(parts).mean(0))

    def _best_pieces(
        self,
        cosines: Float[np.ndarray, " W"],
        scores: Float[np.ndarray, " W"],
        allowed: Bool[np.ndarray, " W"],
        count: int,
    ) -> list[Hit]:
        """The best allowed piece of each recording."""
        entries, bounds = self.index.entries, self.index.pieces.bounds
        owners = np.repeat(np.arange(len(entries)), [entry.windows for entry in entries])
        hits: dict[int, Hit] = {}
        for row in np.argsort(-cosines, kind="stable"):
            owner = int(owners[row])
            if not allowed[row] or owner in hits:
                continue
            begin, end = (float(frame) / FPS for frame in bounds[row])
            path = self.folder / entries[owner].name
            hits[owner] = Hit(path, begin, end, round(float(scores[row]), 4), round(float(cosines[row]), 4))
            if len(hits) == count:
                break
        return list(hits.values())

    def _kept(self) -> tuple[list[tuple[Entry, Pieces]], list[Path]]:
        """Files of the folder that the index holds already, with their windows, and files that have to be read."""
        first = self.index.first_rows
        by_name = {entry.name: number for number, entry in enumerate(self.index.entries)}
        by_digest: dict[str, tuple[Entry, Pieces]] | None = None
        kept: list[tuple[Entry, Pieces]] = []
        unread: list[Path] = []
        for path in motion_files(self.folder):
            name, state = path.relative_to(self.folder).as_posix(), FileState.of(path)
            number = by_name.get(name)
            if number is not None and self.index.entries[number].state == state:
                kept.append(
                    (self.index.entries[number], self.index.pieces[first[number] : first[number + 1]])
                )
                continue
            by_digest = self.index.by_digest() if by_digest is None else by_digest
            same = by_digest.get(file_fingerprint(path)) if by_digest else None
            if same is None:
                unread.append(path)
            else:
                kept.append((replace(same[0], name=name, state=state), same[1]))
        return kept, unread


def as_sentence(query: str) -> str:
    """The query in the form of a caption: one or two words ("waves", "karate kick") become a sentence.

    This finds more (measured by `research/search_quality.py`).
    """
    return f"a person {query.strip()}" if 1 <= len(query.split()) <= 2 else query
