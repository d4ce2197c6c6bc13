"""Checkpoints: all state that a run needs to continue exactly as if it had not stopped.

A checkpoint is a folder `step-00001000` of safetensors files and one `state.json`; nothing is pickled. It is
written under another name, flushed to the disk and renamed, so that a folder with that name is always complete.
"""

import json
import os
import random
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from bimotion.errors import DataError
from bimotion.storage.files import LIBRARY_ERRORS, reason
from bimotion.storage.json_files import read_json_object
from bimotion.storage.records import record_from_json
from bimotion.storage.tensor_files import check_shapes, read_tensors

_NAME = re.compile(r"step-(\d{8})")


class DamagedCheckpoint(DataError):
    """A checkpoint cannot be read, or does not fit the run."""


@dataclass(frozen=True)
class Checkpoint:
    """The state of a run between two steps."""

    step: int
    """Steps done."""
    tensors: dict[str, dict[str, Tensor]]
    """Tensors by file (`model`, `ema`, `optimiser`, `random-0`, ...) and name."""
    state: dict[str, Any]
    """State that is not a tensor: position in the batch order, optimiser scalars, random states; as JSON."""


def save_checkpoint(folder: Path, checkpoint: Checkpoint, *, keep: int) -> Path:
    """The folder of a checkpoint written below `folder`; all but the newest `keep` are removed."""
    target = folder / f"step-{checkpoint.step:08d}"
    if target.exists():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    remove_unfinished(folder)
    partial = folder / f".partial-{target.name}"
    partial.mkdir()
    for name, tensors in checkpoint.tensors.items():
        file = partial / f"{name}.safetensors"
        save_file({key: value.detach().contiguous() for key, value in tensors.items()}, file)
        _flush(file)
    state = partial / "state.json"
    state.write_text(json.dumps({"step": checkpoint.step, **checkpoint.state}), encoding="utf-8")
    _flush(state)
    _flush(partial)
    partial.rename(target)
    _flush(folder)
    for old in list_checkpoints(folder)[:-keep]:
        shutil.rmtree(old)
    return target


def list_checkpoints(folder: Path) -> list[Path]:
    """The checkpoints below `folder`, oldest first."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if _NAME.fullmatch(path.name))


def remove_unfinished(folder: Path) -> None:
    """Remove checkpoints that a killed run left half-written."""
    for partial in folder.glob(".partial-*"):
        shutil.rmtree(partial)


def load_checkpoint(folder: Path) -> Checkpoint:
    """Read a checkpoint onto the CPU.

    Raises:
        DamagedCheckpoint: the folder lacks a file or holds one that cannot be read.
    """
    with naming_damage(folder):
        state = read_json_object(folder / "state.json")
        tensors = {file.stem: read_tensors(file, DataError) for file in sorted(folder.glob("*.safetensors"))}
        step = state.pop("step", None)
        if type(step) is not int or f"step-{step:08d}" != folder.name:
            raise DataError(f"{folder / 'state.json'}: belongs to step {step}, not to this checkpoint")
    return Checkpoint(step, tensors, state)


@contextmanager
def naming_damage(folder: Path) -> Iterator[None]:
    """Reports any error while a checkpoint is restored as damage of the checkpoint, with advice on how to continue.

    Raises:
        DamagedCheckpoint: always then.
    """
    try:
        yield
    except DamagedCheckpoint:
        raise
    except (DataError, *LIBRARY_ERRORS) as error:
        before = [path for path in list_checkpoints(folder.parent) if path.name < folder.name]
        advice = f"--resume then continues from {before[-1].name}" if before else "the run then starts anew"
        raise DamagedCheckpoint(
            f"{folder}: this checkpoint is damaged ({reason(error)}); remove the folder: {advice}"
        ) from error


@dataclass(frozen=True)
class RandomState:
    """States of the random generators that are not tensors."""

    numpy: tuple[Literal["MT19937"], tuple[int, ...], int, int, float]
    """numpy's global generator: kind, 624 words, position, and a cached normal number."""
    python: tuple[int, tuple[int, ...], float | None]
    """Python's: version, words with the position, and a cached normal number."""

    def __post_init__(self) -> None:
        if not all(0 <= word < 2**32 for word in (*self.numpy[1], *self.python[1])):
            raise DataError("random states must be 32-bit words")


@dataclass(frozen=True)
class LoopState:
    """State of a run besides tensors."""

    optimiser: dict[str, float]
    """Scalars of the optimisers."""
    random: dict[str, RandomState]
    """Random states by process."""
    batches: dict[str, int]
    """Position in the batch order."""
    world: int
    """Number of processes."""


def loop_state(checkpoint: Checkpoint) -> LoopState:
    """The state of the loop in a checkpoint, checked.

    Raises:
        DataError: a value is missing, of another type or impossible.
    """
    state = record_from_json(LoopState, checkpoint.state, "state.json", DataError)
    for name, position in state.batches.items():
        if not 0 <= position <= checkpoint.step:
            raise DataError(f"state.json: batches: {name} is {position} at step {checkpoint.step}")
    return state


def check_saved(expected: Mapping[str, Tensor], saved: Mapping[str, Tensor], where: str) -> None:
    """Raise a `DataError` if saved tensors have other names or shapes than expected."""
    check_shapes(
        {name: tuple(value.shape) for name, value in expected.items()},
        {name: tuple(value.shape) for name, value in saved.items()},
        where,
        DataError,
    )


def random_state(device: torch.device) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The states of torch's, numpy's and Python's global random generators, as tensors and JSON."""
    tensors = {"torch": torch.get_rng_state()}
    if device.type == "cuda":
        tensors["cuda"] = torch.cuda.get_rng_state(device)
    kind, keys, position, has_gauss, gauss = np.random.get_state(legacy=True)  # noqa: NPY002
    version, internal, python_gauss = random.getstate()
    return tensors, {
        "numpy": [kind, np.asarray(keys).tolist(), position, has_gauss, gauss],
        "python": [version, list(internal), python_gauss],
    }


def restore_random_state(tensors: dict[str, Tensor], state: RandomState, device: torch.device) -> None:
    """Restore the states that `random_state` returned."""
    torch.set_rng_state(tensors["torch"])
    if device.type == "cuda":
        torch.cuda.set_rng_state(tensors["cuda"], device)
    kind, keys, position, has_gauss, gauss = state.numpy
    np.random.set_state((kind, np.array(keys, dtype=np.uint32), position, has_gauss, gauss))  # noqa: NPY002
    version, internal, python_gauss = state.python
    random.setstate((version, internal, python_gauss))


def _flush(path: Path) -> None:
    """Make sure that a file's bytes, or a folder's entries, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
