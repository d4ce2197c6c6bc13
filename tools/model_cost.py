"""What a model costs: size of its folder, seconds for one motion, time and peak memory of `bimotion generate`.

    python -m tools.model_cost [MODEL] [--out cost.json]

Run it on a quiet machine; `load` says how quiet it was.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

import bimotion
from bimotion.api import model_folder
from bimotion.inference.model import MotionLanguageModel
from bimotion.storage.atomic import atomic_path

SENTENCE = "a person waves with the right hand"
_LAUNCH = """
import resource, subprocess, sys, time
begun = time.perf_counter()
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)
print(time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(done.returncode)
"""  # by a small process: what is started inherits the peak of who starts it
_MAXRSS_PER_MB = 1e6 if sys.platform == "darwin" else 1e3  # bytes there, kilobytes elsewhere


def cost(model: MotionLanguageModel, folder: Path, repeats: int = 5) -> dict[str, Any]:
    """Medians of seconds, largest memory, and size."""
    seconds = None if model.network.length is not None else 6
    model.text_to_motion(SENTENCE, seconds=seconds, seed=0)
    alone = []
    for _ in range(repeats):
        begun = time.perf_counter()
        model.text_to_motion(SENTENCE, seconds=seconds, seed=0)
        alone.append(time.perf_counter() - begun)
    commands = [_command(folder, model) for _ in range(3)]
    return {
        "size_mb": sum(path.stat().st_size for path in folder.iterdir() if path.is_file()) / 1e6,
        "generation_s": statistics.median(alone),
        "command_s": statistics.median(seconds for seconds, _ in commands),
        "command_peak_mb": max(memory for _, memory in commands),
        "threads": torch.get_num_threads(),
        "load": [round(value, 2) for value in os.getloadavg()],
    }


def _command(folder: Path, model: MotionLanguageModel) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as folder_of_result:
        command = [sys.executable, "-m", "bimotion", "generate", SENTENCE, "--seed", "0"]
        command += ["--model", str(folder), "--out", f"{folder_of_result}/wave.bvh"]
        command += [] if model.network.length is not None else ["--seconds", "6"]
        done = subprocess.run(
            [sys.executable, "-c", _LAUNCH, *command], stdout=subprocess.PIPE, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"{' '.join(command)}: ended with code {done.returncode}")
        seconds, peak = map(float, done.stdout.split())
        return seconds, peak / _MAXRSS_PER_MB


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", nargs="?", help="a model folder; the bundled model if absent")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    folder = model_folder(args.model)
    measured = json.dumps(cost(bimotion.load(folder), folder), indent=1)
    print(measured)
    if args.out is not None:
        with atomic_path(args.out) as path:
            path.write_text(measured + "\n", "utf-8")


if __name__ == "__main__":
    main()
