"""What a machine's memory and arithmetic give at best, and how much memory a process took."""

import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

GEMM_WIDTH = 2048
"""Width of the square matrices whose product is timed."""
STREAM_BYTES = 256 << 20
"""What is read to find the bandwidth: far more than any cache holds."""


@dataclass(frozen=True)
class Machine:
    """Rates of a machine, the best of several tries."""

    bytes_per_second: float
    """Reading of memory, all threads together."""
    flops_per_second: float
    """Single-precision products of large matrices; a multiplication and an addition are two."""

    def seconds(self, flops: float, read: float) -> float:
        """The least time for so many operations on so many bytes: the slower of the two decides."""
        return max(flops / self.flops_per_second, read / self.bytes_per_second)


def measure_machine(tries: int = 12) -> Machine:
    """The rates with torch's threads as they are set: a matrix times a vector, and two square matrices."""
    rows = torch.ones(STREAM_BYTES // 4096, 1024)
    vector, out = torch.ones(1024), torch.empty(len(rows))
    a, b = torch.ones(2, GEMM_WIDTH, GEMM_WIDTH).unbind(0)
    product = torch.empty(GEMM_WIDTH, GEMM_WIDTH)
    reading = min(
        _best(lambda: torch.mv(rows, vector, out=out), tries),
        _best(lambda: rows.sum(), tries),
    )
    multiplying = _best(lambda: torch.mm(a, b, out=product), tries)
    return Machine(STREAM_BYTES / reading, 2 * GEMM_WIDTH**3 / multiplying)


def peak_bytes() -> int:
    """The most memory that this process has held."""
    status = Path("/proc/self/status")
    if status.exists():  # `ru_maxrss` counts what the parent held before it started this process
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def _best(work: Callable[[], object], tries: int) -> float:
    work()
    took = []
    for _ in range(tries):
        begun = time.perf_counter()
        work()
        took.append(time.perf_counter() - begun)
    return min(took)
