"""Load on `bimotion serve`: one client after the other, then many at once, in one run against one server process.

    python benchmarks/serve_load.py --clients 32 --seconds 60 [--best N] [--unchecked] [OPTIONS OF bimotion serve]

Prints throughput and percentiles of the time to an answer, for many clients twice, the server's memory before and after
each, and how long the server takes until it is ready after kill -9. Clients and server share the machine.
"""

import argparse
import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from bimotion.server.settings import Limits

SENTENCES = (
    "a person walks forward",
    "a person waves with the right hand",
    "someone jumps twice",
    "a person kicks with the left leg",
    "a person sits down",
    "a person turns around to the left",
    "a person bows",
    "a person runs in a circle",
)

STORED_MOTIONS = Limits().stored_motions


def start(port: int, more: list[str]) -> tuple[subprocess.Popen[bytes], float]:
    """A server, and the seconds until it was ready."""
    began = time.monotonic()
    command = [sys.executable, "-m", "bimotion", "serve", "--port", str(port), *more]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while True:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=5).status_code == 200:
                return process, time.monotonic() - began
        except httpx.TransportError:
            time.sleep(0.05)


def memory_mib(process: subprocess.Popen[bytes]) -> float:
    """Resident memory of the server's main process."""
    for line in Path(f"/proc/{process.pid}/status").read_text("ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("no VmRSS")


def cpu_seconds(process: subprocess.Popen[bytes]) -> float:
    """Processor time of the server's main process."""
    fields = Path(f"/proc/{process.pid}/stat").read_text("ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def load(
    port: int, clients: int, seconds: float, settings: dict[str, Any]
) -> tuple[list[float], Counter[int], float]:
    """Times to an answer, answers by status, and the seconds that it took."""
    times: list[float] = []
    statuses: Counter[int] = Counter()
    end = time.monotonic() + seconds

    async def one(number: int) -> None:
        rng = random.Random(number)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=120) as client:
            while time.monotonic() < end:
                text, seed = rng.choice(SENTENCES), rng.randrange(10**6)
                body = {"text": text, "seconds": 3, "seed": seed} | settings
                began = time.monotonic()
                answer = await client.post("/api/v1/generate", json=body)
                times.append(time.monotonic() - began)
                statuses[answer.status_code] += 1

    began = time.monotonic()
    await asyncio.gather(*(one(number) for number in range(clients)))
    return times, statuses, time.monotonic() - began


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--port", type=int, default=8765)
    parser.add_argument("--best", type=int, help="candidates for each motion (default: the model's)")
    parser.add_argument("--unchecked", action="store_true", help="without captions and scores")
    options, more = parser.parse_known_args()
    settings = {"best": options.best, "check": not options.unchecked}
    process, ready = start(options.port, more)
    print(f"ready after {ready:.1f} s")
    # Warms up: memory is laid out, and the server keeps as many motions as it ever does.
    answered = 0
    while answered < STORED_MOTIONS:
        times, _, _ = asyncio.run(load(options.port, options.clients, 5.0, {"best": 1, "check": True}))
        answered += len(times)
    asyncio.run(load(options.port, options.clients, 10.0, settings))
    memory = [memory_mib(process)]
    print("| clients | requests/s | server CPU ms/request | p50 ms | p95 ms | p99 ms | not 200 |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for clients in (1, options.clients, options.clients):
        used = cpu_seconds(process)
        times, statuses, took = asyncio.run(load(options.port, clients, options.seconds, settings))
        used = cpu_seconds(process) - used
        memory.append(memory_mib(process))
        p50, p95, p99 = (1000 * np.percentile(times, share) for share in (50, 95, 99))
        failed = sum(count for status, count in statuses.items() if status != 200)
        rate, each = len(times) / took, 1000 * used / len(times)
        print(f"| {clients} | {rate:.1f} | {each:.0f} | {p50:.0f} | {p95:.0f} | {p99:.0f} | {failed} |")
    print(f"memory before and after each: {', '.join(f'{each:.0f}' for each in memory)} MiB")
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    again, ready = start(options.port, more)
    print(f"ready {ready:.1f} s after kill -9, of which {cpu_seconds(again):.1f} s of processor time")
    again.terminate()
    again.wait()


if __name__ == "__main__":
    main()
