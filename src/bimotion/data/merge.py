"""Joining prepared data sets into one."""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bimotion.data.report import CaptionCount, PrepareReport
from bimotion.data.store import META_FILE, Item, MotionStore
from bimotion.data.writer import read_report, write_dataset
from bimotion.errors import DataError
from bimotion.storage.locks import locked_folder


def merge_datasets(folders: Sequence[Path | str], out: Path | str) -> PrepareReport:
    """Joins prepared data sets into one; windows keep their splits, statistics are computed anew.

    A data set that was joined from the same data sets before is left as it is.

    Raises:
        DataError: a window is in two of them, or a take in two splits, or `out` holds something else.
        LockedError: another process is writing to `out`.
    """
    out, stores = Path(out), [MotionStore.open(folder) for folder in folders]
    if any(store.folder.resolve() == out.resolve() for store in stores):
        raise DataError(f"{out}: the joined data set must be written outside the folder of its sources")
    parts = [[store.meta, len(store), store.num_rows] for store in stores]
    fingerprint = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
    with locked_folder(out):
        if (out / META_FILE).is_file():
            if MotionStore.open(out).meta.get("fingerprint") == fingerprint:
                return read_report(out)
            raise DataError(f"{out}: contains another data set; remove it or choose another folder")
        items = _joined_items(stores)
        rows = sum(store.num_rows for store in stores)
        meta = {
            "fingerprint": fingerprint,
            "kind": "merged",
            **_joined_meta([store.meta for store in stores]),
        }
        return write_dataset(out, (block for store in stores for block in store.blocks()), rows, items, meta)


def merge_folder(src: Path | str, out: Path | str) -> PrepareReport:
    """Joins the prepared data sets that are the folders in `src`, in the order of their names, except `out` itself.

    Raises:
        DataError: there is none, one of the folders is no data set, or they cannot be joined.
    """
    src, out = Path(src), Path(out)
    if not src.is_dir():
        raise DataError(f"{src}: expected a folder of prepared data sets; it does not exist")
    folders = sorted(
        folder
        for folder in src.iterdir()
        if folder.is_dir() and not folder.name.startswith(".") and folder.resolve() != out.resolve()
    )
    if not folders:
        raise DataError(f"{src}: expected subfolders with prepared data sets, found none")
    return merge_datasets(folders, out)


def _joined_items(stores: Sequence[MotionStore]) -> list[Item]:
    items: list[Item] = []
    split_of: dict[str, str] = {}
    rows = 0
    for store in stores:
        for item in store:
            if split_of.setdefault(item.take, item.split) != item.split:
                raise DataError(
                    f"{store.folder}: take {item.take} is in the split {item.split} here, but not in another data set"
                )
            items.append(replace(item, offset=item.offset + rows))
        rows += store.num_rows
    if repeated := [name for name, n in Counter(item.id for item in items).items() if n > 1]:
        raise DataError(f"windows that are in two of the data sets: {', '.join(repeated[:3])}")
    return items


def _joined_meta(metas: Sequence[dict[str, Any]]) -> dict[str, Any]:
    unused: dict[str, CaptionCount] = {}
    for meta in metas:
        for reason, (captions, recordings) in meta.get("unused_captions", {}).items():
            before = unused.get(reason, CaptionCount(0, 0))
            unused[reason] = CaptionCount(before.captions + captions, before.recordings + recordings)
    return {
        "merged": list(metas),
        "num_recordings": sum(meta.get("num_recordings", 0) for meta in metas),
        "failures": [failure for meta in metas for failure in meta.get("failures", ())],
        "notes": {name: notes for meta in metas for name, notes in meta.get("notes", {}).items()},
        "unused_captions": {reason: [n.captions, n.recordings] for reason, n in unused.items()},
        "remarks": [remark for meta in metas for remark in meta.get("remarks", ())],
    }
