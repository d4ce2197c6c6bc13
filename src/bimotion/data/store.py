"""A prepared data set on disk: features of all windows in one memory-mapped array, and an index.

features.npy   (frames of all windows, 263) float32, not normalised; mirrored copies are made on reading
index.jsonl    a line a window: what it is, where it stands, what may be said of it
stats.npz      mean and std of the training split, mirrored copies included
meta.json      what it was made from and with which settings
README.md      the data card
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
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
from bimotion.features.layout import FEATURE_DIM
from bimotion.features.mirror import mirror_features
from bimotion.features.normalise import FeatureStats

FEATURES_FILE, INDEX_FILE, STATS_FILE, META_FILE, CARD_FILE = (
    "features.npy",
    "index.jsonl",
    "stats.npz",
    "meta.json",
    "README.md",
)


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
    """One window of motion, or its mirror image, with what may be said of it."""

    id: str
    """`recording#window`, with an `M` at the end for mirror images."""
    take: str
    """The take that it was cut from; takes never stand in two splits."""
    split: Split
    """train, val or test."""
    source: str
    """The data set that it comes from."""
    content: str
    """Content group."""
    label: str
    """Content as the source names it."""
    style: str
    """Style as the source names it; `none` where it names none."""
    side: Side
    """Side that every one of the captions names; `none` where some do not."""
    gait: Gait
    """How the body moves along."""
    start: int
    """First frame of the window in the take, at 20 frames per second."""
    num_frames: int
    """Feature frames."""
    offset: int
    """First row in `features.npy`."""
    mirrored: bool
    """Whether this is the mirror image of those rows."""
    text: bool
    """Whether the captions may be learned from."""
    captions: tuple[str, ...]
    """True captions."""
    licence: str
    """Licence of the recording."""
    facts: dict[str, Any] = field(default_factory=dict)
    """Measured facts (`MotionFacts.to_json`); empty where none were measured."""
    events: tuple[Event, ...] = ()
    """Timed phrases; empty where none are known."""

    @property
    def seconds(self) -> float:
        """Length at 20 frames per second."""
        return self.num_frames / 20

    def motion_facts(self) -> MotionFacts | None:
        """The measured facts, if there are any."""
        return MotionFacts.from_json(self.facts) if self.facts else None

    def to_json(self) -> dict[str, Any]:
        """The line of the index."""
        return {**asdict(self), "captions": list(self.captions)}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Item":
        """The item of a line of the index."""
        events = tuple(Event(*event) for event in values.get("events", ()))
        return cls(**{**values, "captions": tuple(values["captions"]), "events": events})


class MotionStore:
    """A prepared data set, opened for reading; features stay on the disk until they are asked for."""

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
        try:
            with (folder / INDEX_FILE).open(encoding="utf-8") as lines:
                items = [Item.from_json(json.loads(line)) for line in lines]
            meta = json.loads((folder / META_FILE).read_text("utf-8"))
        except (json.JSONDecodeError, TypeError, KeyError) as error:
            raise DataError(
                f"{folder / INDEX_FILE}: not an index of this version: {error}; prepare it again"
            ) from error
        return cls(folder, items, meta)

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Item]:
        return iter(self._items)

    def items(self, split: Split | None = None, *, mirrored: bool = True, text: bool = False) -> list[Item]:
        """The windows of a split (of all, if none is named).

        `mirrored=False` leaves out mirror images, `text=True` what has no captions to learn from.
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
        rows = np.asarray(self._rows[item.offset : item.offset + item.num_frames])
        return mirror_features(rows) if item.mirrored else rows.copy()

    @property
    def num_rows(self) -> int:
        """Feature frames on disk, mirror images not counted."""
        return len(self._rows)

    def blocks(self, rows: int = 4096) -> Iterator[Float[np.ndarray, "T 263"]]:
        """All rows of the features file, some thousand at a time."""
        for start in range(0, self.num_rows, rows):
            yield np.asarray(self._rows[start : start + rows])

    @cached_property
    def _rows(self) -> np.ndarray:
        rows: np.ndarray = np.load(self.folder / FEATURES_FILE, mmap_mode="r")
        if rows.ndim != 2 or rows.shape[1] != FEATURE_DIM:
            raise DataError(
                f"{self.folder / FEATURES_FILE}: expected (frames, {FEATURE_DIM}), got {rows.shape}"
            )
        return rows

    @cached_property
    def stats(self) -> FeatureStats:
        """Mean and std by which the features are normalised."""
        return FeatureStats.load(self.folder / STATS_FILE)


def write_index(items: Iterable[Item], path: Path) -> None:
    """Writes the lines of an index; the caller sees to atomicity."""
    with path.open("w", encoding="utf-8") as lines:
        lines.writelines(json.dumps(item.to_json(), ensure_ascii=False) + "\n" for item in items)
