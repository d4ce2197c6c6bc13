"""Layers that the networks share, written in `Operations`.

Shapes: B batch, L tokens, S tokens attended to, D width, H heads, K head width.
"""

import math
from typing import Literal

from bimotion.portable.operations import Array, Operations

LAYER_NORM_EPS = 1e-5
"""Epsilon of torch's LayerNorm."""

NormPosition = Literal["post", "pre"]
"""Where a layer normalises: after each residual sum or before each sub-layer."""


def silu(ops: Operations, x: Array) -> Array:
    """x times its sigmoid."""
    return x * ops.unary("Sigmoid", x)


def tanh_gelu(ops: Operations, x: Array) -> Array:
    """The tanh form of GELU."""
    inner = (x + x * x * x * 0.044715) * math.sqrt(2 / math.pi)
    return x * 0.5 * (ops.unary("Tanh", inner) + 1.0)


def gelu(ops: Operations, x: Array) -> Array:
    """GELU by the error function."""
    return x * 0.5 * (ops.unary("Erf", x * math.sqrt(0.5)) + 1.0)


def layer_norm(ops: Operations, x: Array, name: str, eps: float = LAYER_NORM_EPS) -> Array:
    """LayerNorm with the stored gain and shift."""
    return ops.standardised(x, eps) * ops.stored(f"{name}.weight") + ops.stored(f"{name}.bias")


def rms_norm(ops: Operations, x: Array, name: str, eps: float) -> Array:
    """RMSNorm with the stored gain."""
    return x / ops.unary("Sqrt", ops.mean(x * x, -1) + eps) * ops.stored(f"{name}.weight")


def split_heads(ops: Operations, x: Array, heads: int, width: int) -> Array:
    """(B, L, H * K) -> (B, H, L, K)."""
    return ops.transpose(ops.reshape(x, (0, 0, heads, width)), (0, 2, 1, 3))


def merge_heads(ops: Operations, x: Array, width: int) -> Array:
    """(B, H, L, K) -> (B, L, H * K), of this width."""
    return ops.reshape(ops.transpose(x, (0, 2, 1, 3)), (0, 0, width))


def attend(ops: Operations, q: Array, k: Array, v: Array, head_width: int) -> Array:
    """Attention without a mask: (B, H, L, K) and twice (B, H, S, K) -> (B, H, L, K)."""
    scores = ops.matmul(q * head_width**-0.5, ops.transpose(k, (0, 1, 3, 2)))
    return ops.matmul(ops.softmax(scores), v)


def self_attention(ops: Operations, x: Array, name: str, width: int, heads: int, queries: Array) -> Array:
    """Attention of x (B, L, D) to itself at the first `queries` positions: (B, queries, D)."""
    head_width = width // heads
    qkv = ops.linear(x, f"{name}.qkv")
    q, k, v = (
        split_heads(ops, ops.cut(qkv, 2, part * width, (part + 1) * width), heads, head_width)
        for part in range(3)
    )
    attended = attend(ops, ops.cut(q, 2, 0, queries), k, v, head_width)
    return ops.linear(merge_heads(ops, attended, width), f"{name}.out")


def cross_attention(ops: Operations, x: Array, memory: Array, name: str, width: int, heads: int) -> Array:
    """Attention of x (B, L, D) to `memory` (B, S, D)."""
    head_width = width // heads
    kv = ops.linear(memory, f"{name}.kv")
    q = split_heads(ops, ops.linear(x, f"{name}.q"), heads, head_width)
    k, v = (
        split_heads(ops, ops.cut(kv, 2, part * width, (part + 1) * width), heads, head_width)
        for part in range(2)
    )
    return ops.linear(merge_heads(ops, attend(ops, q, k, v, head_width), width), f"{name}.out")


def feed_forward(ops: Operations, x: Array, name: str) -> Array:
    """Two linear layers with GELU between them."""
    return ops.linear(gelu(ops, ops.linear(x, f"{name}.up")), f"{name}.down")


def encoder_layer(
    ops: Operations,
    x: Array,
    name: str,
    width: int,
    heads: int,
    norm: NormPosition = "post",
    queries: "int | None" = None,
) -> Array:
    """Self-attention and feed-forward with residual sums, at the first `queries` positions; None: at all."""
    kept: Array = ops.count(x, 1) if queries is None else queries
    first = ops.cut(x, 1, 0, kept)
    if norm == "pre":
        normed = layer_norm(ops, x, f"{name}.norm_attention")
        x = first + self_attention(ops, normed, f"{name}.attention", width, heads, kept)
        return x + feed_forward(ops, layer_norm(ops, x, f"{name}.norm_feed_forward"), f"{name}.feed_forward")
    y = self_attention(ops, x, f"{name}.attention", width, heads, kept)
    x = layer_norm(ops, first + y, f"{name}.norm_attention")
    return layer_norm(ops, x + feed_forward(ops, x, f"{name}.feed_forward"), f"{name}.norm_feed_forward")


def decoder_layer(
    ops: Operations, x: Array, memory: Array, name: str, width: int, heads: int, norm: NormPosition
) -> Array:
    """Self-attention, attention to a memory and feed-forward, with residual sums."""
    length = ops.count(x, 1)
    attention, cross, forward = (f"{name}.{part}" for part in ("attention", "cross", "feed_forward"))
    if norm == "pre":
        normed = layer_norm(ops, x, f"{name}.norm_attention")
        x = x + self_attention(ops, normed, attention, width, heads, length)
        normed = layer_norm(ops, x, f"{name}.norm_cross")
        x = x + cross_attention(ops, normed, memory, cross, width, heads)
        return x + feed_forward(ops, layer_norm(ops, x, f"{name}.norm_feed_forward"), forward)
    y = self_attention(ops, x, attention, width, heads, length)
    x = layer_norm(ops, x + y, f"{name}.norm_attention")
    x = layer_norm(ops, x + cross_attention(ops, x, memory, cross, width, heads), f"{name}.norm_cross")
    return layer_norm(ops, x + feed_forward(ops, x, forward), f"{name}.norm_feed_forward")
