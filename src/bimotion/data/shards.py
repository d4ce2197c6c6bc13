"""Windows of single recordings on disk, kept until the data set is whole."""

import json
from pathlib import Path

import numpy as np

from bimotion.data.annotated import cut_annotated
from bimotion.data.recording import Recording
from bimotion.data.report import Failure
from bimotion.data.store import Item
from bimotion.data.windows import WindowConfig, Windows, cut_features, cut_recording
from bimotion.errors import BimotionError
from bimotion.storage.atomic import atomic_path


def write_shard(recording: Recording, config: WindowConfig, shards: Path) -> tuple[str, Failure | None]:
    """Cuts one recording and writes its windows; gives the failure of a file that cannot be used."""
    try:
        windows = _cut(recording, config)
    except BimotionError as error:
        return recording.id, Failure(str(recording.path), str(error))
    except (OSError, ValueError) as error:  # unreadable files and bytes that are no text
        return recording.id, Failure(str(recording.path), f"{type(error).__name__}: {error}")
    with atomic_path(shard_path(shards, recording.id)) as path, path.open("wb") as file:
        about = {"items": [item.to_json() for item in windows.items], "notes": windows.notes}
        np.savez(file, features=windows.features, about=np.array(json.dumps(about)))
    return recording.id, None


def _cut(recording: Recording, config: WindowConfig) -> Windows:
    if recording.rows is not None:
        return cut_annotated(recording, config)
    return cut_features(recording, config) if recording.is_features else cut_recording(recording, config)


def read_shard(shards: Path, recording_id: str) -> Windows:
    """The windows that `write_shard` wrote."""
    with np.load(shard_path(shards, recording_id), allow_pickle=False) as stored:
        about = json.loads(str(stored["about"]))
        items = tuple(Item.from_json(item) for item in about["items"])
        return Windows(stored["features"], items, tuple(about["notes"]))


def shard_path(shards: Path, recording_id: str) -> Path:
    """Where the windows of a recording are kept until all are done."""
    return shards / f"{recording_id.replace('/', '__')}.npz"
