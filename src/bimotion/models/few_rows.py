"""Linear layers that meet a few rows again and again, laid out for it.

torch gives products of single-precision matrices on a CPU to MKL, which lays the weights out anew each time: with one
row it does not, and with many it does not matter, but with 2 to 32 it is most of the time. oneDNN takes weights that
were laid out once.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import torch
from jaxtyping import Float
from torch import Tensor, nn

FEW = range(2, 33)
"""Numbers of rows for which it pays."""

Product = Callable[[Tensor], Tensor]
"""What a linear layer computes."""


@contextmanager
def few_rows(modules: Iterable[nn.Module], rows: int) -> Iterator[None]:
    """While it lasts, the linear layers in `modules` are fast with `rows` rows; their weights must not change.

    It takes as much memory again as their weights. Nothing changes where it would not pay.
    """
    layers = [part for module in modules for part in module.modules() if type(part) is nn.Linear]
    layers = [layer for layer in layers if pays(layer.weight, rows)]
    for layer in layers:
        layer.__dict__["forward"] = product(layer.weight, layer.bias, rows)
    try:
        yield
    finally:
        for layer in layers:
            layer.__dict__.pop("forward", None)


def pays(weight: Tensor, rows: int) -> bool:
    """Whether a product with so many rows is faster with weights laid out for it."""
    single = weight.device.type == "cpu" and weight.dtype == torch.float32
    return single and rows in FEW and bool(torch.backends.mkldnn.is_available())  # type: ignore[no-untyped-call]


def product(weight: Float[Tensor, "out D"], bias: Float[Tensor, " out"] | None, rows: int) -> Product:
    """Rows times the transposed `weight`, plus `bias`: the weights are laid out now."""
    packed = torch.ops.mkldnn._reorder_linear_weight(weight.detach(), rows)

    def forward(x: Tensor) -> Tensor:
        y: Tensor = torch.ops.mkldnn._linear_pointwise(x, packed, bias, "none", [], "")
        return y

    return forward
