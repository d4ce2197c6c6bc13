"""Motions of another system, as files, and the list that says what each was made of.

The list `asked.jsonl` has a line a motion: {"file", "repeat", "id", "caption", "frames"}. `write_asked` writes it; the
other system makes the files that it names, in the folder of the list. A file is HumanML3D features (T, 263) as NPY, or
any motion file that bimotion reads.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bimotion.errors import DataError
from bimotion.evaluation.evaluation_set import Asked, Round
from bimotion.features.files import Features, read_features
from bimotion.storage.atomic import atomic_path

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
