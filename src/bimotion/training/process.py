"""Settings of the whole process for training; environment variables must be set before torch is loaded."""

import ctypes
import os
import sys

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
"""glibc's `mallopt`: how much stays free at the heap's end, and the size from which blocks are mapped separately."""
MMAP_THRESHOLD_BYTES = 1 << 20
"""Size in bytes from which freed blocks return to the system."""


def set_process_defaults() -> None:
    """Let idle threads sleep instead of spin, use large pages, and return freed memory to the system.

    Variables that are already set are kept. With sleeping threads a training step on two cores takes a quarter of the
    time if another process runs beside it. By default glibc keeps freed blocks of up to 32 MB: a step of stage 3
    then holds 0.4 GB more at full size. If they are returned, each new page costs a fault, 10 % of the time with small
    pages and hardly any with large ones.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    os.environ.setdefault("GOMP_SPINCOUNT", "0")
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    if sys.platform == "linux" and "MALLOC_MMAP_THRESHOLD_" not in os.environ:
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # other C libraries have none
        if mallopt is not None:
            mallopt(_M_MMAP_THRESHOLD, MMAP_THRESHOLD_BYTES)
            mallopt(_M_TRIM_THRESHOLD, 64 * MMAP_THRESHOLD_BYTES)
