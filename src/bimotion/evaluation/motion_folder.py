"""Motions of another system, as files, with the list of their prompts.

The list `prompts.jsonl` has one JSON object per motion: {"file", "repeat", "id", "caption", "frames"}. `export_prompts`
writes it; the other system writes the files that it names, in the folder of the list. A file is HumanML3D features
(T, 263) as NPY, or any motion file that bimotion reads. Lists named `asked.jsonl`, as earlier versions wrote them, are
read too.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from bimotion.errors import DataError
from bimotion.evaluation.evaluation_set import EvaluationSet, Repeat
from bimotion.evaluation.motions import Motion
from bimotion.features.files import read_clip_or_features
from bimotion.storage.atomic import atomic_path
from bimotion.storage.json_files import read_json_lines
from bimotion.storage.records import record_from_json

LIST_FILE = "prompts.jsonl"
OLD_LIST_FILE = "asked.jsonl"


def export_prompts(evaluation_set: EvaluationSet, repeats: int, folder: Path) -> Path:
    """Write the list of prompts of the first `repeats` repeats; returns its path."""
    rows = []
    for number in range(repeats):
        repeat = evaluation_set.repeat(number)
        for item, caption, frames in zip(evaluation_set.items, repeat.captions, repeat.frames, strict=True):
            name = f"{number:02d}/{_file_name(item.id)}.npy"
            row = {"file": name, "repeat": number, "id": item.id, "caption": caption, "frames": frames}
            rows.append(json.dumps(row, ensure_ascii=False))
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_path(folder / LIST_FILE) as path:
        path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder / LIST_FILE


def _file_name(window: str) -> str:
    """A window's id without slashes; no two ids share one."""
    return window.replace("%", "%25").replace("/", "%2F")


@dataclass(frozen=True)
class PromptRow:
    """A motion to generate."""

    file: str
    """Its file, relative to the list."""
    id: str
    """The window whose caption it shows."""
    caption: str
    """The caption."""
    repeat: int = 0
    """Number of the repeat."""
    frames: int | None = None
    """Length of the recorded motion."""

    def __post_init__(self) -> None:
        path = PurePosixPath(self.file)
        if path.is_absolute() or ".." in path.parts:
            raise DataError(f"{self.file!r} lies outside the folder of the list")


class MotionFolder:
    """A folder of motions with its list of prompts, opened for an evaluation."""

    def __init__(self, folder: Path, evaluation_set: EvaluationSet) -> None:
        """Match the list with the windows of the evaluation.

        Raises:
            DataError: there is no list, or a window has no motion in a repeat.
        """
        self.folder = folder
        protocol = evaluation_set.protocol
        self._features_only = protocol.name if protocol.published_evaluator else ""
        path = _list_path(folder)
        rows: dict[int, dict[str, PromptRow]] = {}
        for row in _read_list(path):
            rows.setdefault(row.repeat, {})[row.id] = row
        self._sets = []
        for number, by_id in sorted(rows.items()):
            missing = [item.id for item in evaluation_set.items if item.id not in by_id]
            if missing:
                raise DataError(
                    f"{path}: repeat {number} has no motion for {len(missing)} of {len(evaluation_set)} windows, such "
                    f"as {missing[0]}; evaluate with the data set, split, count and seed that the list was written for"
                )
            self._sets.append([by_id[item.id] for item in evaluation_set.items])

    @property
    def num_sets(self) -> int:
        """Motions per window; further repeats use them again."""
        return len(self._sets)

    def repeat(self, evaluation_set: EvaluationSet, number: int) -> Repeat:
        """The repeat with the captions of the set of motions that it uses."""
        rows = self._sets[number % self.num_sets]
        return evaluation_set.repeat(number, [row.caption for row in rows])

    def motions(self, number: int, indices: Sequence[int]) -> list[Motion]:
        """Motions of some windows, of the set that a repeat uses.

        Raises:
            MotionFileError: a file is missing or cannot be used.
        """
        rows = self._sets[number % self.num_sets]
        return [
            read_clip_or_features(self.folder / rows[index].file, self._features_only) for index in indices
        ]


def _list_path(folder: Path) -> Path:
    """The list in a folder, under its present or its earlier name."""
    old = folder / OLD_LIST_FILE
    return old if old.is_file() and not (folder / LIST_FILE).is_file() else folder / LIST_FILE


def _read_list(path: Path) -> Sequence[PromptRow]:
    if not path.exists():
        raise DataError(
            f"{path}: no such file; `bimotion evaluate --data DATA --export-prompts {path.parent}` writes the list of "
            "prompts to generate"
        )
    rows = [record_from_json(PromptRow, row, where, DataError) for where, row in read_json_lines(path)]
    if not rows:
        raise DataError(f"{path}: is empty")
    return rows
