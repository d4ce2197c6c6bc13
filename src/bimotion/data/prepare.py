"""Data sets from raw files, on all cores, with one shard per recording so that an interrupted run can continue."""

import logging
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, get_args

from rich.console import Console
from rich.progress import track

from bimotion.captions.grammar import CaptionGrammar
from bimotion.data.catalogue import apply_catalogue
from bimotion.data.recording import Reading, Recording
from bimotion.data.report import Failure, PrepareReport, count_unused
from bimotion.data.shards import read_shard, read_shard_features, shard_keys, write_shard
from bimotion.data.sources import Found, amass, bandai_namco, bvh_folder, cmu, humanml3d, joints
from bimotion.data.splits import Split, split_takes
from bimotion.data.store import META_FILE, Item, MotionStore
from bimotion.data.windows import WindowConfig
from bimotion.data.writer import read_report, report_meta, write_dataset
from bimotion.engines.engine import Engine, Work, WorkerLost
from bimotion.engines.local import LocalEngine, num_cores
from bimotion.errors import DataError
from bimotion.storage.locks import locked_folder

logger = logging.getLogger(__name__)

SourceKind = Literal["bandai-namco", "cmu", "joints", "bvh", "humanml3d", "amass"]

SHARDS = "parts"
"""Folder of shards in an unfinished data set."""

_FINDERS = {
    "bandai-namco": bandai_namco.find_recordings,
    "cmu": cmu.find_recordings,
    "joints": joints.find_recordings,
    "bvh": bvh_folder.find_recordings,
    "humanml3d": humanml3d.find_recordings,
    "amass": amass.find_recordings,
}


def find_recordings(
    kind: SourceKind, src: Path, catalogue: Path | None = None, reading: Reading | None = None
) -> Found:
    """The recordings of a raw data set, in the order of their ids, and what cannot be used.

    `catalogue` is a JSON lines file of labels and captions that replace those that the finder gave.

    Raises:
        DataError: the folder is missing or holds nothing of this kind, or the catalogue cannot be read.
    """
    if kind not in get_args(SourceKind):
        raise DataError(f"source kind {kind!r}: expected one of {', '.join(get_args(SourceKind))}")
    if not src.is_dir():
        raise DataError(f"{src}: expected a folder of raw recordings; it does not exist")
    found = _FINDERS[kind](src)
    recordings = [replace(recording, reading=reading or Reading()) for recording in found.recordings]
    remarks: list[str] = []
    if catalogue is not None:
        recordings, remarks = apply_catalogue(recordings, catalogue)
    return replace(found, recordings=recordings, remarks=[*found.remarks, *remarks])


def prepare_dataset(
    kind: SourceKind,
    src: Path | str,
    out: Path | str,
    *,
    config: WindowConfig | None = None,
    reading: Reading | None = None,
    catalogue: Path | str | None = None,
    workers: int | None = None,
    engine: Engine | None = None,
    progress: bool | None = None,
) -> PrepareReport:
    """Makes a data set in `out` from the raw files below `src`, and reports what could not be used.

    Runs on `workers` processes (all cores by default; 1 works in this process), or on another `engine`. Shows a
    progress bar if standard error is a terminal, unless `progress` says otherwise. An interrupted run continues when it
    is started again. A finished data set is prepared again only if files, captions or labels have changed.

    Raises:
        DataError: there is nothing to prepare, no file could be used, or `out` holds another data set.
        LockedError: another process is writing to `out`.
    """
    src, out = Path(src), Path(out)
    config = config or WindowConfig(min_frames=40 if kind == "humanml3d" else 20)
    found = find_recordings(kind, src, Path(catalogue) if catalogue else None, reading)
    recordings = [r for r in found.recordings if not _is_below(r.path, out)]
    if not recordings:
        raise DataError(f"{src}: no recordings to prepare")
    keys = shard_keys(recordings, config)
    settings = {"kind": kind, "source": src.resolve().name, "config": asdict(config)}
    fingerprint = _fingerprint(settings, keys, found)
    engine = engine or LocalEngine(workers or num_cores())
    with locked_folder(out):
        if report := _finished_report(out, settings, fingerprint):
            return report
        show = sys.stderr.isatty() if progress is None else progress
        failed = _cut_all(recordings, config, _shard_paths(out, keys), engine, show)
        failures = [*(failed[r.id] for r in recordings if r.id in failed), *found.failures]
        used = [recording for recording in recordings if recording.id not in failed]
        if not used:
            first = failures[0]
            raise DataError(
                f"{src}: none of {len(recordings)} files could be used; the first, {first.path}: {first.reason}"
            )
        meta = {**settings, "fingerprint": fingerprint}
        return _join_shards(out, used, _shard_paths(out, keys), failures, found.remarks, meta)


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


