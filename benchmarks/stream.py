"""How soon a stream starts, and how many times faster than it plays it is generated.

    python -m benchmarks.stream [--threads N] [--repeats N]

Twenty seconds in four phrases by the bundled model, generated and cleaned; minimum and median of the first segment's
time, maximum and median of the speed.
"""

import argparse
import os
import statistics
import time
from typing import Any

import torch

import bimotion
from bimotion.inference.model import MotionLanguageModel

PHRASES = [
    (text, 5.0) for text in ("walks forward", "turns to the left", "waves with the right hand", "sits down")
]

SETTINGS: dict[str, dict[str, Any]] = {
    "one candidate": {"best": 1},
    "one candidate, 8 steps": {"best": 1, "steps": 8},
    "the model's candidates": {},
}


def measured(model: MotionLanguageModel, settings: dict[str, Any]) -> tuple[float, float]:
    """Seconds until the first chunk, and seconds of motion by second of the clock."""
    began, first, seconds = time.perf_counter(), 0.0, 0.0
    for chunk in model.stream(PHRASES, seed=0, **settings):
        first = first or time.perf_counter() - began
        seconds += len(chunk.clip) / chunk.clip.fps
    return first, seconds / (time.perf_counter() - began)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    model = bimotion.load()
    print(f"{args.threads} threads, load {os.getloadavg()[0]:.1f}")
    print("| stream of 20 s | first segment, ms | times real time |\n| --- | ---: | ---: |")
    for name, settings in SETTINGS.items():
        measured(model, settings)
        firsts, speeds = zip(*(measured(model, settings) for _ in range(args.repeats)), strict=True)
        print(
            f"| {name} | {1000 * min(firsts):.0f} to {1000 * statistics.median(firsts):.0f} "
            f"| {statistics.median(speeds):.1f} to {max(speeds):.1f} |"
        )


if __name__ == "__main__":
    main()
