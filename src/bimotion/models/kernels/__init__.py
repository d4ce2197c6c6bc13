"""CPU kernels: products of a few rows with weights, fused with norm and epilogue, and attention of one token.

The library is compiled from the C files in this folder when the package is installed (`hatch_build.py`), once for each
of several instruction sets; the best one that the processor has is used. If it is missing, `available` is False and
callers use torch's operations.

Shapes: R rows, G gate or norm rows (at most R; the last one is repeated), D width, N outputs; in attention B sequences,
H heads, G key-value heads, K head width.
"""

from typing import Literal, NamedTuple

import torch
from jaxtyping import Float, Int, Int8
from torch import Tensor, nn
from torch.nn import functional as F

from bimotion.models.kernels.call_graph import CallGraph, run
from bimotion.models.kernels.library import (
    VARIANTS,
    Attention,
    Call,
    Product,
    available,
    use_variant,
    variant,
)
from bimotion.models.processor import kernel_rows

__all__ = [
    "MAX_KERNEL_ROWS",
    "VARIANTS",
    "Activation",
    "CallGraph",
    "Norm",
    "attend_next",
    "available",
    "broadcast_last",
    "product",
    "usable",
    "use_variant",
    "variant",
]

Activation = Literal["gelu", "silu"]
"""gelu: the tanh approximation."""

_KINDS = {torch.float32: 0, torch.bfloat16: 1, torch.int8: 2}
_NORMS = {"layer": 1, "rms": 2}
_ACTIVATIONS = {None: 0, "gelu": 1, "silu": 2}


class Norm(NamedTuple):
    """Normalisation of rows; if gain and shift have fewer rows, the last one is repeated."""

    kind: Literal["layer", "rms"]
    """layer: LayerNorm; rms: RMSNorm."""
    gain: Float[Tensor, "*G D"]
    """Factor after normalisation."""
    shift: Float[Tensor, "*G D"] | None
    """Offset after the gain; None: none."""
    eps: float
    """Epsilon added to the variance."""

    @classmethod
    def of(cls, module: nn.Module) -> "Norm":
        """The normalisation of a torch norm module."""
        if isinstance(module, nn.LayerNorm):
            return cls("layer", module.weight, module.bias, module.eps)
        assert isinstance(module, nn.RMSNorm)
        assert module.eps is not None
        return cls("rms", module.weight, None, module.eps)

    def __call__(self, x: Float[Tensor, "*R D"]) -> Float[Tensor, "*R D"]:
        """The normalised rows, computed by torch."""
        if self.kind == "rms":
            return F.rms_norm(x, x.shape[-1:], self.gain, self.eps)
        if self.gain.ndim == 1:
            return F.layer_norm(x, x.shape[-1:], self.gain, self.shift, self.eps)
        assert self.shift is not None
        gain, shift = broadcast_last(self.gain, len(x)), broadcast_last(self.shift, len(x))
        return torch.addcmul(shift, F.layer_norm(x, x.shape[-1:], eps=self.eps), gain)


def broadcast_last(values: Float[Tensor, "G D"], rows: int) -> Float[Tensor, "#R D"]:
    """Values for each row; the last one is repeated."""
    if len(values) in (1, rows):
        return values
    return torch.cat((values, values[-1:].expand(rows - len(values), -1)))


MAX_KERNEL_ROWS = kernel_rows()
"""Rows up to which the kernels multiply single-precision weights."""


