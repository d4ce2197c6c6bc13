"""Kernels for a CPU: products of rows with weights and what stands around them, and attention of one token.

The library is compiled from the C beside this file when the package is installed (`hatch_build.py`). Where it is not
there, or the processor lacks what it was compiled for, `available` is False and callers use torch's operations.

Shapes: R rows, G rows or fewer (the last one holds from there on), D width, N outputs; of attention B sequences, H
heads, G key-value heads, K head width.
"""

import ctypes
import os
import platform
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from jaxtyping import Float, Int, Int8
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

Activation = Literal["gelu", "silu"]
"""gelu: in its tanh form."""

_KINDS = {torch.float32: 0, torch.bfloat16: 1, torch.int8: 2}
_NORMS = {"layer": 1, "rms": 2}
_ACTIVATIONS = {None: 0, "gelu": 1, "silu": 2}


class Norm(NamedTuple):
    """How rows are normalised; gains and shifts of fewer rows than there are: the last one holds from there on."""

    kind: Literal["layer", "rms"]
    """layer: less their mean, over their deviation; rms: over their root mean square."""
    gain: Float[Tensor, "*G D"]
    """What they are multiplied by then."""
    shift: Float[Tensor, "*G D"] | None
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
        gain, shift = broadcast_last(self.gain, len(x)), broadcast_last(self.shift, len(x))
        return torch.addcmul(shift, F.layer_norm(x, x.shape[-1:], eps=self.eps), gain)


def broadcast_last(values: Float[Tensor, "G D"], rows: int) -> Float[Tensor, "#R D"]:
    """Values for each row: the last one holds for all from there on."""
    if len(values) in (1, rows):
        return values
    return torch.cat((values, values[-1:].expand(rows - len(values), -1)))


class _Rows(ctypes.Structure):
    _fields_ = (("data", ctypes.c_void_p), ("rows", ctypes.c_long))


class _Product(ctypes.Structure):
    """As in `kernels.h`."""

    _fields_ = (
        *((name, ctypes.c_long) for name in ("kind", "norm", "activation", "rows", "count", "width")),
        *((name, ctypes.c_void_p) for name in ("x", "w", "scale", "bias")),
        *((name, _Rows) for name in ("gain", "shift", "gate")),
        *((name, ctypes.c_void_p) for name in ("add", "y")),
        ("eps", ctypes.c_double),
    )


class _Attention(ctypes.Structure):
    """As in `kernels.h`."""

    _fields_ = (
        *((name, ctypes.c_long) for name in ("size", "heads", "groups", "room", "width")),
        *((name, ctypes.c_void_p) for name in ("qkv", "keys", "values", "filled", "cosine", "sine", "y")),
    )


class _Call(ctypes.Structure):
    """As in `kernels.h`."""

    _fields_ = (("which", ctypes.c_long), ("product", _Product), ("attention", _Attention))


def _load() -> Callable[[Any, int, int], int] | None:
    """The library's `run`, or None."""
    if sys.platform != "linux":
        return None
    x86 = platform.machine() in ("x86_64", "AMD64")
    if x86 and not torch.backends.cpu.get_cpu_capability().startswith("AVX"):
        return None
    try:
        # The library takes the OpenMP that torch has loaded, so that both share their threads: there must be one.
        ctypes.CDLL("libgomp.so.1", os.RTLD_NOLOAD)
        run = ctypes.CDLL(str(Path(__file__).with_name("libkernels.so"))).run
    except (OSError, AttributeError):
        return None
    run.argtypes = [ctypes.c_void_p, ctypes.c_long, ctypes.c_int]
    return run


_RUN = _load()

MAX_KERNEL_ROWS = 32 if torch.backends.cpu.get_cpu_capability() == "AVX512" else 1024
"""Rows up to which products of single-precision weights are done here; with more torch's are as fast, and with vectors
twice as long they should be sooner (not measured)."""


def available() -> bool:
    """Whether the library can be used on this machine."""
    return _RUN is not None


