"""What it costs to let OpenMP's threads spin or sleep while they wait, alone and beside a busy process.

    python -m benchmarks.waiting_threads [--repeats 5] [--threads 2] [--turns 3]

Each setting generates motions and captions with the bundled model in a process of its own; the settings take turns. The
busy process computes in one thread without pause. Prints the median seconds of a motion and of a caption.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections import defaultdict

SETTINGS: dict[str, dict[str, str]] = {
    "torch's default": {},
    "spin 10,000": {"GOMP_SPINCOUNT": "10000"},
    "spin 1,000": {"GOMP_SPINCOUNT": "1000"},
    "spin 100": {"GOMP_SPINCOUNT": "100"},
    "sleep at once": {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "0"},
}
"""Environment variables of each setting."""

MEASURE = """
import json, sys, time
import bimotion
model = bimotion.load()
clip = model.text_to_motion("a person walks forward", seconds=5, seed=0)
def seconds(work):
    work()
    took = []
    for _ in range(int(sys.argv[1])):
        begun = time.perf_counter()
        work()
        took.append(time.perf_counter() - begun)
    return took
print(json.dumps([seconds(lambda: model.text_to_motion("a person waves", seconds=5, seed=0)),
                  seconds(lambda: model.motion_to_text(clip))]))
"""


def measure(variables: dict[str, str], threads: int, repeats: int) -> list[list[float]]:
    """Seconds of motions, and of captions."""
    names = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")
    kept = {name: value for name, value in os.environ.items() if name not in names}
    environment = {**kept, "OMP_NUM_THREADS": str(threads), **variables}
    command = [sys.executable, "-c", MEASURE, str(repeats)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    found: list[list[float]] = json.loads(done.stdout)
    return found


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--turns", type=int, default=3)
    args = parser.parse_args()
    took: dict[tuple[str, int, int], list[float]] = defaultdict(list)
    for _ in range(args.turns):
        for busy in (0, 1):
            beside = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(busy)]
            try:
                time.sleep(0.2)
                for name, variables in SETTINGS.items():
                    for kind, seconds in enumerate(measure(variables, args.threads, args.repeats)):
                        took[name, busy, kind] += seconds
            finally:
                for process in beside:
                    process.kill()
                    process.wait()
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"{args.threads} threads; load of the machine over 1, 5 and 15 minutes: {load}")
    print("| waiting threads | motion alone s | motion beside s | caption alone s | caption beside s |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for name in SETTINGS:
        cells = [statistics.median(took[name, busy, kind]) for kind in (0, 1) for busy in (0, 1)]
        print(f"| {name} | " + " | ".join(f"{cell:.3f}" for cell in cells) + " |", flush=True)


if __name__ == "__main__":
    main()
