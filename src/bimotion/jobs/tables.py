"""Motions in Parquet files, some hundred in each: what a list of a million sentences becomes.

One row is one sentence, with its motion or why there is none. A file is written whole or not at all and always holds
the same part of the list, so that a job that is interrupted never has a motion twice.

Legend: T frames.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from bimotion.engines.engine import Work
from bimotion.errors import BimotionError, ConfigError, DataError
from bimotion.jobs.run import Job, Row
from bimotion.jobs.work import Generate, LoadModel, Prompt
from bimotion.motion.clip import Clip
from bimotion.motion.skeleton import NUM_JOINTS
from bimotion.storage.atomic import atomic_path

PER_FILE = 256
"""Motions of a file: about 6 MB."""

MAX_BYTES = 1 << 30
"""Largest file that is read, unpacked."""

MOTION_COLUMNS = ("name", "text", "fps", "frames", "joints")
TABLE_COLUMNS = ("file", "motions", "failures")


@dataclass(frozen=True)
class Part:
    """The sentences of one file."""

    file: str
    """Name of the file."""
    prompts: tuple[Prompt, ...]
    """The sentences."""


def table_job(
    prompts: Sequence[tuple[str, Prompt]],
    out: Path,
    load: LoadModel,
    generate: Generate,
    *,
    per_file: int = PER_FILE,
) -> Job[Part]:
    """The motions of sentences, `per_file` in each Parquet file in `out`.

    Raises:
        ConfigError: pyarrow is not installed.
    """
    _pyarrow()
    entries = [prompt for _, prompt in prompts]
    parts = []
    for start in range(0, len(entries), per_file):
        file = f"motions-{start + 1:06d}.parquet"
        parts.append((file, Part(file, tuple(entries[start : start + per_file]))))
    return Job(parts, MotionTables(out, load, generate), batch=1)


@dataclass(frozen=True)
class MotionTables:
    """Generates the motions of sentences and writes them as Parquet files."""

    out: Path
    """Folder of the written files."""
    load: LoadModel
    """Loads the model that generates."""
    generate: Generate
    """Generates the motion of a sentence."""

    def __call__(self) -> Work[Part, Row | BimotionError]:
        """The work of a process."""
        model = self.load()

        def work(batch: Sequence[Part]) -> Iterator[Row | BimotionError]:
            for part in batch:
                yield self._write(part, lambda prompt: self.generate(model, prompt))

        return work

    def _write(self, part: Part, generate: Callable[[Prompt], Clip]) -> Row:
        """Write the file of a part; its row in the list of files."""
        outcomes: list[Clip | BimotionError] = []
        for prompt in part.prompts:
            try:
                outcomes.append(generate(prompt))
            except BimotionError as error:
                outcomes.append(error)
        with atomic_path(self.out / part.file) as target:
            write_motions(target, part.prompts, outcomes)
        failures = sum(isinstance(outcome, BimotionError) for outcome in outcomes)
        return {"file": part.file, "motions": len(outcomes) - failures, "failures": failures}


def write_motions(path: Path, prompts: Sequence[Prompt], outcomes: Sequence[Clip | BimotionError]) -> None:
    """Write a Parquet file of motions: name, text, seed, fps, frames, joints as T * 22 * 3 numbers, error.

    Joints are metres. Where there is no motion, `error` says why, and fps, frames and joints are null.
    """
    pyarrow = _pyarrow()
    clips = [outcome if isinstance(outcome, Clip) else None for outcome in outcomes]
    columns = {
        "name": pyarrow.array([Path(prompt.file).stem for prompt in prompts]),
        "text": pyarrow.array([prompt.text for prompt in prompts]),
        "seed": pyarrow.array([prompt.seed for prompt in prompts], pyarrow.int64()),
        "fps": pyarrow.array([None if clip is None else clip.fps for clip in clips], pyarrow.float64()),
        "frames": pyarrow.array([None if clip is None else len(clip) for clip in clips], pyarrow.int32()),
        "joints": pyarrow.array(
            [None if clip is None else clip.joints.reshape(-1) for clip in clips],
            pyarrow.list_(pyarrow.float32()),
        ),
        "error": pyarrow.array(
            [str(outcome) if isinstance(outcome, BimotionError) else None for outcome in outcomes],
            pyarrow.string(),
        ),
    }
    pyarrow.parquet.write_table(pyarrow.table(columns), path, compression="zstd")


def read_motions(path: Path) -> Iterator[Clip]:
    """The motions of a Parquet file or of all in a folder, one after the other, with their names and sentences.

    Raises:
        ConfigError: pyarrow is not installed.
        DataError: no such file, or one with other columns.
    """
    pyarrow = _pyarrow()
    files = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    for file in files:
        try:
            rows = _read_rows(file)
        except (OSError, ValueError, pyarrow.ArrowException) as error:
            raise DataError(f"{file}: expected a Parquet file of motions ({error})") from None
        for row in rows.to_batches(max_chunksize=1):
            yield from _motion(row, file)


def _read_rows(file: Path) -> Any:
    """The table of a file; its size is checked first, as Parquet's compression knows no limit."""
    parquet = _pyarrow().parquet
    about = parquet.read_metadata(file)
    size = sum(about.row_group(group).total_byte_size for group in range(about.num_row_groups))
    if size > MAX_BYTES:
        raise DataError(f"{file}: unpacks to {size >> 20} MiB; files of up to {MAX_BYTES >> 20} MiB are read")
    if missing := sorted(set(MOTION_COLUMNS) - set(about.schema.to_arrow_schema().names)):
        raise ValueError(f"it has no column {missing[0]}")
    return parquet.read_table(file, columns=list(MOTION_COLUMNS))


def _motion(row: Any, file: Path) -> Iterator[Clip]:
    """The motion of a row; none where it says why there is none."""
    name, text, fps, frames, joints = (column[0] for column in row.columns)
    if not joints.is_valid:
        return
    try:
        values = np.array(joints.values.to_numpy()).reshape(frames.as_py(), NUM_JOINTS, 3)
    except (ValueError, TypeError, AttributeError):
        raise DataError(f"{file}: {name}: expected joints of frames * {NUM_JOINTS} * 3 numbers") from None
    yield Clip(values, fps.as_py(), name=name.as_py(), caption=text.as_py())


def _pyarrow() -> ModuleType:
    try:
        import pyarrow.parquet
    except ImportError:
        raise ConfigError("Parquet files need the package pyarrow: pip install 'bimotion[scale]'") from None
    module: ModuleType = pyarrow
    return module
