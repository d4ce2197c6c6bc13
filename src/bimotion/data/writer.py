"""Writing a data set: features, index, statistics, data card and settings; complete or not at all."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from bimotion.data.card import data_card
from bimotion.data.report import CaptionCount, Failure, PrepareReport, caption_use
from bimotion.data.splits import SPLITS
from bimotion.data.statistics import grouped_stats
from bimotion.data.store import (
    CARD_FILE,
    FEATURES_FILE,
    FORMAT_VERSION,
    INDEX_FILE,
    META_FILE,
    STATS_FILE,
    Item,
    MotionStore,
    write_index,
)
from bimotion.errors import DataError
from bimotion.features.layout import FEATURE_DIM
from bimotion.storage.atomic import atomic_path


def write_dataset(
    out: Path, blocks: Iterable[np.ndarray], rows: int, items: Sequence[Item], meta: dict[str, Any]
) -> PrepareReport:
    """Writes a data set of `rows` feature rows, which `blocks` give one after the other, and reports on it.

    `meta.json` is removed first and written last: a folder that has it is complete.

    Raises:
        DataError: the folder cannot be written, as when the disk is full.
    """
    meta = {"version": FORMAT_VERSION, **meta}
    with _disk_errors(out):
        out.mkdir(parents=True, exist_ok=True)
        (out / META_FILE).unlink(missing_ok=True)
        _write_features(out / FEATURES_FILE, blocks, rows)
        with atomic_path(out / INDEX_FILE) as path:
            write_index(items, path)
        store = MotionStore(out, list(items), meta)
        stats = grouped_stats(store.features(item) for item in store.items("train") or items)
        with atomic_path(out / STATS_FILE) as path:
            stats.save(path)
        report = make_report(out, items, rows, meta)
        with atomic_path(out / CARD_FILE) as path:
            path.write_text(data_card(items, report), "utf-8")
        with atomic_path(out / META_FILE) as path:
            path.write_text(json.dumps(meta, indent=1), "utf-8")
    return report


def read_report(out: Path) -> PrepareReport:
    """The report on the complete data set in a folder.

    Raises:
        DataError: the folder holds none, or one of another version.
    """
    store = MotionStore.open(out)
    try:
        return make_report(out, list(store), store.num_rows, store.meta)
    except (KeyError, TypeError) as error:
        raise DataError(
            f"{out}: prepared by another version of bimotion ({error!r}); prepare it again"
        ) from error


def make_report(out: Path, items: Sequence[Item], rows: int, meta: dict[str, Any]) -> PrepareReport:
    """The report on a data set of these windows and this `meta.json`."""
    counts = Counter(item.split for item in items)
    unused = {reason: CaptionCount(*count) for reason, count in meta.get("unused_captions", {}).items()}
    return PrepareReport(
        folder=out,
        num_recordings=meta["num_recordings"],
        num_windows={split: counts[split] for split in SPLITS},
        num_frames=rows,
        captions=caption_use(items, unused),
        failures=tuple(Failure(**failure) for failure in meta["failures"]),
        notes={name: tuple(notes) for name, notes in meta["notes"].items()},
        remarks=tuple(meta.get("remarks", ())),
    )


def report_meta(
    failures: Iterable[Failure],
    notes: dict[str, tuple[str, ...]],
    unused: dict[str, CaptionCount],
    remarks: list[str],
) -> dict[str, Any]:
    """The part of `meta.json` that reports are made from."""
    return {
        "failures": [asdict(failure) for failure in failures],
        "notes": notes,
        "unused_captions": {reason: [count.captions, count.recordings] for reason, count in unused.items()},
        "remarks": remarks,
    }


def _write_features(path: Path, blocks: Iterable[np.ndarray], rows: int) -> None:
    """Writes the blocks as one array, block by block: unlike a memory map this reports a full disk as an error."""
    header = {"descr": "<f4", "fortran_order": False, "shape": (rows, FEATURE_DIM)}
    with atomic_path(path) as partial, partial.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for block in blocks:
            file.write(np.ascontiguousarray(block, "<f4").data)


@contextmanager
def _disk_errors(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DataError(f"{out}: cannot be written: {error.strerror or error}") from None
