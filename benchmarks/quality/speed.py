"""How fast a model makes a motion, in a running process and as a whole command, and how much memory that takes."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks.quality.making import Settings
from bimotion.inference.model import MotionLanguageModel

SENTENCE = "a person waves with the right hand"
_LAUNCH = """
import resource, subprocess, sys, time
begun = time.perf_counter()
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)
print(time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(done.returncode)
"""  # by a small process: what is started inherits the peak of who starts it
_MAXRSS_PER_MB = 1e6 if sys.platform == "darwin" else 1e3  # bytes there, kilobytes elsewhere


def speed(model: MotionLanguageModel, folder: Path, settings: Settings, repeats: int = 5) -> dict[str, Any]:
    """Seconds of one motion and of one `bimotion generate`, the median of several, and the command's memory."""

    def make() -> object:
        return model.text_to_motion(
            SENTENCE,
            seconds=None if model.network.length is not None else 6,
            seed=settings.seed,
            guidance_scale=settings.guidance_scale,
            steps=settings.steps,
            sampler=settings.sampler,
            clean=settings.clean,
        )

    make()
    alone = []
    for _ in range(repeats):
        begun = time.perf_counter()
        make()
        alone.append(time.perf_counter() - begun)
    commands = [_command(folder, model) for _ in range(3)]
    return {
        "generation_s": statistics.median(alone),
        "command_s": statistics.median(seconds for seconds, _ in commands),
        "command_peak_mb": max(memory for _, memory in commands),
        "threads": torch.get_num_threads(),
        "load": [round(value, 2) for value in os.getloadavg()],
    }


def folder_megabytes(folder: Path) -> float:
    """Size of the files of a model folder."""
    return sum(path.stat().st_size for path in folder.iterdir() if path.is_file()) / 1e6


def _command(folder: Path, model: MotionLanguageModel) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as place:
        command = [sys.executable, "-m", "bimotion", "generate", SENTENCE, "--seed", "0"]
        command += ["--model", str(folder), "--out", f"{place}/wave.bvh"]
        command += [] if model.network.length is not None else ["--seconds", "6"]
        done = subprocess.run(
            [sys.executable, "-c", _LAUNCH, *command], stdout=subprocess.PIPE, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"{' '.join(command)}: ended with code {done.returncode}")
        seconds, peak = map(float, done.stdout.split())
        return seconds, peak / _MAXRSS_PER_MB
