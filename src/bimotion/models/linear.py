"""Linear layers whose products with a few rows are shared out among the threads.

torch gives products of single-precision matrices on a CPU to MKL. With one row MKL computes in one thread, which cannot
read the weights as fast as the memory gives them; with 2 to 32 it lays the weights out anew each time, which is most of
the time. As a batch of small products, a block of the weights in each, torch shares it out, and nothing is laid out.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

FEW = 32
"""Rows up to which it pays."""
BLOCK = 32
"""Outputs of one of the small products."""


class Linear(nn.Linear):
    """`torch.nn.Linear`, faster with a few rows where no gradient is wanted."""

    def forward(self, input: Float[Tensor, "*rows D"]) -> Float[Tensor, "*rows out"]:
        """Rows times the transposed weight, plus the bias."""
        return linear(input, self.weight, self.bias)


def linear(
    x: Float[Tensor, "*rows D"], weight: Float[Tensor, "out D"], bias: Float[Tensor, " out"] | None = None
) -> Float[Tensor, "*rows out"]:
    """`torch.nn.functional.linear`, in blocks where that is faster."""
    count, width = weight.shape
    if (
        x.numel() > FEW * width
        or torch.is_grad_enabled()
        or not weight.is_cpu
        or weight.dtype != torch.float32
        or count < 2 * BLOCK
    ):
        return F.linear(x, weight, bias)
    whole = count // BLOCK * BLOCK
    blocks = weight[:whole].view(-1, BLOCK, width).transpose(1, 2)
    rows = x.reshape(-1, width)
    y = torch.bmm(rows.expand(len(blocks), -1, -1), blocks).transpose(0, 1).reshape(-1, whole)
    if whole < count:
        y = torch.cat((y, F.linear(rows, weight[whole:])), dim=1)
    y = y.view(*x.shape[:-1], count)
    return y if bias is None else y.add_(bias)
