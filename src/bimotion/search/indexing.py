"""Reading recordings into the index of a library: features in windows, their embeddings and facts."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from bimotion.errors import BimotionError
from bimotion.evaluators.embedding import ContrastiveEmbedder
from bimotion.features.clips import clip_to_features
from bimotion.features.files import read_any
from bimotion.features.layout import FPS
from bimotion.search.index import Entry, FileState, Pieces, windows
from bimotion.search.window_facts import NUM_FACTS, window_facts
from bimotion.storage.fingerprint import file_fingerprint

MIN_RECORDING_FRAMES = 10
"""Shortest recording that is searched, in frames at 20 fps: half a second."""

BATCH = 256
"""Windows that are embedded at once while indexing."""


class Indexing:
    """Files that are read one by one, and whose windows are embedded in batches."""

    def __init__(self, folder: Path, embedder: ContrastiveEmbedder) -> None:
        self._folder, self._embedder = folder, embedder
        self.found: list[tuple[Entry, Pieces]] = []
        self._waiting: list[tuple[Entry, list[np.ndarray]]] = []

    def add(self, path: Path) -> None:
        """Read a file; one that cannot be used is remembered with the reason until it changes."""
        entry = Entry(path.relative_to(self._folder).as_posix(), file_fingerprint(path), FileState.of(path))
        try:
            features = clip_to_features(read_any(path))
        except BimotionError as error:
            self._waiting.append((replace(entry, failure=str(error)), []))
            return
        if len(features) < MIN_RECORDING_FRAMES:
            least = MIN_RECORDING_FRAMES / FPS
            reason = f"{path}: too short to be searched ({len(features) / FPS:.2f} s, at least {least} s)"
            self._waiting.append((replace(entry, failure=reason), []))
            return
        parts = [features[begin:end] for begin, end in windows(len(features))]
        self._waiting.append((replace(entry, frames=len(features)), parts))
        if sum(len(waiting) for _, waiting in self._waiting) >= BATCH:
            self.flush()

    def flush(self) -> None:
        """Embed the waiting windows."""
        embeddings = self._embedder.embed_motions([part for _, parts in self._waiting for part in parts])
        row = 0
        for entry, parts in self._waiting:
            bounds = np.array(windows(entry.frames) if parts else np.zeros((0, 2)), dtype=np.int32)
            facts = [window_facts(part) for part in parts]
            rows = embeddings[row : row + len(parts)]
            self.found.append(
                (entry, Pieces(bounds, np.array(facts, dtype=np.float32).reshape(-1, NUM_FACTS), rows))
            )
            row += len(parts)
        self._waiting = []
