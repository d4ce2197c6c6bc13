"""Peak rates of a machine's memory and arithmetic, and peak memory of a process."""

import os
import resource
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from bimotion.benchmark.timing import now

GEMM_WIDTH = 2048
"""Width of the square matrices in the timed product."""
STREAM_BYTES = 256 << 20
"""Bytes read to measure bandwidth: far more than any cache holds."""
BUSY_LOAD = 0.5
"""Load average before a measurement from which on the machine is not quiet."""
WIDE_SPREAD = 0.25
"""Spread of repeats, (slowest - fastest) / median, above which the measurement was disturbed."""


@dataclass(frozen=True)
class Machine:
    """Rates of a machine, the best of several tries."""

    bytes_per_second: float
    """Memory bandwidth of all threads, reading."""
    flops_per_second: float
    """Rate of single-precision products of large matrices; a multiplication and an addition count as two."""
    cache_bytes: float = 0.0
    """Size of the last cache, in which weights that are read again may have stayed."""
    cached_bytes_per_second: float = float("inf")
    """Bandwidth of all threads, reading from that cache."""

    def seconds(self, flops: float, read: float, passes: int = 1) -> float:
        """Lower bound of the time for `flops` operations and `read` bytes: the slower of the two.

        The bytes are read in `passes` equal passes over the same weights. From the second pass on, as much as the last
        cache holds comes from there.
        """
        own = read / passes
        cached = min(own, self.cache_bytes)
        again = (own - cached) / self.bytes_per_second + cached / self.cached_bytes_per_second
        reading = own / self.bytes_per_second + (passes - 1) * again
        return max(flops / self.flops_per_second, reading)


def measure_machine(repeats: int = 12) -> Machine:
    """Rates with the current number of torch threads: matrix-vector products, and a product of square matrices."""
    vector = torch.ones(1024)
    cache = last_cache_bytes()
    a, b = torch.ones(2, GEMM_WIDTH, GEMM_WIDTH).unbind(0)
    product = torch.empty(GEMM_WIDTH, GEMM_WIDTH)

    def reading(size: int) -> float:
        rows = torch.ones(size // 4096, 1024)
        out = torch.empty(len(rows))
        fastest = min(
            _best(lambda: torch.mv(rows, vector, out=out), repeats),
            _best(lambda: rows.sum(), repeats),
        )
        return rows.numel() * 4 / fastest

    memory = reading(STREAM_BYTES)
    # half of the cache, as the product's own rows and other programs take some
    cached = reading(cache // 2) if cache >= 1 << 20 else memory
    multiplying = _best(lambda: torch.mm(a, b, out=product), repeats)
    return Machine(memory, 2 * GEMM_WIDTH**3 / multiplying, float(cache), max(cached, memory))


def last_cache_bytes(folder: Path = Path("/sys/devices/system/cpu/cpu0/cache")) -> int:
    """Size of the first core's last cache; 0 where the system does not say, or it is too large to matter."""
    sizes = []
    for file in folder.glob("index*/size"):
        text = file.read_text().strip()
        if text.endswith("K") and text[:-1].isdigit():
            sizes.append(int(text[:-1]) << 10)
    return min(max(sizes, default=0), STREAM_BYTES // 4)


def load_average() -> float | None:
    """Processes that ran or waited for a core over the last minute; None where the system does not say."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def peak_bytes() -> int:
    """Peak memory of this process in bytes."""
    status = Path("/proc/self/status")
    if status.exists():  # `ru_maxrss` includes memory of the parent before it started this process
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def _best(work: Callable[[], object], repeats: int) -> float:
    work()
    durations = []
    for _ in range(repeats):
        begun = now()
        work()
        durations.append(now() - begun)
    return min(durations)
