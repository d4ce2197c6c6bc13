"""The two-branch transformer: text and motion tokens with their own weights, in one causal attention.

Shapes: B sequences, L positions, M of them computed before or now, Nt text tokens and Nm motion tokens of the whole
batch, W of the text tokens, S slots, D width of the text branch, E of the motion branch, H heads, G key-value heads, K
head width, V text vocabulary. Norms, projections and feed-forward layers run on the Nt or Nm rows of their own branch,
which hold no padding; only the attention sees the (B, L) arrangement.

Source: Mixture-of-Transformers (Liang et al. 2024) as used by MotionGPT3 (Zhu et al. 2025), section 3.3.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from bimotion.errors import ModelError
from bimotion.models.batch_invariance import is_batch_invariant
from bimotion.models.branch import (
    Branch,
    BranchLayer,
    MixtureConfig,
    Rotary,
    attended_rows,
    make_branches,
    split_heads,
)
from bimotion.models.experts import ExpertFeedForward
from bimotion.models.kernels import CallGraph, attend_next, available
from bimotion.models.key_value_cache import KeyValueCache
from bimotion.models.linear import linear
from bimotion.models.token_batch import TokenBatch

_QUERIES = 16
"""Positions whose attention is computed at once where results must not depend on the batch."""


class Hidden(NamedTuple):
    """Normalised last states of both branches' tokens."""

    text: Float[Tensor, "W D"]
    """Of the requested text tokens, or of all in the order of `TokenBatch.text_ids`."""
    motion: Float[Tensor, "Nm E"]
    """Of all motion tokens, in the order of `TokenBatch.motion_ids`."""


