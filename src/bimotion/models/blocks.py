"""Transformer layers of the motion VAE and of the diffusion head's condition: attention, layers, skip stack.

Shapes: B batch, L tokens, S tokens attended to, D width, H heads, K head width. Masks are True where valid.
"""

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from bimotion.models.batch_invariance import is_batch_invariant
from bimotion.models.linear import Linear

NormPosition = Literal["post", "pre"]
"""Where a layer normalises: after each residual sum (published) or before each sub-layer."""

KeyMask = Bool[Tensor, "B #one #L S"]
"""Which keys each query may see; the two middle axes broadcast over heads and queries."""


def attend(
    q: Float[Tensor, "B H Q K"],
    k: Float[Tensor, "B H S K"],
    v: Float[Tensor, "B H S K"],
    *,
    mask: Bool[Tensor, "B #one #Q S"] | None = None,
    causal: bool = False,
    dropout: float = 0.0,
) -> Float[Tensor, "B H Q K"]:
    """Scaled dot-product attention; keys where `mask` is False, or after the query if `causal`, are ignored.

    Training in half precision on a CPU takes plain matrix products instead of torch's fused kernel, whose
    backward pass is slow there: 8 instead of 25 ms, forward and backward, for (32, 4, 57, 64) in bfloat16.
    """
    half_on_cpu = q.device.type == "cpu" and q.dtype in (torch.bfloat16, torch.float16)
    if not (half_on_cpu and q.requires_grad):
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal, dropout_p=dropout)
    scores = torch.matmul(q * q.shape[-1] ** -0.5, k.transpose(-1, -2)).float()
    if causal:
        mask = torch.ones(scores.shape[-2:], dtype=torch.bool).tril()
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf)
    return torch.matmul(F.dropout(scores.softmax(-1), dropout).to(v.dtype), v)


class SelfAttention(nn.Module):
    """Multi-head attention of a sequence to itself, with one projection for queries, keys and values."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.dropout = dropout
        self.qkv = Linear(width, 3 * width)
        self.out = Linear(width, width)
        nn.init.xavier_uniform_(self.qkv.weight)
        nn.init.zeros_(self.qkv.bias)
        nn.init.zeros_(self.out.bias)

    def forward(
        self, x: Float[Tensor, "B L D"], mask: KeyMask | None, queries: int | None = None
    ) -> Float[Tensor, "B Q D"]:
        """Projected attention output of the first `queries` positions; masked keys are ignored."""
        batch, length, width = x.shape
        qkv = self.qkv(x).view(batch, length, 3, self.heads, width // self.heads)
        if batch > 1 and is_batch_invariant():
            # copies, so that memory is laid out and aligned as that of a sequence alone
            attended = torch.cat(
                [
                    self._attend(one.clone(), None if mask is None else mask[row : row + 1], queries)
                    for row, one in enumerate(qkv.split(1))
                ]
            )
        else:
            attended = self._attend(qkv, mask, queries)
        projected: Tensor = self.out(attended)
        return projected

    def _attend(
        self, qkv: Float[Tensor, "B L 3 H K"], mask: KeyMask | None, queries: int | None
    ) -> Float[Tensor, "B Q D"]:
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        dropout = self.dropout if self.training else 0.0
        return attend(q[:, :, :queries], k, v, mask=mask, dropout=dropout).transpose(1, 2).flatten(2)


class CrossAttention(nn.Module):
    """Multi-head attention of a sequence to another one that has no padding."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.dropout = dropout
        self.q = Linear(width, width)
        self.kv = Linear(width, 2 * width)
        self.out = Linear(width, width)
        for layer in (self.q, self.kv):
            nn.init.xavier_uniform_(layer.weight)
        for layer in (self.q, self.kv, self.out):
            nn.init.zeros_(layer.bias)

    def forward(
        self, x: Float[Tensor, "B L D"], memory: Float[Tensor, "B S D"]
    ) -> Float[Tensor, "B L D"] | Float[Tensor, "B 1 D"]:
        """The attended values, projected.

        A softmax over a single key is 1 whatever the query: outside training one memory token gives its
        projected value, one row that holds for all L queries.
        """
        batch, length, width = x.shape
        if memory.shape[1] == 1 and not self.training:
            value = F.linear(memory, self.kv.weight[width:], self.kv.bias[width:])
            alone: Tensor = self.out(value)
            return alone
        q = self.q(x).view(batch, length, self.heads, -1).transpose(1, 2)
        kv = self.kv(memory).view(batch, memory.shape[1], 2, self.heads, width // self.heads)
        k, v = kv.permute(2, 0, 3, 1, 4).unbind(0)
        dropout = self.dropout if self.training else 0.0
        attended = attend(q, k, v, dropout=dropout)
        projected: Tensor = self.out(attended.transpose(1, 2).reshape(batch, length, width))
        return projected


class FeedForward(nn.Module):
    """Two linear layers with an exact (erf) GELU between them."""

    def __init__(self, width: int, ff_width: int, dropout: float) -> None:
        super().__init__()
        self.up = Linear(width, ff_width)
        self.down = Linear(ff_width, width)
        self.dropout = nn.Dropout(dropout)
        for layer in (self.up, self.down):
            nn.init.xavier_uniform_(layer.weight)

    def forward(self, x: Float[Tensor, "*batch D"]) -> Float[Tensor, "*batch D"]:
        """The layer's output, before the residual sum."""
        y: Tensor = self.down(self.dropout(F.gelu(self.up(x))))
        return y


class EncoderLayer(nn.Module):
    """Self-attention and feed-forward with residual sums."""

    def __init__(
        self,
        width: int,
        heads: int,
        ff_width: int,
        *,
        dropout: float = 0.0,
        attention_dropout: float = 0.0,
        norm: NormPosition = "post",
    ) -> None:
        super().__init__()
        self.pre = norm == "pre"
        self.attention = SelfAttention(width, heads, attention_dropout)
        self.feed_forward = FeedForward(width, ff_width, dropout)
        self.norm_attention = nn.LayerNorm(width)
        self.norm_feed_forward = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, x: Float[Tensor, "B L D"], mask: KeyMask | None, queries: int | None = None
    ) -> Float[Tensor, "B Q D"]:
        """The layer's output at the first `queries` positions; None: at all."""
        if self.pre:
            x, y = x[:, :queries], self.attention(self.norm_attention(x), mask, queries)
            x = x + self.dropout(y)
            x = x + self.dropout(self.feed_forward(self.norm_feed_forward(x)))
        else:
            x, y = x[:, :queries], self.attention(x, mask, queries)
            x = self.norm_attention(x + self.dropout(y))
            x = self.norm_feed_forward(x + self.dropout(self.feed_forward(x)))
        return x


