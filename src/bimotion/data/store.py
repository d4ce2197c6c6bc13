"""A prepared data set on disk: features of all windows in one memory-mapped array, and an index.

features.npy   (frames of all windows, 263) float32, not normalised; mirrored copies are computed on reading
index.jsonl    one line per window: its id, rows, labels, captions and facts
stats.npz      mean and std of the training split, mirrored copies included
meta.json      settings, sources, and files that could not be used
README.md      data card
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from bimotion.captions.contents import Side
from bimotion.captions.facts import MotionFacts
from bimotion.captions.phrases import Gait
from bimotion.data.splits import SPLITS, Split
from bimotion.errors import DataError
from bimotion.features.layout import FEATURE_DIM, FPS, MAX_FEATURE
from bimotion.features.mirror import mirror_features
from bimotion.features.normalise import FeatureStats
from bimotion.storage.arrays import map_array
from bimotion.storage.json_files import read_json_lines, read_json_object
from bimotion.storage.records import record_from_json

FEATURES_FILE, INDEX_FILE, STATS_FILE, META_FILE, CARD_FILE = (
    "features.npy",
    "index.jsonl",
    "stats.npz",
    "meta.json",
    "README.md",
)


FORMAT_VERSION = 2
"""Counts up when prepared data sets change; older ones are read where that is possible."""


class Event(NamedTuple):
    """A timed phrase of a window."""

    start: float
    """Seconds from the window's start."""
    end: float
    """Seconds from the window's start."""
    text: str
    """What happens, as a phrase in the third person."""


@dataclass(frozen=True)
class Item:
    """One window of motion, or its mirrored copy, with its labels and captions."""

    id: str
    """`recording#window`, with an `M` at the end for mirrored copies."""
    take: str
    """The take that it was cut from; a take is in one split."""
    split: Split
    """train, val or test."""
    source: str
    """Data set."""
    content: str
    """Content group."""
    label: str
    """Content label of the source."""
    style: str
    """Style label of the source; `none` where it has none."""
    side: Side
    """Side that every one of the captions names; `none` where some do not."""
    gait: Gait
    """Kind of locomotion."""
    start: int
    """First frame of the window in the take, at 20 frames per second."""
    num_frames: int
    """Feature frames."""
    offset: int
    """First row in `features.npy`."""
    mirrored: bool
    """Whether this is the mirrored copy of those rows."""
    text: bool
    """Whether the captions may be used in training."""
    captions: tuple[str, ...]
    """True captions."""
    licence: str
    """Licence of the recording."""
    facts: dict[str, Any] = field(default_factory=dict)
    """Measured facts (`MotionFacts.to_json`); empty where none were measured."""
    events: tuple[Event, ...] = ()
    """Timed phrases; empty where none are known."""
    tags: tuple[str, ...] = ()
    """Tagged words (`walk/VERB run/VERB`) of each caption; empty where the data set has none."""

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return self.num_frames / FPS

    @property
    def is_span(self) -> bool:
        """Whether it is a span of phrases, which overlaps with windows of the gapless cut of its take."""
        return not self.id.split("#")[-1].rstrip("M").isdecimal()

    def motion_facts(self) -> MotionFacts | None:
        """The measured facts, if there are any."""
        return MotionFacts.from_json(self.facts) if self.facts else None

    def to_json(self) -> dict[str, Any]:
        """The line of the index."""
        return {**vars(self), "captions": list(self.captions), "tags": list(self.tags)}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Item":
        """The item of a line of the index.

        Raises:
            DataError: a field is missing, unknown or of another type.
        """
        return record_from_json(cls, values, "item", DataError)


@dataclass(frozen=True)
class _Meta:
    """What is read of `meta.json`; it may hold more."""

    version: int = 1
    num_recordings: int = 0
    failures: tuple[dict[str, str], ...] = ()
    notes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    unused_captions: dict[str, tuple[int, int]] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    merged: tuple[dict[str, Any], ...] = ()


