"""Data sets from raw files: all cores, a shard a recording, so that an interrupted run can go on."""

import hashlib
import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Literal, get_args

from rich.console import Console
from rich.progress import track

from bimotion.data.assemble import assemble, finished_report
from bimotion.data.catalogue import apply_catalogue
from bimotion.data.recording import Reading, Recording
from bimotion.data.report import Failure, PrepareReport
from bimotion.data.shards import shard_path, write_shard
from bimotion.data.sources import amass, bandai_namco, bvh_folder, cmu, humanml3d, joints
from bimotion.data.windows import WindowConfig
from bimotion.errors import DataError

SourceKind = Literal["bandai-namco", "cmu", "joints", "bvh", "humanml3d", "amass"]
FORMAT_VERSION = 1
"""Counts up when prepared data sets of older versions must be made again."""

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
) -> list[Recording]:
    """The recordings of a raw data set, in the order of their ids.

    `catalogue` is a JSONL file with an object a recording: id, and what replaces the labels that the finder
    gave (content, style, use_text, captions).

    Raises:
        DataError: the folder is missing or holds nothing of this kind, or the catalogue cannot be read.
    """
    if kind not in get_args(SourceKind):
        raise DataError(f"source kind {kind!r}: expected one of {', '.join(get_args(SourceKind))}")
    if not src.is_dir():
        raise DataError(f"{src}: expected a folder of raw recordings, there is none")
    recordings = [replace(recording, reading=reading or Reading()) for recording in _FINDERS[kind](src)]
    return apply_catalogue(recordings, catalogue) if catalogue else recordings


def prepare_dataset(
    kind: SourceKind,
    src: Path | str,
    out: Path | str,
    *,
    config: WindowConfig | None = None,
    reading: Reading | None = None,
    catalogue: Path | str | None = None,
    workers: int | None = None,
    progress: bool | None = None,
) -> PrepareReport:
    """Makes a data set in `out` from the raw files below `src`, and reports what could not be used.

    Runs on `workers` processes (all cores by default; 1 works in this process). Shows a progress bar if
    standard error is a terminal, unless `progress` says otherwise. An interrupted run goes on where it
    stopped when it is started again with the same settings; a finished one is not made again.

    Raises:
        DataError: there is nothing to prepare, no file could be used, or `out` holds something else.
    """
    src, out = Path(src), Path(out)
    config = config or WindowConfig(min_frames=40 if kind == "humanml3d" else 20)
    recordings = find_recordings(kind, src, Path(catalogue) if catalogue else None, reading)
    if repeated := [name for name, n in Counter(recording.id for recording in recordings).items() if n > 1]:
        raise DataError(
            f"{src}: recordings with the same name: {', '.join(repeated[:5])}; expected different ones"
        )
    fingerprint = _fingerprint(kind, recordings, config)
    if report := finished_report(out, fingerprint):
        return report
    shards = out / f"parts-{fingerprint[:12]}"
    shards.mkdir(parents=True, exist_ok=True)
    workers = workers or _num_cores()
    outcomes = _cut_all(
        recordings, config, shards, workers, sys.stderr.isatty() if progress is None else progress
    )
    failures = tuple(outcomes[recording.id] for recording in recordings if recording.id in outcomes)
    used = [recording for recording in recordings if recording.id not in outcomes]
    if not used:
        raise DataError(
            f"{src}: none of {len(recordings)} files could be used; the first: {failures[0].reason}"
        )
    meta = {
        "version": FORMAT_VERSION,
        "fingerprint": fingerprint,
        "kind": kind,
        "config": asdict(config),
        "failures": [asdict(failure) for failure in failures],
    }
    return assemble(out, used, shards, meta)


def _num_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _fingerprint(kind: str, recordings: Sequence[Recording], config: WindowConfig) -> str:
    """Hash of everything that the data set depends on; files count by size and name."""
    digest = hashlib.sha256(json.dumps([FORMAT_VERSION, kind, asdict(config)]).encode())
    for recording in recordings:
        digest.update(
            repr((replace(recording, path=Path(), skeleton=None), recording.path.stat().st_size)).encode()
        )
    return digest.hexdigest()


def _cut_all(
    recordings: Sequence[Recording], config: WindowConfig, shards: Path, workers: int, progress: bool
) -> dict[str, Failure]:
    """Writes the missing shards; gives the failures by recording."""
    todo = [recording for recording in recordings if not shard_path(shards, recording.id).is_file()]
    outcomes = _run_here(todo, config, shards) if workers == 1 else _run_pool(todo, config, shards, workers)
    console = Console(stderr=True)
    failures: dict[str, Failure] = {}
    for name, failure in track(outcomes, "Preparing", len(todo), console=console, disable=not progress):
        if failure:
            failures[name] = failure
    return failures


def _run_here(
    todo: Iterable[Recording], config: WindowConfig, shards: Path
) -> Iterator[tuple[str, Failure | None]]:
    for recording in todo:
        yield write_shard(recording, config, shards)


def _run_pool(
    todo: Sequence[Recording], config: WindowConfig, shards: Path, workers: int
) -> Iterator[tuple[str, Failure | None]]:
    # spawn: a forked worker would inherit torch's and BLAS's threads in an unknown state
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        futures = [pool.submit(write_shard, recording, config, shards) for recording in todo]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
