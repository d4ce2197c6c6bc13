"""Feed-forward layers among which a learned router chooses for each token.

Shapes: N tokens, D width, E experts, k experts of a token.

Source: Switch Transformer (Fedus et al. 2022), section 2.2, for the load-balancing loss; Mixtral (Jiang et al. 2024),
section 2.1, for the choice of the k likeliest experts, whose shares sum to 1.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from bimotion.models.kernels import Norm
from bimotion.models.linear import Linear


class ExpertFeedForward(nn.Module):
    """The weighted sum of the k feed-forward layers that the router finds most suitable for a token."""

    def __init__(self, width: int, experts: Sequence[nn.Module], top_k: int) -> None:
        super().__init__()
        self.router = Linear(width, len(experts), bias=False)
        self.experts = nn.ModuleList(experts)
        self.top_k = top_k
        self.balance: Float[Tensor, ""] | None = None
        """Load-balancing loss of the last forward pass in training."""

    def route(
        self, x: Float[Tensor, "N D"], norm: Norm
    ) -> tuple[Float[Tensor, "N k"], Int[Tensor, "N k"], Float[Tensor, "N E"]]:
        """Shares of the chosen experts, which they are, and the router's probabilities of all."""
        probabilities = self.router(x, norm=norm).float().softmax(-1)
        shares, chosen = probabilities.topk(self.top_k, dim=-1)
        return shares / shares.sum(-1, keepdim=True), chosen, probabilities

    def forward(self, x: Float[Tensor, "*batch D"], norm: Norm, dropout: float) -> Float[Tensor, "*batch D"]:
        """The residual output: `x` plus the shares of the chosen experts' layers.

        An expert gives `x` plus its layers, so the weighted sum has `x` once: the shares sum to 1.
        """
        rows = x.reshape(-1, x.shape[-1])
        shares, chosen, probabilities = self.route(rows, norm)
        self.balance = balance_loss(probabilities, chosen) if self.training else None
        y = torch.zeros_like(rows)
        for number, expert in enumerate(self.experts):
            row, rank = (chosen == number).nonzero(as_tuple=True)
            if row.numel():
                part = expert(rows[row], norm, dropout) * shares[row, rank, None].to(rows.dtype)
                y = y.index_add(0, row, part)
        return y.view(x.shape)


def balance_loss(probabilities: Float[Tensor, "N E"], chosen: Int[Tensor, "N k"]) -> Float[Tensor, ""]:
    """E times the product of each expert's share of the tokens and its mean probability, summed: 1 if they are equal.

    Zero without tokens.
    """
    if not len(probabilities):
        return probabilities.sum()
    count = probabilities.shape[1]
    load = torch.bincount(chosen.flatten(), minlength=count) / chosen.numel()
    return count * (load * probabilities.mean(0)).sum()
