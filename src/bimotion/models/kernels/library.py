"""The compiled library of the kernels: its structs, its instruction sets, and how it is called."""

import ctypes
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch


class Rows(ctypes.Structure):
    """Mirrors the struct in `kernels.h`."""

    _fields_ = (("data", ctypes.c_void_p), ("rows", ctypes.c_long))


class Product(ctypes.Structure):
    """Mirrors the struct in `kernels.h`."""

    _fields_ = (
        *((name, ctypes.c_long) for name in ("kind", "norm", "activation", "rows", "count", "width")),
        *((name, ctypes.c_void_p) for name in ("x", "w", "scale", "bias")),
        *((name, Rows) for name in ("gain", "shift", "gate")),
        *((name, ctypes.c_void_p) for name in ("add", "y")),
        ("eps", ctypes.c_double),
    )


class Attention(ctypes.Structure):
    """Mirrors the struct in `kernels.h`."""

    _fields_ = (
        *((name, ctypes.c_long) for name in ("size", "heads", "groups", "room", "width")),
        *((name, ctypes.c_void_p) for name in ("qkv", "keys", "values", "filled", "cosine", "sine", "y")),
    )


class Call(ctypes.Structure):
    """Mirrors the struct in `kernels.h`."""

    _fields_ = (("which", ctypes.c_long), ("product", Product), ("attention", Attention))


def _load() -> ctypes.CDLL | None:
    """The library, or None."""
    if sys.platform != "linux":
        return None
    library = os.environ.get("BIMOTION_KERNELS") or Path(__file__).with_name("libkernels.so")
    try:
        # The library must share the OpenMP runtime that torch has loaded, and with it the threads.
        ctypes.CDLL("libgomp.so.1", os.RTLD_NOLOAD)
        loaded = ctypes.CDLL(str(library))
        loaded.run.argtypes = [ctypes.c_void_p, ctypes.c_long, ctypes.c_int]
        loaded.variant.restype = ctypes.c_char_p
        loaded.use_variant.argtypes = [ctypes.c_char_p]
    except (OSError, AttributeError):
        return None
    return loaded


_LIBRARY = _load()
_RUN: Callable[[Any, int, int], int] | None = None if _LIBRARY is None else _LIBRARY.run

VARIANTS = ("avx512_vnni", "avx512", "avx_vnni", "avx2", "plain")
"""Instruction sets that the kernels are written for, best first. plain: what every processor of its kind has."""


def variant() -> str | None:
    """The one of `VARIANTS` in use; None without the library."""
    return None if _LIBRARY is None else str(_LIBRARY.variant().decode())


def use_variant(name: str) -> bool:
    """Use one of `VARIANTS` from now on in the whole process, for tests; False if this machine cannot.

    The last digits of results differ between variants.
    """
    return _LIBRARY is not None and not _LIBRARY.use_variant(name.encode())


def available() -> bool:
    """Whether the library can be used on this machine."""
    return _RUN is not None


def start(calls: Any, count: int) -> None:
    """Run `count` calls in a row."""
    assert _RUN is not None
    if _RUN(calls, count, torch.get_num_threads()):
        raise MemoryError("no memory for the buffers of the kernels")
