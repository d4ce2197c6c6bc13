"""Measures figures one after the other, each in its own process, so that peak memory is separate."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from safetensors.torch import save_file

from bimotion.benchmark.figures import Figure
from bimotion.benchmark.timing import Timed
from bimotion.benchmark.work import Part
from bimotion.errors import BimotionError
from bimotion.models.motion_language import MotionLanguage, MotionLanguageConfig
from bimotion.storage.model_folder import FORMAT
from bimotion.storage.remains import temporary_folder


@dataclass(frozen=True)
class Measured(Timed):
    """Result of a figure."""

    figure: Figure
    """The figure."""
    seconds: list[float]
    """Seconds of each repeat, after a warm-up."""
    peak_bytes: int
    """Peak memory of the process, including loading."""
    parts: list[Part]
    """The work that determines the bound."""
    error: float | None
    """Distance to the single-precision output, relative to its norm."""


def measure(figures: Sequence[Figure], folder: Path, repeats: int, threads: int) -> Iterator[Measured]:
    """Measure each figure of the model in a folder; training steps use the thread settings of `bimotion train`.

    Raises:
        BimotionError: a process failed; the message is its last line.
    """
    for figure in figures:
        order = json.dumps({"figure": asdict(figure), "folder": str(folder), "repeats": repeats})
        command = [sys.executable, "-m", "bimotion.benchmark", order]
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
        if figure.trains:
            environment.pop("GOMP_SPINCOUNT", None)  # of this command; training has a setting of its own
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            lines = done.stderr.strip().splitlines() or [f"ended with code {done.returncode}"]
            raise BimotionError(f"{figure.kind}, batch {figure.batch}, {figure.precision}: {lines[-1]}")
        result = json.loads(done.stdout)
        parts = [Part(**part) for part in result["parts"]]
        yield Measured(figure, result["seconds"], result["peak_bytes"], parts, result["error"])


@contextmanager
def random_weights(config: MotionLanguageConfig) -> Iterator[Path]:
    """A temporary folder with random weights of these sizes; no layer is zero-initialised."""
    config = replace(config, head=replace(config.head, zero_init=False))
    torch.manual_seed(0)
    with temporary_folder("weights") as folder:
        save_file(MotionLanguage(config).state_dict(), folder / "model.safetensors")
        (folder / "config.json").write_text(json.dumps({"format": FORMAT, **asdict(config)}), "utf-8")
        yield folder