def usable(x: Tensor, weight: Tensor) -> bool:
    """Whether `product` is there, takes these single-precision rows and weights, and is no slower than torch's."""
    return (
        _RUN is not None
        and not torch.is_grad_enabled()
        and type(x) is Tensor
        and x.dtype == weight.dtype == torch.float32
        and x.is_cpu
        and weight.is_cpu
        and weight.is_contiguous()
        and x.shape[-1:] == weight.shape[1:]
        and 0 < x.numel() <= MAX_KERNEL_ROWS * weight.shape[1]
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
    gate: Float[Tensor, "G N"] | None = None,
    add: Float[Tensor, "*R N"] | None = None,
) -> Float[Tensor, "*R N"]:
    """`x`, normalised, times the transposed weight, plus the bias; then activation, times gate, plus `add`.

    A row's result does not depend on the other rows. Weights are float32, bfloat16, or int8 with each output's `scale`;
    with int8 the rows of `x` are rounded to integers of 13 to 16 bits. All else is in single precision and on a CPU;
    there is no gradient.
    """
    count, width = weight.shape
    rows = x.numel() // width
    y = x.new_empty((*x.shape[:-1], count))
    x, gate, add = x.contiguous(), _packed(gate), _packed(add)
    gain, shift = (None, None) if norm is None else (_packed(norm.gain), _packed(norm.shift))
    call = _Product(
        _KINDS[weight.dtype],
        0 if norm is None else _NORMS[norm.kind],
        _ACTIVATIONS[activation],
        rows,
        count,
        width,
        x.data_ptr(),
        weight.data_ptr(),
        _address(scale),
        _address(bias),
        (_address(gain), 0 if gain is None else gain.numel() // width),
        (_address(shift), 0 if shift is None else shift.numel() // width),
        (_address(gate), 0 if gate is None else gate.numel() // count),
        _address(add),
        y.data_ptr(),
        0.0 if norm is None else norm.eps,
    )
    _run(_Call(0, call), (x, weight, scale, bias, gain, shift, gate, add, y))
    return y


def attend_next(
    qkv: Float[Tensor, "B QKV"],
    keys: Float[Tensor, "B G room K"],
    values: Float[Tensor, "B G room K"],
    filled: Int[Tensor, " B"],
    tables: tuple[Float[Tensor, "P K"], Float[Tensor, "P K"]] | None,
) -> Float[Tensor, "B D"]:
    """What one more token of each sequence attends to; its keys and values are kept at the places `filled`.

    All tensors are packed, in single precision (`filled` in 64-bit integers) and on a CPU, and every place lies below
    `room`. `tables`: cosines and sines of the rotary positions.
    """
    size, groups, room, width = keys.shape
    heads = qkv.shape[1] // width - 2 * groups
    y = qkv.new_empty((size, heads * width))
    cosine, sine = (None, None) if tables is None else tables
    used = (qkv, keys, values, filled, cosine, sine, y)
    _run(_Call(1, _Product(), _Attention(size, heads, groups, room, width, *map(_address, used))), used)
    return y


_Used = tuple[_Call, tuple[Tensor | None, ...]]
"""A call, and the tensors whose memory it uses."""


class CallGraph:
    """A function of tensors that does nothing but call the kernels, called again and again.

    A token, or a denoising step, is some dozens of calls, each of which costs Python as long as a million weights do.
    They are recorded the first time; from then on what is given is copied to where it was then, and the calls are made
    again at once, on the same memory. If anything else was computed between them, or they cannot be made, it is called
    each time as it is.
    """

    def __init__(self) -> None:
        self._tried = False
        self._given: list[Tensor] = []
        self._result: Tensor | None = None
        self._calls: ctypes.Array[_Call] | None = None
        self._kept: list[tuple[Tensor | None, ...]] = []

    def __call__(self, function: Callable[..., Tensor], *given: Tensor) -> Tensor:
        """The function's result, which the next call overwrites; the function and the shapes must not change."""
        if self._calls is not None:
            for own, one in zip(self._given, given, strict=True):
                own.copy_(one)
            _start(self._calls, len(self._calls))
        elif self._tried or not available() or not given[0].is_cpu:
            return function(*given)
        else:
            self._record(function, given)
        assert self._result is not None
        return self._result

    def _record(self, function: Callable[..., Tensor], given: tuple[Tensor, ...]) -> None:
        self._tried = True
        self._given = [one.clone(memory_format=torch.contiguous_format) for one in given]
        watch = _Watch()
        made: list[_Used] = []
        _local.calls = made
        try:
            with watch:
                self._result = function(*self._given)
        finally:
            _local.calls = None
        if not watch.computed:
            self._calls = (_Call * len(made))(*(call for call, _ in made))
            self._kept = [used for _, used in made]


class _Local(threading.local):
    """What is being recorded by this thread."""

    calls: list[_Used] | None = None


_local = _Local()


class _Watch(TorchFunctionMode):
    """Notes whether torch computes anything, other than new names for memory.

    A mode below, at torch's dispatcher, would see all, but loads torch's compiler: 1.5 s and 73 MB.
    """

    NAMES = frozenset(
        ("__get__", "__len__", "contiguous", "data_ptr", "is_contiguous", "new_empty", "numel", "unbind")
    )

    def __init__(self) -> None:
        super().__init__()
        self.computed = False

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        self.computed |= func.__name__ not in self.NAMES
        return func(*args, **(kwargs or {}))


def _run(call: _Call, used: tuple[Tensor | None, ...]) -> None:
    _start(ctypes.byref(call), 1)
    if _local.calls is not None:
        _local.calls.append((call, used))


def _start(calls: Any, count: int) -> None:
    assert _RUN is not None
    if _RUN(calls, count, torch.get_num_threads()):
        raise MemoryError("no memory for what is kept while the kernels run")


def _packed(values: Tensor | None) -> Tensor | None:
    return None if values is None else values.contiguous()


def _address(values: Tensor | None) -> int | None:
    return None if values is None else values.data_ptr()
