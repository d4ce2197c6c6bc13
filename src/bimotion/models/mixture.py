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
from bimotion.models.blocks import attend
from bimotion.models.branch import Branch, BranchLayer, MixtureConfig, Rotary, make_branches
from bimotion.models.kernels import CallGraph, attend_next, available
from bimotion.models.linear import linear
from bimotion.models.token_batch import TokenBatch


class KeyValueCache:
    """Keys and values of all positions so far, with room for more; sequences may differ in length."""

    def __init__(
        self, config: MixtureConfig, size: int, room: int, device: torch.device, dtype: torch.dtype
    ) -> None:
        shape = (config.layers, 2, size, config.groups, room, config.head_width)
        self.store = torch.zeros(shape, device=device, dtype=dtype)
        self.filled = torch.zeros(size, dtype=torch.long, device=device)
        self.longest = 0
        self.equal_lengths = True
        self.step = CallGraph()

    def prefill(self, layer: int, k: Float[Tensor, "B G L K"], v: Float[Tensor, "B G L K"]) -> None:
        """Store the prompt's keys and values."""
        self.store[layer, 0, :, :, : k.shape[2]] = k
        self.store[layer, 1, :, :, : v.shape[2]] = v

    def append(
        self, layer: int, k: Float[Tensor, "B G 1 K"], v: Float[Tensor, "B G 1 K"]
    ) -> tuple[Float[Tensor, "B G S K"], Float[Tensor, "B G S K"]]:
        """Store one more position of each sequence and return all of them."""
        keys, values = self.store[layer].unbind(0)
        if self.equal_lengths:
            keys[:, :, self.longest] = k[:, :, 0]
            values[:, :, self.longest] = v[:, :, 0]
        else:
            rows = torch.arange(k.shape[0], device=k.device)
            keys[rows, :, self.filled] = k[:, :, 0]
            values[rows, :, self.filled] = v[:, :, 0]
        return keys[:, :, : self.longest + 1], values[:, :, : self.longest + 1]

    def mask(self) -> Bool[Tensor, "B 1 1 S"] | None:
        """Positions that the next token attends to, itself included; None: all."""
        if self.equal_lengths:
            return None
        positions = torch.arange(self.longest + 1, device=self.filled.device)
        return (positions <= self.filled[:, None])[:, None, None]

    def advance(self) -> None:
        """Advance by the position that was appended in every layer."""
        self.filled += 1
        self.longest += 1


class Hidden(NamedTuple):
    """Normalised last states of both branches' tokens."""

    text: Float[Tensor, "W D"]
    """Of the requested text tokens, or of all in the order of `TokenBatch.text_ids`."""
    motion: Float[Tensor, "Nm E"]
    """Of all motion tokens, in the order of `TokenBatch.motion_ids`."""


