"""Windows of single recordings on disk, kept until the data set is complete.

A shard's name is a hash of everything that its windows depend on, the contents of the files included: an interrupted
run reuses the shards that are still valid.
"""

import hashlib
import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from bimotion.data.annotated import cut_annotated
from bimotion.data.recording import Recording
from bimotion.data.report import Failure
from bimotion.data.store import FORMAT_VERSION, Item
from bimotion.data.windows import WindowConfig, Windows, cut_features, cut_recording
from bimotion.errors import BimotionError, DataError
from bimotion.storage.arrays import open_arrays
from bimotion.storage.atomic import atomic_path
from bimotion.storage.fingerprint import file_fingerprint
from bimotion.storage.json_files import parse_json


def shard_keys(recordings: Sequence[Recording], config: WindowConfig) -> dict[str, str]:
    """The name of each recording's shard, by its id: a SHA-256 of its files' contents, its labels and the settings."""
    hashes = _hash_files(recordings)
    settings = json.dumps([FORMAT_VERSION, asdict(config)], sort_keys=True)

    def key(recording: Recording) -> str:
        files = (recording.path, recording.skeleton, recording.reading.joint_map)
        reading = replace(recording.reading, joint_map=None, body_model=None)
        rest = replace(recording, path=Path(), skeleton=None, reading=reading)
        content = [settings, repr(rest), *(hashes[path] if path else "" for path in files)]
        if reading.up is not None or reading.rate is not None:
            content.append(f"up {reading.up}, rate {reading.rate}")
        return hashlib.sha256("\n".join(content).encode()).hexdigest()

    return {recording.id: key(recording) for recording in recordings}


def write_shard(recording: Recording, config: WindowConfig, path: Path) -> Failure | None:
    """Cuts one recording and writes its windows; returns the failure of a file that cannot be used.

    Raises:
        DataError: the shard cannot be written, as when the disk is full.
    """
    try:
        windows = _cut(recording, config)
    except BimotionError as error:
        return Failure(str(recording.path), str(error).removeprefix(f"{recording.path}: "))
    except OSError as error:
        return Failure(str(recording.path), f"cannot be read: {error.strerror or error}")
    about = {
        "items": [item.to_json() for item in windows.items],
        "notes": windows.notes,
        "unused": windows.unused,
    }
    try:
        with atomic_path(path) as partial, partial.open("wb") as file:
            np.savez(file, features=windows.features, about=np.array(json.dumps(about)))
    except OSError as error:
        raise DataError(f"{path.parent}: cannot be written: {error.strerror or error}") from None
    return None


def read_shard(path: Path) -> Windows:
    """The windows that `write_shard` wrote."""
    with open_arrays(path) as stored:
        about = parse_json(stored.read_text("about"), path)
        items = tuple(Item.from_json(item) for item in about["items"])
        return Windows(stored.read("features"), items, tuple(about["notes"]), about["unused"])


def read_shard_features(path: Path) -> Float[np.ndarray, "T 263"]:
    """The features alone of the windows that `write_shard` wrote."""
    with open_arrays(path) as stored:
        return stored.read("features")


def _cut(recording: Recording, config: WindowConfig) -> Windows:
    if recording.rows is not None:
        return cut_annotated(recording, config)
    return cut_features(recording, config) if recording.is_features else cut_recording(recording, config)


def _hash_files(recordings: Sequence[Recording]) -> dict[Path, str]:
    """Hash of the contents of every file that recordings are read from; empty for one that cannot be read."""
    files = {
        path
        for recording in recordings
        for path in (recording.path, recording.skeleton, recording.reading.joint_map)
        if path is not None
    }
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        return dict(zip(files, pool.map(_hash_file, files), strict=True))


def _hash_file(path: Path) -> str:
    try:
        return file_fingerprint(path)
    except OSError:
        return ""  # the recording's failure is reported when it is cut