class Mixture(nn.Module):
    """Two transformers of equal depth and equal heads that share their attention, or one with a single stream.

    A single stream (`MixtureConfig.stream`) has only the text branch's layers; motion keeps its own embedding.
    """

    def __init__(self, config: MixtureConfig) -> None:
        super().__init__()
        self.config = config
        self.text, self.motion = make_branches(config)
        self.positions: nn.Parameter | None = None
        self.rotary: Rotary | None = None
        self.output: nn.Module | None = None
        if config.family == "gpt2":
            self.positions = nn.Parameter(torch.randn(config.max_positions, config.width) * 0.02)
        else:
            self.rotary = Rotary(config.head_width, config.max_positions, config.rope_theta)

    def forward(
        self,
        batch: TokenBatch,
        context: Float[Tensor, "M S E"] | None = None,
        cache: KeyValueCache | None = None,
        text_rows: Int[Tensor, " W"] | None = None,
        earlier: Float[Tensor, "R before E"] | None = None,
    ) -> Hidden:
        """Last states of all tokens; `context` holds the embeddings of the in slots.

        `earlier`, if passed, holds what stands in each target motion's out slots from the second on: the codes of the
        slots before, where motions are generated slot by slot.

        `cache`, if passed, receives the keys and values of every position, from which `step` continues. `text_rows`, if
        passed, are the text tokens whose last states are needed: for the others the last layer computes only keys
        and values.

        Raises:
            ModelError: a sequence longer than the positions, or not as many embeddings as in slots.
        """
        config = self.config
        if batch.length > config.max_positions:
            raise ModelError(
                f"a sequence of {batch.length} tokens is longer than the model's {config.max_positions}; "
                "shorten it"
            )
        if batch.in_rows.shape[0] != (0 if context is None else context.shape[0]):
            raise ModelError(
                f"the prompts have slots for {batch.in_rows.shape[0]} motions, "
                f"got {0 if context is None else context.shape[0]}"
            )
        text, motion = self._embed(batch, context, earlier)
        detach = batch.text_first and self.text.frozen
        positions = torch.arange(batch.length, device=text.device)[None]
        lengths = batch.lengths.tolist() if is_batch_invariant() else None
        for index in range(config.layers):
            joined = self._pre_attention(index, text, motion)
            if not batch.only_text:
                joined = joined.index_select(0, batch.source)
            q, k, v = self._split(joined.view(batch.size, batch.length, -1), positions)
            if cache is not None:
                cache.prefill(index, k, v)
            attended = self._attend(q, k, v) if lengths is None else self._attend_each(q, k, v, lengths)
            from_text = attended if batch.only_text else attended.index_select(0, batch.text_index)
            if text_rows is not None and index == self.config.layers - 1:
                text, from_text = text.index_select(0, text_rows), from_text.index_select(0, text_rows)
            # Exact: no text state depends on a motion token here, so no gradient can pass through one.
            from_text = from_text.detach() if detach else from_text
            text, motion = self._post_attention(
                index, text, motion, from_text, attended.index_select(0, batch.motion_index)
            )
        if cache is not None:
            cache.filled.copy_(batch.lengths)
            cache.longest, cache.equal_lengths = batch.length, batch.equal_lengths
        return Hidden(self.text.norm(text), self._motion_branch.norm(motion))

    @property
    def _motion_branch(self) -> Branch:
        """The branch whose layers the motion tokens run through."""
        return self.motion if self.config.stream == "two" else self.text

    def _pre_attention(
        self, index: int, text: Float[Tensor, "Nt D"], motion: Float[Tensor, "Nm E"]
    ) -> Float[Tensor, "rows QKV"]:
        """Queries, keys and values of a layer: those of the text tokens, then those of the motion tokens."""
        if self.config.stream != "two":
            return _layer(self.text, index).pre_attention(torch.cat((text, motion)))
        from_text = _layer(self.text, index).pre_attention(text)
        if not len(motion):
            return from_text
        return torch.cat((from_text, _layer(self.motion, index).pre_attention(motion)))

    def _post_attention(
        self,
        index: int,
        text: Float[Tensor, "Nt D"],
        motion: Float[Tensor, "Nm E"],
        from_text: Float[Tensor, "Nt HK"],
        from_motion: Float[Tensor, "Nm HK"],
    ) -> tuple[Float[Tensor, "Nt D"], Float[Tensor, "Nm E"]]:
        """A layer's outputs from its inputs and the attention outputs."""
        layer = _layer(self.text, index)
        if self.config.stream != "two":
            both = layer.post_attention(torch.cat((text, motion)), torch.cat((from_text, from_motion)))
            return both[: len(text)], both[len(text) :]
        text = layer.post_attention(text, from_text)
        if len(motion):
            motion = _layer(self.motion, index).post_attention(motion, from_motion)
        return text, motion

    def balance(self) -> Float[Tensor, ""]:
        """Mean load-balancing loss of the layers in the last forward pass in training; 0 without experts."""
        layers = [_layer(self.text, index).feed_forward for index in range(self.config.layers)]
        losses = [
            layer.balance
            for layer in layers
            if isinstance(layer, ExpertFeedForward) and layer.balance is not None
        ]
        return torch.stack(losses).mean() if losses else self.text.embedding.weight.new_zeros(())

    def motion_states(
        self,
        motion_ids: Int[Tensor, "B S"],
        cache: KeyValueCache,
        earlier: Float[Tensor, "B before E"] | None = None,
    ) -> Float[Tensor, "B S E"]:
        """Last states of motion tokens that follow the sequences of a cache, which is not changed.

        No text follows, so only this part depends on the motion branch: the keys and values of prompts can be computed
        once and stored. `earlier` is as in `forward`.
        """
        size, slots = motion_ids.shape
        motion = self.motion.embedding(motion_ids)
        if earlier is not None:
            motion = torch.cat((motion[:, :1], earlier.to(motion.dtype)), dim=1)
        motion = self.motion.dropout(motion.flatten(0, 1))
        positions = cache.filled[:, None] + torch.arange(slots, device=motion.device)
        if self.positions is not None:
            motion = motion + self.positions[positions.flatten()]
        seen = torch.arange(cache.longest, device=motion.device) < cache.filled[:, None]
        causal = torch.ones(slots, slots, dtype=torch.bool, device=motion.device).tril()
        mask = torch.cat((seen[:, None].expand(-1, slots, -1), causal.expand(size, -1, -1)), dim=-1)[:, None]
        branch = self._motion_branch
        for layer, kept in zip(branch.layers, cache.store.unbind(), strict=True):
            assert isinstance(layer, BranchLayer)
            q, k, v = self._split(layer.pre_attention(motion).view(size, slots, -1), positions)
            keys, values = kept[:, :, :, : cache.longest].to(k.dtype).unbind()
            k, v = torch.cat((keys, k), dim=2), torch.cat((values, v), dim=2)
            motion = layer.post_attention(motion, self._attend(q, k, v, mask))
        hidden: Tensor = branch.norm(motion)
        return hidden.view(size, slots, -1)

    def step(self, ids: Int[Tensor, " B"], cache: KeyValueCache) -> Float[Tensor, "B D"]:
        """Last states of one more text token of each sequence.

        Raises:
            ModelError: the cache is full.
        """
        return self._step(self.text.embedding(ids), cache, self.text, cache.step)

    def step_motion(self, motion: Float[Tensor, "B E"], cache: KeyValueCache) -> Float[Tensor, "B E"]:
        """Last states of one more motion token of each sequence, by its embedding.

        Raises:
            ModelError: the cache is full.
        """
        return self._step(motion, cache, self._motion_branch, cache.motion_step)

    def _step(
        self, x: Float[Tensor, "B D"], cache: KeyValueCache, branch: Branch, graph: CallGraph
    ) -> Float[Tensor, "B D"]:
        """Last states of one more token of each sequence, all of one branch."""
        if cache.longest >= cache.store.shape[4]:
            raise ModelError(f"the cache is full at {cache.store.shape[4]} tokens; create a larger one")
        if self.positions is not None:
            x = x + (self.positions[cache.longest] if cache.equal_lengths else self.positions[cache.filled])
        x = graph(lambda x: self._step_through_layers(x, cache, branch), x)
        cache.advance()
        hidden: Tensor = branch.norm(x)
        return hidden

    def logits(self, hidden: Float[Tensor, "*batch D"]) -> Float[Tensor, "*batch V"]:
        """Logits of the next text token; the output matrix is the text embedding."""
        if self.output is not None:  # the states have fewer bits than the embedding
            scores: Tensor = self.output(hidden)
            return scores
        return linear(hidden, self.text.embedding.weight)

    def cache(self, size: int, room: int) -> KeyValueCache:
        """An empty cache for `size` sequences of at most `room` tokens."""
        weight = self.text.embedding.weight
        room = min(room, self.config.max_positions)
        return KeyValueCache(self.config, size, room, weight.device, weight.dtype)

    def _embed(
        self,
        batch: TokenBatch,
        context: Float[Tensor, "M S E"] | None,
        earlier: Float[Tensor, "R before E"] | None,
    ) -> tuple[Float[Tensor, "Nt D"], Float[Tensor, "Nm E"]]:
        text, motion = self.text.embedding(batch.text_ids), self.motion.embedding(batch.motion_ids)
        if context is not None:
            motion = motion.index_copy(0, batch.in_rows.flatten(), context.flatten(0, 1).to(motion.dtype))
        if earlier is not None:
            motion = motion.index_copy(
                0, batch.out_rows[:, 1:].flatten(), earlier.flatten(0, 1).to(motion.dtype)
            )
        if self.positions is not None:
            text = text + self.positions[batch.text_index % batch.length]
            motion = motion + self.positions[batch.motion_index % batch.length]
        return self.text.dropout(text), self.motion.dropout(motion)

    def _split(
        self, qkv: Float[Tensor, "B L QKV"], positions: Int[Tensor, "#B L"]
    ) -> tuple[Float[Tensor, "B H L K"], Float[Tensor, "B G L K"], Float[Tensor, "B G L K"]]:
        return split_heads(self.config, self.rotary, qkv, positions)

    def _attend(
        self,
        q: Float[Tensor, "B H L K"],
        k: Float[Tensor, "B G M K"],
        v: Float[Tensor, "B G M K"],
        mask: Bool[Tensor, "B 1 L M"] | None = None,
    ) -> Float[Tensor, "B*L HK"]:
        dropout = self.config.attention_dropout if self.training else 0.0
        return attended_rows(self.config, q, k, v, mask, dropout)

    def _attend_each(
        self,
        q: Float[Tensor, "B H L K"],
        k: Float[Tensor, "B G L K"],
        v: Float[Tensor, "B G L K"],
        lengths: list[int],
    ) -> Float[Tensor, "B*L HK"]:
        """Causal attention of each sequence by itself, with zeros at its padding.

        Queries of 16 positions at a time attend to keys up to the last of them, whatever the sequence's length, so that
        a beginning that sequences share has the same bits in all of them.
        """
        attended = q.new_zeros(q.shape[0], q.shape[2], q.shape[1] * q.shape[3])
        surplus = -q.shape[2] % _QUERIES
        q, k, v = (F.pad(part, (0, 0, 0, surplus)) for part in (q, k, v))
        for start in range(0, max(lengths), _QUERIES):
            stop = start + _QUERIES
            mask = torch.ones(1, 1, _QUERIES, stop, dtype=torch.bool, device=q.device).tril(start)
            for row, length in enumerate(lengths):
                if length <= start:
                    continue
                # Copies, so that memory is laid out and aligned as that of a sequence alone.
                queries = q[row : row + 1, :, start:stop].contiguous()
                keys, values = (part[row : row + 1, :, :stop].contiguous() for part in (k, v))
                own = self._attend(queries, keys, values, mask)
                attended[row, start : min(stop, length)] = own[: length - start]
        return attended.flatten(0, 1)

    def _step_through_layers(
        self, x: Float[Tensor, "B D"], cache: KeyValueCache, branch: Branch
    ) -> Float[Tensor, "B D"]:
        native = available() and cache.store.is_cpu and cache.store.dtype == x.dtype == torch.float32
        tables = None if self.rotary is None else (self.rotary.cosine, self.rotary.sine)
        for index, (layer, kept) in enumerate(zip(branch.layers, cache.store.unbind(), strict=True)):
            assert isinstance(layer, BranchLayer)
            qkv = layer.pre_attention(x)
            if native and not torch.is_grad_enabled():
                keys, values = kept.unbind()
                attended = attend_next(qkv, keys, values, cache.filled, tables)
            else:
                attended = self._attend_next(qkv, cache, index)
            x = layer.post_attention(x, attended)
        return x

    def _attend_next(
        self, qkv: Float[Tensor, "B QKV"], cache: KeyValueCache, layer: int
    ) -> Float[Tensor, "B HK"]:
        q, k, v = self._split(qkv[:, None], cache.filled[:, None])
        keys, values = cache.append(layer, k, v)
        # The query heads of a group become the query positions of one head: keys are never copied.
        q = q.reshape(len(q), self.config.groups, -1, self.config.head_width)
        attended = F.scaled_dot_product_attention(q, keys, values, attn_mask=cache.mask())
        return attended.reshape(len(q), -1)


def _layer(branch: Branch, index: int) -> BranchLayer:
    layer = branch.layers[index]
    assert isinstance(layer, BranchLayer)
    return layer


__all__ = ["Branch", "Hidden", "KeyValueCache", "Mixture", "MixtureConfig"]
