"""Linear layers together with what stands around them: a norm before, an activation, a gate and a sum after.

Where no gradient is wanted and the rows are few, all of it is one call of a kernel. torch gives products of
single-precision matrices on a CPU to MKL, which lays the weights out anew each time: with few rows that is most of the
time, and each small operation around them costs more than its arithmetic.
"""

from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from bimotion.models.kernels import Activation, Norm, broadcast_last, product, usable


class Linear(nn.Linear):
    """`torch.nn.Linear`, with what may stand around it.

    Shapes: R rows, G rows or fewer (the last one holds from there on), D inputs, N outputs.
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
        """Rows, normalised, times the transposed weight, plus the bias; then each of the others, in their order.

        `dropout` is the share of numbers zeroed in training.
        """
        if self.training or not usable(input, self.weight):
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
    """A layer with what stands around it, by torch."""
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
    """`torch.nn.functional.linear`, by the kernels where that is faster."""
    return product(x, weight) if usable(x, weight) else F.linear(x, weight)
