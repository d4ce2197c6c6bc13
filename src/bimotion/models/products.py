"""The kernels of `products.c`: rows times weights on a CPU, with what stands around the product in a transformer.

The library is compiled when the package is installed (`hatch_build.py`). Where it is not there, or the processor lacks
what it was compiled for, `available` is False and callers use torch's operations.

Shapes: R rows, D width, N outputs, B sequences, H heads, G key-value heads, K head width.
"""

import ctypes
import platform
from pathlib import Path
from typing import Literal, NamedTuple

import torch
from jaxtyping import Float, Int, Int8
from torch import Tensor, nn
from torch.nn import functional as F

Activation = Literal["gelu", "silu"]
"""gelu: in its tanh form."""

_KINDS = {torch.float32: 0, torch.bfloat16: 1, torch.int8: 2}
_NORMS = {None: 0, "layer": 1, "rms": 2}
_ACTIVATIONS = {None: 0, "gelu": 1, "silu": 2}


class Norm(NamedTuple):
    """How rows are normalised; gains and shifts of fewer rows than there are: the last one holds from there on."""

    kind: Literal["layer", "rms"]
    """layer: less their mean, over their deviation; rms: over their root mean square."""
    gain: Float[Tensor, "#R D"]
    """What they are multiplied by then."""
    shift: Float[Tensor, "#R D"] | None
    """What is added then."""
    eps: float
    """What is added to the variance."""

    @classmethod
    def of(cls, module: nn.Module) -> "Norm":
        """What a torch module of a norm with weights does."""
        if isinstance(module, nn.LayerNorm):
            return cls("layer", module.weight, module.bias, module.eps)
        assert isinstance(module, nn.RMSNorm)
        assert module.eps is not None
        return cls("rms", module.weight, None, module.eps)

    def __call__(self, x: Float[Tensor, "*R D"]) -> Float[Tensor, "*R D"]:
        """The rows, normalised, by torch."""
        if self.kind == "rms":
            return F.rms_norm(x, x.shape[-1:], self.gain, self.eps)
        if self.gain.ndim == 1:
            return F.layer_norm(x, x.shape[-1:], self.gain, self.shift, self.eps)
        assert self.shift is not None
        gain, shift = spread(self.gain, len(x)), spread(self.shift, len(x))
        return torch.addcmul(shift, F.layer_norm(x, x.shape[-1:], eps=self.eps), gain)


def spread(values: Float[Tensor, "G D"], rows: int) -> Float[Tensor, "#R D"]:
    """Values for each row: the last one holds for all from there on."""
    if len(values) in (1, rows):
        return values
    return torch.cat((values, values[-1:].expand(rows - len(values), -1)))


def _load() -> ctypes.CDLL | None:
    x86 = platform.machine() in ("x86_64", "AMD64")
    if x86 and not torch.backends.cpu.get_cpu_capability().startswith("AVX"):
        return None
    try:
        # torch has loaded its OpenMP by now; the library finds that one, so that both share their threads.
        library = ctypes.CDLL(str(Path(__file__).with_name("libproducts.so")))
    except OSError:
        return None
    at, size, number, real = ctypes.c_void_p, ctypes.c_long, ctypes.c_int, ctypes.c_float
    around = [number, real, at, size, at, size, number, at, size, at]
    library.product.argtypes = [number, at, at, at, at, *around, at, size, size, size, number]
    library.attend_next.argtypes = [at] * 7 + [size] * 5 + [number]
    return library


_LIBRARY = _load()

MOST_ROWS = 32 if torch.backends.cpu.get_cpu_capability() == "AVX512" else 256
"""Rows up to which it is used for weights in single precision; with many, torch's products are as fast, and with vectors
twice as long faster."""


def available() -> bool:
    """Whether the library can be used on this machine."""
    return _LIBRARY is not None


def usable(x: Tensor, weight: Tensor) -> bool:
    """Whether `product` takes these rows and weights: packed and in single precision, both on a CPU."""
    return (
        _LIBRARY is not None
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
    *,
    norm: Norm | None = None,
    activation: Activation | None = None,
    gate: Float[Tensor, "#R N"] | None = None,
    add: Float[Tensor, "*R N"] | None = None,
) -> Float[Tensor, "*R N"]:
    """`x`, normalised, times the transposed weight, plus the bias; then activation, times gate, plus `add`.

    A row's result does not depend on the other rows. Weights are float32, bfloat16, or int8 with each output's `scale`;
    with int8 the rows of `x` are rounded to integers of 13 to 16 bits. `usable` must hold; all else is single precision.
    """
    assert _LIBRARY is not None
    count, width = weight.shape
    rows = x.numel() // width
    y = x.new_empty((*x.shape[:-1], count))
    # Kept in variables until the call has ended: a copy that nobody holds would be freed before.
    x, gate, add = x.contiguous(), _packed(gate), _packed(add)
    gain, shift = (None, None) if norm is None else (_packed(norm.gain), _packed(norm.shift))
    failed = _LIBRARY.product(
        _KINDS[weight.dtype],
        x.data_ptr(),
        weight.data_ptr(),
        _address(scale),
        _address(bias),
        0 if norm is None else _NORMS[norm.kind],
        0.0 if norm is None else norm.eps,
        _address(gain),
        _rows(gain, width),
        _address(shift),
        _rows(shift, width),
        _ACTIVATIONS[activation],
        _address(gate),
        _rows(gate, count),
        _address(add),
        y.data_ptr(),
        rows,
        count,
        width,
        torch.get_num_threads(),
    )
    if failed:
        raise MemoryError(f"no memory for a product of {rows} rows with {count} x {width} weights")
    return y


def attend_next(
    qkv: Float[Tensor, "B QKV"],
    keys: Float[Tensor, "B G room K"],
    values: Float[Tensor, "B G room K"],
    filled: Int[Tensor, " B"],
    tables: tuple[Float[Tensor, "P K"], Float[Tensor, "P K"]] | None,
) -> Float[Tensor, "B D"]:
    """What one more token of each sequence attends to; its keys and values are kept at the places `filled`.

    `tables`: cosines and sines of the rotary positions.
    """
    assert _LIBRARY is not None
    size, groups, room, width = keys.shape
    heads = qkv.shape[1] // width - 2 * groups
    y = qkv.new_empty((size, heads * width))
    cosine, sine = (None, None) if tables is None else tables
    failed = _LIBRARY.attend_next(
        qkv.data_ptr(),
        keys.data_ptr(),
        values.data_ptr(),
        filled.data_ptr(),
        _address(cosine),
        _address(sine),
        y.data_ptr(),
        size,
        heads,
        groups,
        width,
        room,
        torch.get_num_threads(),
    )
    if failed:
        raise MemoryError(f"no memory for the attention of {size} tokens")
    return y


def _packed(values: Tensor | None) -> Tensor | None:
    return None if values is None else values.contiguous()


def _address(values: Tensor | None) -> int | None:
    return None if values is None else values.data_ptr()


def _rows(values: Tensor | None, width: int) -> int:
    return 0 if values is None else values.numel() // width