def _join_shards(
    out: Path,
    recordings: Sequence[Recording],
    shards: Mapping[str, Path],
    failures: Sequence[Failure],
    remarks: list[str],
    meta: dict[str, Any],
) -> PrepareReport:
    """Joins the shards of all recordings into a data set, and removes them."""
    splits = recording_splits(recordings)
    items: list[Item] = []
    notes: dict[str, tuple[str, ...]] = {}
    unused = []
    rows = 0
    for recording in recordings:
        windows = read_shard(shards[recording.id])
        items += [
            replace(item, split=splits[recording.id], offset=item.offset + rows) for item in windows.items
        ]
        rows += len(windows.features)
        unused.append(windows.unused)
        if windows.notes:
            notes[recording.id] = windows.notes
    about = report_meta(failures, notes, count_unused(unused), remarks)
    blocks = (read_shard_features(shards[recording.id]) for recording in recordings)
    report = write_dataset(out, blocks, rows, items, {**meta, "num_recordings": len(recordings), **about})
    for folder in (out / SHARDS, *out.glob("parts-*")):  # `parts-*` are of versions before 2
        shutil.rmtree(folder, ignore_errors=True)
    return report


def _finished_report(out: Path, settings: Mapping[str, Any], fingerprint: str) -> PrepareReport | None:
    """The report on the data set in a folder if it is complete; None if it has to be prepared, for the first time or
    again.

    Raises:
        DataError: the folder holds a data set of another source or with other settings.
    """
    if not (out / META_FILE).is_file():
        return None
    meta = MotionStore.open(out).meta
    if meta.get("fingerprint") == fingerprint:
        return read_report(out)
    if any(meta.get(name) != value for name, value in settings.items()):
        raise DataError(
            f"{out}: has a data set from another folder, with other settings or by an older version; remove it "
            "or choose another folder"
        )
    logger.warning("%s: recordings or captions have changed since it was prepared; preparing it again", out)
    return None


def _fingerprint(settings: Mapping[str, Any], keys: Mapping[str, str], found: Found) -> str:
    digest = sha256(repr(sorted(settings.items())).encode())
    for name, key in keys.items():
        digest.update(f"{name}\n{key}\n".encode())
    digest.update(repr((found.failures, found.remarks)).encode())
    return digest.hexdigest()


def _is_below(path: Path, folder: Path) -> bool:
    """Whether a recording is part of the data set that is being made, which may be in the folder of recordings."""
    return path.resolve().is_relative_to(folder.resolve())


def _shard_paths(out: Path, keys: Mapping[str, str]) -> dict[str, Path]:
    return {name: out / SHARDS / f"{key}.npz" for name, key in keys.items()}


@dataclass(frozen=True)
class _Cutting:
    """Cuts recordings and writes their shards: the work of a process."""

    config: WindowConfig

    def __call__(self) -> Work[tuple[Recording, Path], Failure | None]:
        return self._cut

    def _cut(self, batch: Sequence[tuple[Recording, Path]]) -> Iterator[Failure | None]:
        for recording, shard in batch:
            yield write_shard(recording, self.config, shard)


def _cut_all(
    recordings: Sequence[Recording],
    config: WindowConfig,
    shards: Mapping[str, Path],
    engine: Engine,
    progress: bool,
) -> dict[str, Failure]:
    """Writes the missing shards; returns the failures by recording."""
    todo = [
        (recording, shards[recording.id]) for recording in recordings if not shards[recording.id].is_file()
    ]
    if todo:
        todo[0][1].parent.mkdir(parents=True, exist_ok=True)
    console = Console(stderr=True)
    outcomes = engine.map(_Cutting(config), todo)
    failures = {}
    for index, outcome in track(outcomes, "Preparing", len(todo), console=console, disable=not progress):
        recording = todo[index][0]
        if isinstance(outcome, WorkerLost):
            failures[recording.id] = Failure(str(recording.path), str(outcome))
        elif outcome is not None:
            failures[recording.id] = outcome
    return failures
