"""Linear layers whose products with few rows are those of `products.c` where no gradient is wanted.

torch gives products of single-precision matrices on a CPU to MKL, which lays the weights out anew each time: with few
rows that is most of the time.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from bimotion.models.products import MOST_ROWS, product, usable


class Linear(nn.Linear):
    """`torch.nn.Linear`, faster with few rows where no gradient is wanted."""

    def forward(self, input: Float[Tensor, "*rows D"]) -> Float[Tensor, "*rows out"]:
        """Rows times the transposed weight, plus the bias."""
        return linear(input, self.weight, self.bias)


def linear(
    x: Float[Tensor, "*rows D"], weight: Float[Tensor, "out D"], bias: Float[Tensor, " out"] | None = None
) -> Float[Tensor, "*rows out"]:
    """`torch.nn.functional.linear`, by `products.c` where that is faster."""
    if torch.is_grad_enabled() or x.numel() > MOST_ROWS * weight.shape[1] or not usable(x, weight):
        return F.linear(x, weight, bias)
    return product(x, weight, bias)