class MotionStore:
    """A prepared data set, opened for reading; features stay on the disk until they are used."""

    def __init__(self, folder: Path, items: list[Item], meta: dict[str, Any]) -> None:
        """Use `MotionStore.open`."""
        self.folder = folder
        self.meta = meta
        self._items = items

    @classmethod
    def open(cls, folder: Path | str) -> "MotionStore":
        """The data set in a folder that `prepare` wrote.

        Raises:
            DataError: the folder holds no complete data set.
        """
        folder = Path(folder)
        for name in (FEATURES_FILE, INDEX_FILE, STATS_FILE, META_FILE):
            if not (folder / name).is_file():
                raise DataError(
                    f"{folder}: expected a prepared data set, {name} is missing. Make one with "
                    "`bimotion prepare`; if it was interrupted, run the same command again."
                )
        meta = read_json_object(folder / META_FILE)
        known = {name: meta[name] for name in _Meta.__dataclass_fields__ if name in meta}
        record_from_json(_Meta, known, str(folder / META_FILE), DataError)
        if meta.get("version", 1) not in range(1, FORMAT_VERSION + 1):
            raise DataError(
                f"{folder}: a data set of format {meta.get('version')}, this version of bimotion reads 1 to "
                f"{FORMAT_VERSION}; prepare it again"
            )
        items = [_read_item(values, where) for where, values in read_json_lines(folder / INDEX_FILE)]
        store = cls(folder, items, meta)
        outside = next((item for item in items if item.offset + item.num_frames > store.num_rows), None)
        if outside:
            raise DataError(
                f"{folder}: {outside.id} ends at row {outside.offset + outside.num_frames} of {store.num_rows} in "
                f"{FEATURES_FILE}; prepare it again"
            )
        return store

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Item]:
        return iter(self._items)

    def items(self, split: Split | None = None, *, mirrored: bool = True, text: bool = False) -> list[Item]:
        """The windows of a split (of all splits if None).

        `mirrored=False` leaves out mirrored copies, `text=True` windows without captions to learn from.
        """
        if split is not None and split not in SPLITS:
            raise DataError(f"split {split!r}: expected one of {', '.join(SPLITS)}")
        return [
            item
            for item in self._items
            if split in (None, item.split) and (mirrored or not item.mirrored) and (item.text or not text)
        ]

    def features(self, item: Item) -> Float[np.ndarray, "T 263"]:
        """The features of a window, float32, not normalised."""
        rows = self._checked(item.offset, item.offset + item.num_frames, item.id)
        return mirror_features(rows) if item.mirrored else rows.copy()

    @property
    def num_rows(self) -> int:
        """Feature frames on disk, mirrored copies not counted."""
        return len(self._rows)

    def blocks(self, rows: int = 4096) -> Iterator[Float[np.ndarray, "T 263"]]:
        """All rows of the features file, some thousand at a time."""
        for start in range(0, self.num_rows, rows):
            yield self._checked(start, start + rows, f"rows from {start} on")

    def _checked(self, start: int, end: int, what: str) -> Float[np.ndarray, "T 263"]:
        rows = np.asarray(self._rows[start:end])
        if not (np.abs(rows) <= MAX_FEATURE).all():  # False for NaN
            raise DataError(
                f"{self.folder / FEATURES_FILE}: {what}: not finite, or above {MAX_FEATURE:g}; prepare it again"
            )
        return rows

    @cached_property
    def _rows(self) -> np.ndarray:
        return map_array(self.folder / FEATURES_FILE, dtype=np.float32, columns=FEATURE_DIM)

    @cached_property
    def stats(self) -> FeatureStats:
        """Mean and std by which the features are normalised."""
        return FeatureStats.load(self.folder / STATS_FILE)


def _read_item(values: Any, where: str) -> Item:
    item = record_from_json(Item, values, where, DataError)
    if item.num_frames < 1 or item.offset < 0:
        raise DataError(f"{where}: {item.id} has {item.num_frames} frames from row {item.offset} on")
    return item


def write_index(items: Iterable[Item], path: Path) -> None:
    """Writes the lines of an index, in place."""
    with path.open("w", encoding="utf-8") as lines:
        lines.writelines(json.dumps(item.to_json(), ensure_ascii=False) + "\n" for item in items)