class DecoderLayer(nn.Module):
    """Self-attention, attention to a memory, and feed-forward, with residual sums."""

    def __init__(
        self,
        width: int,
        heads: int,
        ff_width: int,
        *,
        dropout: float = 0.0,
        attention_dropout: float = 0.0,
        norm: NormPosition = "post",
    ) -> None:
        super().__init__()
        self.pre = norm == "pre"
        self.attention = SelfAttention(width, heads, attention_dropout)
        self.cross = CrossAttention(width, heads, attention_dropout)
        self.feed_forward = FeedForward(width, ff_width, dropout)
        self.norm_attention = nn.LayerNorm(width)
        self.norm_cross = nn.LayerNorm(width)
        self.norm_feed_forward = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, x: Float[Tensor, "B L D"], memory: Float[Tensor, "B S2 D"], mask: KeyMask | None
    ) -> Float[Tensor, "B L D"]:
        """The layer's output."""
        if self.pre:
            x = x + self.dropout(self.attention(self.norm_attention(x), mask))
            x = x + self.dropout(self.cross(self.norm_cross(x), memory))
            x = x + self.dropout(self.feed_forward(self.norm_feed_forward(x)))
        else:
            x = self.norm_attention(x + self.dropout(self.attention(x, mask)))
            x = self.norm_cross(x + self.dropout(self.cross(x, memory)))
            x = self.norm_feed_forward(x + self.dropout(self.feed_forward(x)))
        return x


class SkipStack(nn.Module):
    """Layers with skip connections: each layer of the second half also reads the output of its mirror layer.

    Source: MLD (Chen et al. 2023), section 3.1, long skip connections in the motion VAE.
    """

    def __init__(self, width: int, layers: Sequence[EncoderLayer | DecoderLayer]) -> None:
        super().__init__()
        half = len(layers) // 2
        self.inputs = nn.ModuleList(layers[:half])
        self.middle = layers[half]
        self.outputs = nn.ModuleList(layers[half + 1 :])
        self.skips = nn.ModuleList(Linear(2 * width, width) for _ in range(half))
        self.norm = nn.LayerNorm(width)
        for skip in self.skips:
            assert isinstance(skip, Linear)
            nn.init.xavier_uniform_(skip.weight)

    def forward(self, x: Float[Tensor, "B L D"], *context: Tensor | None) -> Float[Tensor, "B L D"]:
        """The normalised output; `context` are the further arguments of each layer (memory, mask)."""
        kept = []
        for layer in self.inputs:
            x = layer(x, *context)
            kept.append(x)
        x = self.middle(x, *context)
        for layer, skip in zip(self.outputs, self.skips, strict=True):
            x = layer(skip(torch.cat((x, kept.pop()), dim=-1)), *context)
        y: Tensor = self.norm(x)
        return y
