"""Peak rates of a machine's memory and arithmetic, and peak memory of a process."""

import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

GEMM_WIDTH = 2048
"""Width of the square matrices in the timed product."""
STREAM_BYTES = 256 << 20
"""Bytes read to measure bandwidth: far more than any cache holds."""


@dataclass(frozen=True)
class Machine:
    """Rates of a machine, the best of several tries."""

    bytes_per_second: float
    """Memory bandwidth of all threads, reading."""
    flops_per_second: float
    """Rate of single-precision products of large matrices; a multiplication and an addition count as two."""

    def seconds(self, flops: float, read: float) -> float:
        """Lower bound of the time for `flops` operations and `read` bytes: the slower of the two."""
        return max(flops / self.flops_per_second, read / self.bytes_per_second)


def measure_machine(repeats: int = 12) -> Machine:
    """Rates with the current number of torch threads: a matrix-vector product, and a product of square matrices."""
    rows = torch.ones(STREAM_BYTES // 4096, 1024)
    vector, out = torch.ones(1024), torch.empty(len(rows))
    a, b = torch.ones(2, GEMM_WIDTH, GEMM_WIDTH).unbind(0)
    product = torch.empty(GEMM_WIDTH, GEMM_WIDTH)
    reading = min(
        _best(lambda: torch.mv(rows, vector, out=out), repeats),
        _best(lambda: rows.sum(), repeats),
    )
    multiplying = _best(lambda: torch.mm(a, b, out=product), repeats)
    return Machine(STREAM_BYTES / reading, 2 * GEMM_WIDTH**3 / multiplying)


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
        begun = time.perf_counter()
        work()
        durations.append(time.perf_counter() - begun)
    return min(durations)
