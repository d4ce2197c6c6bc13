"""Checkpoints: all state that a run needs to continue exactly as if it had not stopped.

A checkpoint is a folder `step-00001000` of safetensors files and one `state.json`; nothing is pickled. It is
written beside, flushed to the disk and renamed, so that a folder with that name is always whole.
"""

import json
import os
import random
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from bimotion.errors import DataError

_NAME = re.compile(r"step-(\d{8})")


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
        DataError: the folder lacks a file or holds one that cannot be read.
    """
    try:
        state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
        tensors = {file.stem: load_file(file) for file in sorted(folder.glob("*.safetensors"))}
    except (OSError, ValueError) as error:
        raise DataError(
            f"{folder}: not a readable checkpoint ({error}); remove it to continue from the one before"
        ) from error
    return Checkpoint(step=state.pop("step"), tensors=tensors, state=state)


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


def restore_random_state(tensors: dict[str, Tensor], state: dict[str, Any], device: torch.device) -> None:
    """Restore the states that `random_state` returned."""
    torch.set_rng_state(tensors["torch"])
    if device.type == "cuda":
        torch.cuda.set_rng_state(tensors["cuda"], device)
    kind, keys, position, has_gauss, gauss = state["numpy"]
    np.random.set_state((kind, np.array(keys, dtype=np.uint32), position, has_gauss, gauss))  # noqa: NPY002
    version, internal, python_gauss = state["python"]
    random.setstate((version, tuple(internal), python_gauss))


def _flush(path: Path) -> None:
    """Make sure that a file's bytes, or a folder's entries, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
