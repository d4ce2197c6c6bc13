"""The last step of preparing: features, index, statistics and data card in one; and joining data sets."""

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from bimotion.captions.grammar import CaptionGrammar
from bimotion.data.card import data_card
from bimotion.data.recording import Recording
from bimotion.data.report import Failure, PrepareReport
from bimotion.data.shards import read_shard
from bimotion.data.splits import SPLITS, Split, split_takes
from bimotion.data.statistics import grouped_stats
from bimotion.data.store import (
    CARD_FILE,
    FEATURES_FILE,
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


def assemble(out: Path, recordings: Sequence[Recording], shards: Path, meta: dict[str, Any]) -> PrepareReport:
    """Joins the shards of all recordings into a data set, removes them, and reports.

    `meta.json` is written last: a folder with it is complete.
    """
    splits = recording_splits(recordings)
    items: list[Item] = []
    notes: dict[str, tuple[str, ...]] = {}
    rows = 0
    for recording in recordings:
        windows = read_shard(shards, recording.id)
        items += [
            replace(item, split=splits[recording.id], offset=item.offset + rows) for item in windows.items
        ]
        rows += len(windows.features)
        if windows.notes:
            notes[recording.id] = windows.notes
    features = (read_shard(shards, recording.id).features for recording in recordings)
    report = _write(out, features, rows, items, {**meta, "num_recordings": len(recordings), "notes": notes})
    for leftover in out.glob("parts-*"):  # also those of runs with other settings that were never finished
        shutil.rmtree(leftover)
    return report


def recording_splits(recordings: Sequence[Recording]) -> dict[str, Split]:
    """The split of every recording: as its data set prescribes, else by take in its source and group."""
    grammar = CaptionGrammar.load()
    group_of: dict[str, str] = {}
    for recording in recordings:
        if recording.split is None:
            # takes that span contents or sources go by their first recording
            group_of.setdefault(recording.take, f"{recording.source}/{grammar.group(recording.label)}")
    splits = split_takes(group_of.items())
    return {recording.id: recording.split or splits[recording.take] for recording in recordings}


def merge_datasets(folders: Sequence[Path | str], out: Path | str) -> PrepareReport:
    """Joins prepared data sets into one; windows keep their splits, statistics are taken anew.

    What was joined before from the same data sets is not made again.

    Raises:
        DataError: a window stands in two of them, or a take in two splits, or `out` holds something else.
    """
    out, stores = Path(out), [MotionStore.open(folder) for folder in folders]
    if any(store.folder.resolve() == out.resolve() for store in stores):
        raise DataError(f"{out}: expected a folder of its own for the joined data set")
    parts = [[store.meta, len(store), store.num_rows] for store in stores]
    fingerprint = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
    if report := finished_report(out, fingerprint):
        return report
    items: list[Item] = []
    split_of: dict[str, str] = {}
    rows = 0
    for store in stores:
        for item in store:
            if split_of.setdefault(item.take, item.split) != item.split:
                raise DataError(
                    f"{store.folder}: take {item.take} stands in {item.split} here, elsewhere not"
                )
            items.append(replace(item, offset=item.offset + rows))
        rows += store.num_rows
    if twice := [name for name, n in Counter(item.id for item in items).items() if n > 1]:
        raise DataError(f"windows that stand in two of the data sets: {', '.join(twice[:3])}")
    meta = {
        "version": max(store.meta["version"] for store in stores),
        "fingerprint": fingerprint,
        "kind": "merged",
        "merged": [store.meta for store in stores],
        "num_recordings": sum(store.meta["num_recordings"] for store in stores),
        "failures": [failure for store in stores for failure in store.meta["failures"]],
        "notes": {name: notes for store in stores for name, notes in store.meta["notes"].items()},
    }
    return _write(out, (block for store in stores for block in store.blocks()), rows, items, meta)


def merge_folder(src: Path | str, out: Path | str) -> PrepareReport:
    """Joins the prepared data sets that are the folders in `src`, in the order of their names, but for `out` itself.

    Raises:
        DataError: there is none, one of the folders is no data set, or they cannot be joined.
    """
    src, out = Path(src), Path(out)
    if not src.is_dir():
        raise DataError(f"{src}: expected a folder of prepared data sets, there is none")
    folders = sorted(
        folder
        for folder in src.iterdir()
        if folder.is_dir() and not folder.name.startswith(".") and folder.resolve() != out.resolve()
    )
    if not folders:
        raise DataError(f"{src}: expected folders in it that are prepared data sets, found none")
    return merge_datasets(folders, out)


def finished_report(out: Path, fingerprint: str) -> PrepareReport | None:
    """The report of the data set in a folder if it is complete and has this fingerprint.

    Raises:
        DataError: the folder holds another data set.
    """
    if not (out / META_FILE).is_file():
        return None
    store = MotionStore.open(out)
    if store.meta.get("fingerprint") != fingerprint:
        raise DataError(
            f"{out}: holds a data set made from other files or settings; remove it or choose another folder"
        )
    return _report(out, store, store.num_rows, store.meta)


def _write(
    out: Path, blocks: Iterable[np.ndarray], rows: int, items: list[Item], meta: dict[str, Any]
) -> PrepareReport:
    out.mkdir(parents=True, exist_ok=True)
    with atomic_path(out / FEATURES_FILE) as path:
        array = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(rows, FEATURE_DIM))
        place = 0
        for block in blocks:
            array[place : place + len(block)] = block
            place += len(block)
        array.flush()
        del array
    with atomic_path(out / INDEX_FILE) as path:
        write_index(items, path)
    store = MotionStore(out, items, meta)
    train = store.items("train") or items
    stats = grouped_stats(store.features(item) for item in train)
    with atomic_path(out / STATS_FILE) as path:
        stats.save(path)
    report = _report(out, items, rows, meta)
    with atomic_path(out / CARD_FILE) as path:
        path.write_text(data_card(items, report), "utf-8")
    with atomic_path(out / META_FILE) as path:
        path.write_text(json.dumps(meta, indent=1), "utf-8")
    return report


def _report(out: Path, items: Iterable[Item], rows: int, meta: dict[str, Any]) -> PrepareReport:
    counts = Counter(item.split for item in items)
    return PrepareReport(
        folder=out,
        num_recordings=meta["num_recordings"],
        num_windows={split: counts[split] for split in SPLITS},
        num_frames=rows,
        failures=tuple(Failure(**failure) for failure in meta["failures"]),
        notes={name: tuple(notes) for name, notes in meta["notes"].items()},
    )
