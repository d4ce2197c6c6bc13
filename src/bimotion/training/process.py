"""Settings of the whole process for training; those of the thread pool count only before torch is loaded."""

import ctypes
import os
import sys

_M_MMAP_THRESHOLD = -3
"""glibc's `mallopt`: blocks from so many bytes on are given back to the system when they are freed."""
GIVEN_BACK_BYTES = 1 << 20


def set_process_defaults() -> None:
    """Let idle threads sleep instead of spin, unless the environment says what they do, and freed memory be given back.

    Measured on two cores with another process beside it: a training step takes a quarter of the time. Left to itself,
    glibc keeps freed blocks of up to 32 MB: a step of stage 3 at full size then holds 0.4 GB more and is no faster.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    os.environ.setdefault("GOMP_SPINCOUNT", "0")
    if sys.platform == "linux" and "MALLOC_MMAP_THRESHOLD_" not in os.environ:
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # other C libraries have none
        if mallopt is not None:
            mallopt(_M_MMAP_THRESHOLD, GIVEN_BACK_BYTES)
