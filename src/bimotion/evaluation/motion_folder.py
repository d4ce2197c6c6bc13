"""Motions of another system, as files, and the list that says what each was made of.

The list `asked.jsonl` has a line a motion: {"file", "repeat", "id", "caption", "frames"}. `write_asked` writes it; the
other system makes the files that it names, in the folder of the list. A file is HumanML3D features (T, 263) as NPY, or
any motion file that bimotion reads.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from bimotion.errors import DataError, MotionFileError
from bimotion.evaluation.asked import Asked, Round
from bimotion.features.layout import FEATURE_DIM
from bimotion.inference.clips import clip_to_features, features_to_clip
from bimotion.motion.atomic import atomic_path
from bimotion.motion.clip import Clip
from bimotion.motion.formats import READS, read_motion

Features = Float[np.ndarray, "_ 263"]

LIST_FILE = "asked.jsonl"


def write_asked(asked: Asked, repeats: int, folder: Path) -> Path:
    """Write the list of what a system is asked in so many repeats; gives its path."""
    rows = []
    for number in range(repeats):
        part = asked.round(number)
        for item, caption, frames in zip(asked.items, part.captions, part.frames, strict=True):
            name = f"{number:02d}/{item.id.replace('/', '__')}.npy"
            row = {"file": name, "repeat": number, "id": item.id, "caption": caption, "frames": frames}
            rows.append(json.dumps(row, ensure_ascii=False))
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_path(folder / LIST_FILE) as path:
        path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder / LIST_FILE


class MotionFolder:
    """A folder of motions with its list, opened for an evaluation."""

    def __init__(self, folder: Path, asked: Asked) -> None:
        """Match the list with the windows that are asked for.

        Raises:
            DataError: there is no list, or a window has no motion in a repeat.
        """
        self.folder = folder
        self._features_only = asked.protocol.name if asked.protocol.published_evaluator else ""
        rows: dict[int, dict[str, dict[str, Any]]] = {}
        for row in _read_list(folder / LIST_FILE):
            rows.setdefault(int(row.get("repeat", 0)), {})[row["id"]] = row
        self._sets = []
        for number, by_id in sorted(rows.items()):
            missing = [item.id for item in asked.items if item.id not in by_id]
            if missing:
                raise DataError(
                    f"{folder / LIST_FILE}: repeat {number} lacks {len(missing)} of {len(asked)} windows, such as "
                    f"{missing[0]}; evaluate with the data set, split, count and seed that the list was written for"
                )
            self._sets.append([by_id[item.id] for item in asked.items])

    @property
    def num_sets(self) -> int:
        """How often each window has a motion; more repeats use them again."""
        return len(self._sets)

    def round(self, asked: Asked, number: int) -> Round:
        """What was asked of the set of motions that stands for a repeat."""
        rows = self._sets[number % self.num_sets]
        return asked.round(number, [row["caption"] for row in rows])

    def motions(self, number: int) -> list[Features]:
        """Features of the set of motions that stands for a repeat.

        Raises:
            MotionFileError: a file is missing or cannot be used.
        """
        rows = self._sets[number % self.num_sets]
        return [read_features(self.folder / row["file"], self._features_only) for row in rows]


def read_features(path: Path, only_for: str = "") -> Features:
    """The features of a motion file, float32; `only_for` names a protocol that takes no other files than features.

    Raises:
        MotionFileError: the file is missing or broken, or holds joints where features are asked for.
    """
    features = _stored_features(path)
    if features is not None:
        return features
    clip = read_motion(path)
    if only_for:
        raise MotionFileError(
            f"{path}: {only_for} takes HumanML3D features of shape (frames, 263), got joints; scores would "
            "depend on how they are turned into features"
        )
    return clip_to_features(clip)


def read_any(path: Path) -> Clip:
    """The clip in a motion file, or of a file of features.

    Raises:
        MotionFileError: the file is missing or broken.
    """
    features = _stored_features(path)
    if features is None:
        return read_motion(path)
    return features_to_clip(features, name=path.stem)


def motion_files(folder: Path) -> list[Path]:
    """Every motion file in a folder and the folders in it, sorted; hidden ones are left out."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in READS
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


def _stored_features(path: Path) -> Features | None:
    """The features in a file; None where it holds something else."""
    if path.suffix.lower() != ".npy" or not path.is_file():
        return None
    try:
        array = np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise MotionFileError(f"{path}: not a readable NPY file ({error})") from None
    if array.ndim != 2 or array.shape[1] != FEATURE_DIM:
        return None
    if len(array) < 2 or not np.isfinite(array).all():
        raise MotionFileError(f"{path}: expected 2 or more frames of finite features, got {array.shape}")
    return np.asarray(array, dtype=np.float32)


def _read_list(path: Path) -> Sequence[dict[str, Any]]:
    try:
        rows = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
    except FileNotFoundError:
        raise DataError(
            f"{path}: no such file; `bimotion evaluate --data DATA --ask {path.parent}` writes what is to be made"
        ) from None
    except ValueError as error:
        raise DataError(f"{path}: expected a JSON object on each line ({error})") from None
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict) or not all(
            isinstance(row.get(key), str) for key in ("file", "id", "caption")
        ):
            raise DataError(f"{path}:{number}: expected file, id and caption")
    if not rows:
        raise DataError(f"{path}: is empty")
    return rows
