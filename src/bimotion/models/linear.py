"""Linear layers fused with a preceding norm and a following activation, gate, dropout and residual sum.

Without gradients and with few rows, the whole group is one kernel call. For single-precision matrices on a CPU torch
uses MKL, which repacks the weights on every call: with few rows that dominates the time, and each small operation
around the product costs more than its arithmetic.
"""

from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from bimotion.models.batch_invariance import is_batch_invariant
from bimotion.models.kernels import Activation, Norm, broadcast_last, product, usable


class Linear(nn.Linear):
    """`torch.nn.Linear` with an optional norm before it and epilogue after it.

    Shapes: R rows, G gate rows (at most R; the last one is repeated), D inputs, N outputs.
    """

    def forward(
        self,
        input: Float[Tensor, "*R D"],
        *,
        norm: Norm | None = None,
        activation: Activation | None = None,
        gate: Float[Tensor, "G N"] | None = None,
        dropout: float = 0.0,
        add: Float[Tensor, "*R N"] | None = None,
    ) -> Float[Tensor, "*R N"]:
        """Normalised rows times the transposed weight, plus bias; activation, gate, dropout and `add`, in that order.

        `dropout` is the share of values zeroed in training.
        """
        if self.training or not in_kernels(input, self.weight):
            dropped = dropout if self.training else 0.0
            return linear_with_epilogue(
                super().forward, input, norm=norm, activation=activation, gate=gate, dropout=dropped, add=add
            )
        return product(input, self.weight, self.bias, norm=norm, activation=activation, gate=gate, add=add)


def linear_with_epilogue(
    layer: Callable[[Tensor], Tensor],
    x: Float[Tensor, "*R D"],
    *,
    norm: Norm | None,
    activation: Activation | None,
    gate: Float[Tensor, "G N"] | None,
    dropout: float = 0.0,
    add: Float[Tensor, "*R N"] | None,
) -> Float[Tensor, "*R N"]:
    """A layer with norm and epilogue, computed by torch."""
    y = layer(x if norm is None else norm(x))
    if activation == "gelu":
        y = F.gelu(y, approximate="tanh")
    elif activation == "silu":
        y = F.silu(y)
    if gate is not None:
        y = y * broadcast_last(gate, len(y))
    if dropout:
        y = F.dropout(y, dropout)
    return y if add is None else add + y


def linear(x: Float[Tensor, "*R D"], weight: Float[Tensor, "N D"]) -> Float[Tensor, "*R N"]:
    """`torch.nn.functional.linear`, computed by the kernels where that is faster."""
    return product(x, weight) if in_kernels(x, weight) else F.linear(x, weight)


def in_kernels(x: Float[Tensor, "*R D"], weight: Float[Tensor, "N D"]) -> bool:
    """Whether the kernels compute a product: where they are faster, and wherever batches must not matter."""
    if usable(x, weight):
        return True
    return is_batch_invariant() and x.numel() > 0 and usable(x[(0,) * (x.ndim - 1)], weight)
