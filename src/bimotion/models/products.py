"""Products of rows with a matrix of weights on a CPU, by `products.c`.

The library is compiled when the package is installed (`hatch_build.py`); where it is not there, or the processor lacks
what it was compiled for, `available` is False and callers use torch's products.

Shapes: R rows, D width, N outputs.
"""

import ctypes
import platform
from collections.abc import Callable
from pathlib import Path

import torch
from jaxtyping import Float, Int8
from torch import Tensor

MOST_ROWS = 256
"""Rows up to which it is faster than torch's products; these lay the weights out anew for each product."""


def _load() -> dict[torch.dtype, Callable[..., int | None]] | None:
    """The library's functions by the weights they take, or None."""
    x86 = platform.machine() in ("x86_64", "AMD64")
    if x86 and not torch.backends.cpu.get_cpu_capability().startswith("AVX"):
        return None
    try:
        # torch has loaded its OpenMP by now; the library finds that one, so that both share their threads.
        library = ctypes.CDLL(str(Path(__file__).with_name("libproducts.so")))
    except OSError:
        return None
    pointers, sizes = [ctypes.c_void_p] * 4, [ctypes.c_long] * 4
    library.product_float32.argtypes = library.product_bfloat16.argtypes = [*pointers, *sizes]
    library.product_int8.argtypes = [ctypes.c_void_p, *pointers, *sizes]
    library.product_float32.restype = None
    return {
        torch.float32: library.product_float32,
        torch.bfloat16: library.product_bfloat16,
        torch.int8: library.product_int8,
    }


_FUNCTIONS = _load()


def available() -> bool:
    """Whether the library can be used on this machine."""
    return _FUNCTIONS is not None


def usable(x: Tensor, weight: Tensor) -> bool:
    """Whether `product` takes these rows and weights: packed and in single precision, both on a CPU."""
    return (
        _FUNCTIONS is not None
        and type(x) is Tensor
        and x.dtype == weight.dtype == torch.float32
        and x.is_cpu
        and weight.is_cpu
        and weight.is_contiguous()
        and x.shape[-1:] == weight.shape[1:]
        and x.numel() > 0
        and weight.numel() > 0
    )


def product(
    x: Float[Tensor, "*R D"],
    weight: Float[Tensor, "N D"] | Int8[Tensor, "N D"],
    bias: Float[Tensor, " N"] | None = None,
    scale: Float[Tensor, " N"] | None = None,
) -> Float[Tensor, "*R N"]:
    """`x` times the transposed weight, plus the bias; a row's result does not depend on the other rows.

    Weights are float32, bfloat16, or int8 with each output's `scale`; with int8 the rows of `x` are rounded to integers
    of 13 to 16 bits. `usable` must hold; bias and scale are single precision.
    """
    assert _FUNCTIONS is not None
    count, width = weight.shape
    x = x.contiguous()
    rows = x.numel() // width
    y = x.new_empty((*x.shape[:-1], count))
    bias_at = None if bias is None else bias.data_ptr()
    scales = () if scale is None else (scale.data_ptr(),)
    failed = _FUNCTIONS[weight.dtype](
        x.data_ptr(), weight.data_ptr(), *scales, bias_at, y.data_ptr(), rows, count, width, torch.get_num_threads()
    )
    if failed:
        raise MemoryError(f"no memory for a product of {rows} rows with {count} x {width} weights")
    return y