def usable(x: Tensor, weight: Tensor) -> bool:
    """Whether `product` is available for these single-precision rows and weights and not slower than torch."""
    return (
        available()
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
    """Normalised `x` times the transposed weight plus bias; then activation, times gate, plus `add`.

    A row's result does not depend on the other rows. Weights are float32, bfloat16, or int8 with one `scale` per
    output; with int8 the rows of `x` are rounded to integers of 13 to 16 bits. All else is single precision on the CPU;
    no gradients.

    Raises:
        ValueError: arguments that do not fit each other, or that the kernels do not take.
    """
    _check_product(x, weight, bias, scale, norm, gate, add)
    count, width = weight.shape
    rows = x.numel() // width
    y = x.new_empty((*x.shape[:-1], count))
    if not rows:
        return y
    x, gate, add = x.contiguous(), _packed(gate), _packed(add)
    gain, shift = (None, None) if norm is None else (_packed(norm.gain), _packed(norm.shift))
    call = Product(
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
    run(Call(0, call), (x, weight, scale, bias, gain, shift, gate, add, y))
    return y


def _check_product(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    scale: Tensor | None,
    norm: Norm | None,
    gate: Tensor | None,
    add: Tensor | None,
) -> None:
    """Raise a ValueError where the kernels would read or write beyond the arguments' memory."""
    if weight.ndim != 2 or weight.dtype not in _KINDS or not weight.is_contiguous() or 0 in weight.shape:
        raise ValueError(f"weight: expected a packed matrix, got {weight.dtype} {tuple(weight.shape)}")
    count, width = weight.shape
    if (scale is None) != (weight.dtype != torch.int8):
        raise ValueError("scale: int8 weights need one, others have none")
    rows: dict[str, tuple[Tensor | None, int]] = {"x": (x, width), "gate": (gate, count), "add": (add, count)}
    if norm is not None:
        rows |= {"gain": (norm.gain, width), "shift": (norm.shift, width)}
    for name, (values, size) in rows.items():
        if values is None:
            continue
        # no rows of x are no work, not an error, and gate and add may have none then
        no_rows = 0 in values.shape and name not in ("x", "add") and not (name == "gate" and 0 in x.shape)
        if values.ndim == 0 or values.shape[-1] != size or no_rows:
            raise ValueError(f"{name}: expected rows of {size}, got {tuple(values.shape)}")
    if add is not None and add.shape[:-1] != x.shape[:-1]:
        raise ValueError(f"add: expected as many rows as x, got {tuple(add.shape)}")
    for name, vector in (("bias", bias), ("scale", scale)):
        if vector is not None and (vector.shape != (count,) or not vector.is_contiguous()):
            raise ValueError(f"{name}: expected {count} packed values, got {tuple(vector.shape)}")
    _check_memory(weight, (x, bias, scale, gate, add, *(() if norm is None else (norm.gain, norm.shift))))


def _check_memory(weight: Tensor, others: tuple[Tensor | None, ...]) -> None:
    """Raise a ValueError unless all is on the CPU, and all but the weights in single precision."""
    if any(one is not None and (one.dtype != torch.float32 or not one.is_cpu) for one in others):
        raise ValueError("expected single precision on the CPU")
    if not weight.is_cpu:
        raise ValueError("weight: expected it on the CPU")


def attend_next(
    qkv: Float[Tensor, "B QKV"],
    keys: Float[Tensor, "B G room K"],
    values: Float[Tensor, "B G room K"],
    filled: Int[Tensor, " B"],
    tables: tuple[Float[Tensor, "P K"], Float[Tensor, "P K"]] | None,
) -> Float[Tensor, "B D"]:
    """Attention of one more token of each sequence; its keys and values are stored at the positions `filled`.

    All tensors are contiguous, in single precision (`filled` int64) and on the CPU, and every position is below `room`.
    `tables`: cosines and sines of the rotary positions.
    """
    size, groups, room, width = keys.shape
    heads = qkv.shape[1] // width - 2 * groups
    y = qkv.new_empty((size, heads * width))
    cosine, sine = (None, None) if tables is None else tables
    used = (qkv, keys, values, filled, cosine, sine, y)
    run(Call(1, Product(), Attention(size, heads, groups, room, width, *map(_address, used))), used)
    return y


def _packed(values: Tensor | None) -> Tensor | None:
    return None if values is None else values.contiguous()


def _address(values: Tensor | None) -> int | None:
    return None if values is None else values.data_ptr()
