"""The two-branch transformer, written in `Operations`; see `bimotion.models.mixture`.

Shapes: B sequences of one arrangement, L new positions, P earlier ones, Nt text and Nm motion tokens among the new, D
and E widths of the text and the motion branch, H heads, G key-value heads, R = H / G, K head width, V text vocabulary.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from bimotion.portable.layers import layer_norm, rms_norm, silu, tanh_gelu
from bimotion.portable.operations import Array, Operations

OUT_SLOT = 2
"""Row of the motion embedding for a slot to generate."""

MASKED_SCORE = -1e9
"""Added to the scores of keys that a query must not see."""


@dataclass(frozen=True)
class Tokens:
    """New tokens of sequences with equal token kinds."""

    ids: Array
    """Ids of the text tokens, (B, Nt)."""
    motion: Array
    """Embeddings of the motion tokens, (B, Nm, E)."""
    source: Array
    """For each new position its row among the text tokens followed by the motion tokens, (L,)."""
    text_index: Array
    """Index of each text token among the new positions, (Nt,)."""
    motion_index: Array
    """Index of each motion token among the new positions, (Nm,)."""


@dataclass(frozen=True)
class States:
    """Results of the transformer for new tokens."""

    logits: Array
    """Of the text token after the last new text token, (B, V)."""
    motion: Array
    """Normalised last states of the motion tokens, (B, Nm, E)."""
    keys: Array
    """Rotated keys of all positions so far, (layers, B, G, P + L, K)."""
    values: Array
    """Values of all positions so far, (layers, B, G, P + L, K)."""


class PortableMixture:
    """The transformer of one model; `config` is the mixture's."""

    def __init__(self, ops: Operations, config: Any) -> None:
        self.ops, self.config = ops, config
        self.groups = config.heads if config.kv_heads is None else config.kv_heads
        self.head_width = config.width // config.heads

    def run(self, tokens: Tokens, keys: Array, values: Array) -> States:
        """The states of new tokens after those whose keys and values are given (as `States` has them; P may be 0)."""
        ops, config = self.ops, self.config
        past = ops.count(keys, 3)
        positions = ops.arange(ops.count(tokens.source, 0)) + past
        text, motion = ops.lookup("mixture.text.embedding.weight", tokens.ids), tokens.motion
        if config.family == "gpt2":
            table = ops.stored("mixture.positions")
            text = text + ops.take(table, ops.take(positions, tokens.text_index, 0), 0)
            motion = motion + ops.take(table, ops.take(positions, tokens.motion_index, 0), 0)
        rotation = self._rotation(positions)
        every = ops.arange(past + ops.count(tokens.source, 0))
        seen = ops.less(ops.reshape(every, (1, -1)), ops.reshape(positions, (-1, 1)) + 1)
        mask = ops.where(seen, 0.0, MASKED_SCORE)
        all_keys, all_values = [], []
        for index in range(config.layers):
            names = [f"mixture.{branch}.layers.{index}" for branch in ("text", "motion")]
            joined = ops.concat(
                (self._before(text, names[0]), self._before(motion, names[1])), 1
            )  # (B, Nt + Nm, QKV)
            q, k, v = self._split(ops.take(joined, tokens.source, 1), rotation)
            k = ops.concat((ops.take(keys, index, 0), k), 2)
            v = ops.concat((ops.take(values, index, 0), v), 2)
            all_keys.append(k)
            all_values.append(v)
            attended = self._attend(q, k, v, mask)
            text = self._after(text, ops.take(attended, tokens.text_index, 1), names[0])
            motion = self._after(motion, ops.take(attended, tokens.motion_index, 1), names[1])
        last = ops.take(text, ops.count(text, 1) - 1, 1)
        last = self._norm(last, "mixture.text.norm")
        return States(
            ops.linear_rows(last, "mixture.text.embedding.weight"),
            self._norm(motion, "mixture.motion.norm"),
            ops.stack(all_keys),
            ops.stack(all_values),
        )

    def out_slots(self, slots: int) -> Array:
        """Embeddings (1, slots, E) of the slots of a motion that is to be generated."""
        row = self.ops.take(self.ops.stored("mixture.motion.embedding.weight"), OUT_SLOT, 0)
        return self.ops.stack([self.ops.stack([row] * slots)])

    def _rotation(self, positions: Array) -> tuple[Array, Array] | None:
        """Cosines and sines (L, K) of the rotary positions; None in a family without them."""
        config, ops = self.config, self.ops
        if config.family == "gpt2":
            return None
        exponents = np.arange(0, self.head_width, 2, dtype=np.float32) / np.float32(self.head_width)
        rate = np.float32(config.rope_theta) ** -exponents
        angle = ops.reshape(ops.floats(positions), (-1, 1)) * ops.constant(np.concatenate((rate, rate))[None])
        return ops.unary("Cos", angle), ops.unary("Sin", angle)

    def _split(self, qkv: Array, rotation: tuple[Array, Array] | None) -> tuple[Array, Array, Array]:
        """Queries (B, H, L, K), keys and values (B, G, L, K), queries and keys rotated."""
        ops, config, width = self.ops, self.config, self.head_width
        heads = ops.transpose(ops.reshape(qkv, (0, 0, config.heads + 2 * self.groups, width)), (0, 2, 1, 3))
        ends = (config.heads, config.heads + self.groups, config.heads + 2 * self.groups)
        q, k, v = (ops.cut(heads, 1, start, stop) for start, stop in zip((0, *ends), ends, strict=False))
        if rotation is not None:
            q, k = self._rotated(q, rotation), self._rotated(k, rotation)
        return q, k, v

    def _rotated(self, x: Array, rotation: tuple[Array, Array]) -> Array:
        half, ops = self.head_width // 2, self.ops
        turned = ops.concat((ops.cut(x, 3, half, 2 * half) * -1.0, ops.cut(x, 3, 0, half)), 3)
        return x * rotation[0] + turned * rotation[1]

    def _attend(self, q: Array, k: Array, v: Array, mask: Array) -> Array:
        """(B, H, L, K), twice (B, G, P + L, K) -> (B, L, D); the query heads of a group share its keys."""
        ops, width, repeats = self.ops, self.head_width, self.config.heads // self.groups
        q = ops.reshape(q * width**-0.5, (0, self.groups, repeats, -1, width))
        k, v = (ops.reshape(each, (0, self.groups, 1, -1, width)) for each in (k, v))
        scores = ops.matmul(q, ops.transpose(k, (0, 1, 2, 4, 3))) + mask
        attended = ops.matmul(ops.softmax(scores), v)
        attended = ops.reshape(attended, (0, self.config.heads, -1, width))
        return ops.reshape(ops.transpose(attended, (0, 2, 1, 3)), (0, 0, self.config.width))

    def _before(self, x: Array, name: str) -> Array:
        return self.ops.linear(self._norm(x, f"{name}.norm_attention"), f"{name}.qkv")

    def _after(self, x: Array, attended: Array, name: str) -> Array:
        """A layer's output from its input and the attention output."""
        ops, forward = self.ops, f"{name}.feed_forward"
        x = x + ops.linear(attended, f"{name}.out")
        y = self._norm(x, f"{name}.norm_feed_forward")
        if self.config.family == "gpt2":
            inner = tanh_gelu(ops, ops.linear(y, f"{forward}.up"))
        else:
            inner = silu(ops, ops.linear(y, f"{forward}.gate")) * ops.linear(y, f"{forward}.up")
        return x + ops.linear(inner, f"{forward}.down")

    def _norm(self, x: Array, name: str) -> Array:
        norm = layer_norm if self.config.family == "gpt2" else rms_norm
        return norm(self.ops, x, name, self.config.norm_eps)