class Mixture(nn.Module):
    """Two transformers of equal depth and equal heads that share their attention."""

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
    ) -> Hidden:
        """Last states of all tokens; `context` holds the embeddings of the in slots.

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
        text, motion = self._embed(batch, context)
        detach = batch.text_first and self.text.frozen
        positions = torch.arange(batch.length, device=text.device)[None]
        for index, (text_layer, motion_layer) in enumerate(
            zip(self.text.layers, self.motion.layers, strict=True)
        ):
            assert isinstance(text_layer, BranchLayer)
            assert isinstance(motion_layer, BranchLayer)
            if batch.only_text:
                joined = text_layer.pre_attention(text)
            else:
                joined = torch.cat((text_layer.pre_attention(text), motion_layer.pre_attention(motion)))
                joined = joined.index_select(0, batch.source)
            q, k, v = self._split(joined.view(batch.size, batch.length, -1), positions)
            if cache is not None:
                cache.prefill(index, k, v)
            attended = self._attend(q, k, v)
            from_text = attended if batch.only_text else attended.index_select(0, batch.text_index)
            if text_rows is not None and index == self.config.layers - 1:
                text, from_text = text.index_select(0, text_rows), from_text.index_select(0, text_rows)
            # Exact: no text state depends on a motion token here, so no gradient can pass through one.
            text = text_layer.post_attention(text, from_text.detach() if detach else from_text)
            if not batch.only_text:
                motion = motion_layer.post_attention(motion, attended.index_select(0, batch.motion_index))
        if cache is not None:
            cache.filled.copy_(batch.lengths)
            cache.longest, cache.equal_lengths = batch.length, batch.equal_lengths
        return Hidden(self.text.norm(text), self.motion.norm(motion))

    def motion_states(self, motion_ids: Int[Tensor, "B S"], cache: KeyValueCache) -> Float[Tensor, "B S E"]:
        """Last states of motion tokens that follow the sequences of a cache, which is not changed.

        No text follows, so only this part depends on the motion branch: the keys and values of prompts can be computed
        once and stored.
        """
        size, slots = motion_ids.shape
        motion = self.motion.dropout(self.motion.embedding(motion_ids.flatten()))
        positions = cache.filled[:, None] + torch.arange(slots, device=motion.device)
        if self.positions is not None:
            motion = motion + self.positions[positions.flatten()]
        seen = torch.arange(cache.longest, device=motion.device) < cache.filled[:, None]
        causal = torch.ones(slots, slots, dtype=torch.bool, device=motion.device).tril()
        mask = torch.cat((seen[:, None].expand(-1, slots, -1), causal.expand(size, -1, -1)), dim=-1)[:, None]
        for layer, kept in zip(self.motion.layers, cache.store.unbind(), strict=True):
            assert isinstance(layer, BranchLayer)
            q, k, v = self._split(layer.pre_attention(motion).view(size, slots, -1), positions)
            keys, values = kept[:, :, :, : cache.longest].to(k.dtype).unbind()
            k, v = torch.cat((keys, k), dim=2), torch.cat((values, v), dim=2)
            motion = layer.post_attention(motion, self._attend(q, k, v, mask))
        hidden: Tensor = self.motion.norm(motion)
        return hidden.view(size, slots, -1)

    def step(self, ids: Int[Tensor, " B"], cache: KeyValueCache) -> Float[Tensor, "B D"]:
        """Last states of one more text token of each sequence.

        Raises:
            ModelError: the cache is full.
        """
        if cache.longest >= cache.store.shape[4]:
            raise ModelError(f"the cache is full at {cache.store.shape[4]} tokens; create a larger one")
        text = self.text.embedding(ids)
        if self.positions is not None:
            text = text + (
                self.positions[cache.longest] if cache.equal_lengths else self.positions[cache.filled]
            )
        text = cache.step(lambda text: self._step_through_layers(text, cache), text)
        cache.advance()
        hidden: Tensor = self.text.norm(text)
        return hidden

    def logits(self, hidden: Float[Tensor, "*batch D"]) -> Float[Tensor, "*batch V"]:
        """Logits of the next text token; the output matrix is the text embedding."""
        if self.output is not None:  # in fewer bits than the embedding
            scores: Tensor = self.output(hidden)
            return scores
        return linear(hidden, self.text.embedding.weight)

    def cache(self, size: int, room: int) -> KeyValueCache:
        """An empty cache for `size` sequences of at most `room` tokens."""
        weight = self.text.embedding.weight
        room = min(room, self.config.max_positions)
        return KeyValueCache(self.config, size, room, weight.device, weight.dtype)

    def _embed(
        self, batch: TokenBatch, context: Float[Tensor, "M S E"] | None
    ) -> tuple[Float[Tensor, "Nt D"], Float[Tensor, "Nm E"]]:
        text, motion = self.text.embedding(batch.text_ids), self.motion.embedding(batch.motion_ids)
        if context is not None:
            motion = motion.index_copy(0, batch.in_rows.flatten(), context.flatten(0, 1).to(motion.dtype))
        if self.positions is not None:
            text = text + self.positions[batch.text_index % batch.length]
            motion = motion + self.positions[batch.motion_index % batch.length]
        return self.text.dropout(text), self.motion.dropout(motion)

    def _split(
        self, qkv: Float[Tensor, "B L QKV"], positions: Int[Tensor, "#B L"]
    ) -> tuple[Float[Tensor, "B H L K"], Float[Tensor, "B G L K"], Float[Tensor, "B G L K"]]:
        config = self.config
        heads = qkv.view(*qkv.shape[:2], -1, config.head_width).transpose(1, 2)
        q, k, v = torch.split(heads, [config.heads, config.groups, config.groups], dim=1)
        if self.rotary is not None:
            q, k = self.rotary(q, positions), self.rotary(k, positions)
        return q, k, v

    def _attend(
        self,
        q: Float[Tensor, "B H L K"],
        k: Float[Tensor, "B G M K"],
        v: Float[Tensor, "B G M K"],
        mask: Bool[Tensor, "B 1 L M"] | None = None,
    ) -> Float[Tensor, "B*L HK"]:
        repeats = self.config.heads // self.config.groups
        if repeats > 1:
            k, v = k.repeat_interleave(repeats, dim=1), v.repeat_interleave(repeats, dim=1)
        dropout = self.config.attention_dropout if self.training else 0.0
        attended = attend(q, k, v, mask=mask, causal=mask is None, dropout=dropout)
        return attended.transpose(1, 2).reshape(q.shape[0] * q.shape[2], -1)

    def _step_through_layers(self, text: Float[Tensor, "B D"], cache: KeyValueCache) -> Float[Tensor, "B D"]:
        native = available() and cache.store.is_cpu and cache.store.dtype == text.dtype == torch.float32
        tables = None if self.rotary is None else (self.rotary.cosine, self.rotary.sine)
        for index, (layer, kept) in enumerate(zip(self.text.layers, cache.store.unbind(), strict=True)):
            assert isinstance(layer, BranchLayer)
            qkv = layer.pre_attention(text)
            if native and not torch.is_grad_enabled():
                keys, values = kept.unbind()
                attended = attend_next(qkv, keys, values, cache.filled, tables)
            else:
                attended = self._attend_next(qkv, cache, index)
            text = layer.post_attention(text, attended)
        return text

    def _attend_next(
        self, qkv: Float[Tensor, "B QKV"], cache: KeyValueCache, layer: int
    ) -> Float[Tensor, "B D"]:
        q, k, v = self._split(qkv[:, None], cache.filled[:, None])
        keys, values = cache.append(layer, k, v)
        # The query heads of a group become the query positions of one head: keys are never copied.
        q = q.reshape(len(q), self.config.groups, -1, self.config.head_width)
        attended = F.scaled_dot_product_attention(q, keys, values, attn_mask=cache.mask())
        return attended.reshape(len(q), -1)


__all__ = ["Branch", "Hidden", "KeyValueCache", "Mixture", "MixtureConfig"]
