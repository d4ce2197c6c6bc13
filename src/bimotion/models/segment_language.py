"""Motion as a sequence of segments: each is denoised given a phrase and the segments before it.

The text branch is that of a `MotionLanguage`, frozen and not stored again; the motion branch, the diffusion head and
the length network are this model's own. Per segment there are context slots, which hold its latent, and out slots,
whose states condition the head:

    phrase of segment k (text)          |
    context slots of segments 0..k-1    |-> out slots of segment k -> innovation -> latent -> features
    elapsed and remaining time          |

Context slots attend to earlier context slots alone, so that text changes freely between segments, and all segments of
a motion are trained in one pass.

Shapes: B motions, K segments of each, U phrases, P tokens of the longest, S slots of a segment, E width of the motion
branch, X values of a latent, R of an innovation, H heads, G key-value heads, D head width.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from bimotion.errors import ConfigError, check_range
from bimotion.models.branch import (
    BranchLayer,
    MixtureConfig,
    Rotary,
    attended_rows,
    make_motion_branch,
    split_heads,
)
from bimotion.models.choices import Sampler
from bimotion.models.diffusion import DiffusionConfig, Guide
from bimotion.models.head import DiffusionHead
from bimotion.models.head_blocks import HeadConfig
from bimotion.models.length import LengthConfig, LengthPredictor
from bimotion.models.limits import check_sizes
from bimotion.models.linear import Linear
from bimotion.models.mixture import KeyValueCache
from bimotion.models.motion_language import MotionLanguage
from bimotion.models.segment_coder import SegmentCoder, SegmentConfig
from bimotion.models.token_batch import TokenBatch

TEXT_POSITIONS = 64
"""Position of the first slot; longer phrases reach beyond it, which rotary positions permit."""

MAX_SECONDS = 20.0
"""Elapsed and remaining times above it count as it."""

TIME_WAVES = 8
"""Sines and as many cosines of each time."""

OUT, IN = 2, 3
"""Rows of the motion branch's embedding, as in a `MotionLanguage`."""


PROBE_IDS, PROBE_VALUES = 8, 16
"""Token ids, from 1 on, that a text branch is recognised by, and values that are kept of their states."""

PROBE_ERROR = 0.05
"""Relative error of a probe up to which it is that of the same weights, in fewer bits perhaps.

The bundled model's is 0.004 in bf16; noise of 3 % on its weights makes 0.08.
"""


def text_probe(model: MotionLanguage) -> tuple[float, ...]:
    """Some keys and values of the last text layer, by which another text branch of the same shape is noticed."""
    special, config = model.config.special, model.config
    ids = torch.arange(1, 1 + PROBE_IDS)[None]
    valid = torch.ones_like(ids, dtype=torch.bool)
    batch = TokenBatch.of_ids(ids, valid, ~valid, special, config.slots).to(model.latent_mean.device)
    with torch.inference_mode():
        cache = model.mixture.cache(1, batch.length)
        model.mixture(batch, cache=cache, text_rows=batch.last_rows[:0])
        states = cache.store[-1, :, 0, :, :PROBE_IDS].float().flatten()
    return tuple(round(float(value), 4) for value in states[:: len(states) // PROBE_VALUES][:PROBE_VALUES])


def is_probe_of(found: Sequence[float], expected: Sequence[float]) -> bool:
    """Whether two probes are of the same text branch; an empty one may be of any."""
    if not found or not expected:
        return True
    values, others = torch.tensor(found), torch.tensor(expected)
    return len(values) == len(others) and bool((values - others).norm() <= PROBE_ERROR * others.norm())


@dataclass(frozen=True)
class SegmentLanguageConfig:
    """Sizes of a segment model; the text branch's are those of the model that it belongs to."""

    mixture: MixtureConfig = field(default_factory=MixtureConfig)
    """The two-branch transformer."""
    segment: SegmentConfig = field(default_factory=SegmentConfig)
    """The segments."""
    head: HeadConfig = field(default_factory=HeadConfig)
    """The diffusion head."""
    diffusion: DiffusionConfig = field(default_factory=DiffusionConfig)
    """The noise schedule and the sampler."""
    length: LengthConfig = field(default_factory=lambda: LengthConfig(min_frames=4))
    """The network that predicts how long a phrase goes on."""
    slots: int = 4
    """Out slots of a segment, and context slots."""
    context: int = 4
    """Most segments before one that it depends on."""
    text_probe: tuple[float, ...] = ()
    """`text_probe` of the model that it was trained beside; empty: not known."""

    def __post_init__(self) -> None:
        check_sizes(self, "segments", "slots")
        check_range(self, "context", 1, 64)
        if self.mixture.stream != "two":
            raise ConfigError(
                f"segments need a motion branch of their own (stream two), got {self.mixture.stream}"
            )
        last = TEXT_POSITIONS + self.slots * (self.context + 1)
        if last > self.mixture.max_positions:
            raise ConfigError(
                f"segments need max_positions of at least {last}, got {self.mixture.max_positions}"
            )


@dataclass(frozen=True)
class Phrases:
    """What is known of each segment besides those before it."""

    text: KeyValueCache
    """Keys and values of U phrases."""
    index: Int[Tensor, "B K"]
    """The phrase of each segment; -1: none."""
    elapsed: Float[Tensor, "B K"]
    """Seconds from the start of the phrase to that of the segment."""
    remaining: Float[Tensor, "B K"]
    """Seconds from the start of the segment to the end of the phrase; NaN: unknown."""

    def and_without_text(self) -> "Phrases":
        """These, then the same without any phrase, for guidance."""
        silent = torch.full_like(self.index, -1)
        return Phrases(
            self.text,
            torch.cat((self.index, silent)),
            self.elapsed.repeat(2, 1),
            self.remaining.repeat(2, 1),
        )


class SegmentLanguage(nn.Module):
    """Phrases and segments in, the next segment out."""

    feature_mean: Tensor
    feature_std: Tensor

    def __init__(self, config: SegmentLanguageConfig) -> None:
        super().__init__()
        self.config = config
        sizes, width = config.mixture, config.mixture.motion_dim
        self.motion = make_motion_branch(sizes)
        self.rotary = Rotary(sizes.head_width, sizes.max_positions, sizes.rope_theta)
        self.coder = SegmentCoder(config.segment)
        self.understanding = Linear(config.segment.values, config.slots * width)
        self.time_in = Linear(4 * TIME_WAVES + 2, width)
        self.time_out = Linear(width, width)
        self.head = DiffusionHead(config.head, config.diffusion, config.segment.rank, width, config.slots)
        self.length = LengthPredictor(config.length, width, config.segment.rank)
        self.register_buffer("feature_mean", torch.zeros(config.segment.feature_dim))
        self.register_buffer("feature_std", torch.ones(config.segment.feature_dim))
        for parameter in self.time_out.parameters():
            nn.init.zeros_(parameter)

    def fill_tables(self, device: torch.device | str) -> None:
        """Compute the buffers that are not stored, for a model that was built without memory."""
        sizes = self.config.mixture
        self.rotary = Rotary(sizes.head_width, sizes.max_positions, sizes.rope_theta).to(device)
        self.head.alpha_bar = self.config.diffusion.alpha_bar().float().to(device)

    def states(
        self, phrases: Phrases, context: Float[Tensor, "B before X"] | None
    ) -> Float[Tensor, "B K S E"]:
        """States at the out slots of K segments, given the latents of all of them but the last one.

        Segment k depends on the first of them up to its own start; with K = 1, on all.
        """
        size, count = phrases.index.shape
        slots, width = self.config.slots, self.config.mixture.motion_dim
        before = 0 if context is None else context.shape[1]
        known = self._embedded(IN, size * before)
        if context is not None and before:
            known = known + self.understanding(context).view(size * before * slots, width)
        out = self._embedded(OUT, size * count) + self._time(phrases).repeat_interleave(slots, dim=0)
        states = self.motion.dropout(torch.cat((known, out)))
        attention = _SegmentAttention(self.config, self.rotary, phrases, before)
        for layer, text in zip(self.motion.layers, phrases.text.store.unbind(), strict=True):
            assert isinstance(layer, BranchLayer)
            states = layer.post_attention(states, attention(layer.pre_attention(states), text))
        hidden: Tensor = self.motion.norm(states[size * before * slots :])
        return hidden.view(size, count, slots, width)

    def remaining_frames(self, states: Float[Tensor, "B S E"]) -> Int[Tensor, " B"]:
        """Frames from the start of a segment to the end of its phrase, where the states were told no time."""
        return self.length.predict(states, self._no_latent(states))

    def length_loss(self, states: Float[Tensor, "B S E"], frames: Int[Tensor, " B"]) -> Float[Tensor, ""]:
        """Cross entropy of the remaining frames."""
        return self.length.loss(states, self._no_latent(states), frames)

    @torch.inference_mode()
    def sample(
        self,
        phrases: Phrases,
        context: Float[Tensor, "B before X"] | None,
        *,
        steps: int | None = None,
        sampler: Sampler | None = None,
        guidance_scale: float | None = None,
        generator: list[torch.Generator] | torch.Generator | None = None,
        guide: Guide | None = None,
    ) -> Float[Tensor, "B X"]:
        """The latent of the next segment of each motion; K of `phrases` is 1."""
        twice = None if context is None else context.repeat(2, 1, 1)
        given, free = self.states(phrases.and_without_text(), twice)[:, 0].chunk(2)
        drawn = self.head.sample(
            given,
            steps=steps,
            sampler=sampler,
            guidance_scale=guidance_scale,
            generator=generator,
            guide=guide,
            unguided=free,
        )
        first = torch.full((len(given),), context is None or not context.shape[1], device=given.device)
        before = given.new_zeros(len(given), self.config.segment.values)
        if context is not None and context.shape[1]:
            before = context[:, -1]
        return self.coder.latent(drawn[:, 0], before, first)

    def _embedded(self, row: int, count: int) -> Float[Tensor, "N E"]:
        kinds = self.motion.embedding.weight
        return kinds[row].expand(count * self.config.slots, -1)

    def _time(self, phrases: Phrases) -> Float[Tensor, "N E"]:
        """Embedding of the times of each segment."""
        unknown = phrases.remaining.isnan()
        times = torch.stack((phrases.elapsed, phrases.remaining.masked_fill(unknown, 0.0)), -1)
        times = times.clamp(-MAX_SECONDS, MAX_SECONDS).flatten(0, 1)
        rate = torch.pi / MAX_SECONDS * 1.7 ** torch.arange(TIME_WAVES, device=times.device)
        angle = times[..., None] * rate
        waves = torch.cat((angle.sin(), angle.cos()), -1).flatten(1)
        flags = torch.stack((unknown, phrases.index < 0), -1).flatten(0, 1).to(waves.dtype)
        known = torch.cat((waves, flags), -1).to(self.time_in.weight.dtype)
        embedded: Tensor = self.time_out(F.silu(self.time_in(known)))
        return embedded

    def _no_latent(self, states: Float[Tensor, "B S E"]) -> Float[Tensor, "B 1 R"]:
        return states.new_zeros(len(states), 1, self.config.segment.rank)


class _SegmentAttention:
    """Attention of context slots among themselves, and of out slots to text, context and themselves."""

    def __init__(self, config: SegmentLanguageConfig, rotary: Rotary, phrases: Phrases, before: int) -> None:
        self.sizes, self.rotary, self.phrases, self.before = config.mixture, rotary, phrases, before
        self.slots = slots = config.slots
        device = phrases.index.device
        size, count = phrases.index.shape
        first = before + 1 - count if before else 0  # context segments of the first of the count
        own = torch.arange(slots, device=device)
        self.known_positions = TEXT_POSITIONS + torch.arange(before * slots, device=device)[None]
        starts = TEXT_POSITIONS + slots * (first + torch.arange(count, device=device))
        self.out_positions = (starts[:, None] + own).repeat(size, 1)
        number = torch.arange(before, device=device).repeat_interleave(slots)
        earlier = number[:, None] >= number
        self.known_mask: Bool[Tensor, "B 1 N N"] = earlier.expand(size, 1, -1, -1)
        seen = number < first + torch.arange(count, device=device)[:, None]
        text = torch.arange(phrases.text.longest, device=device) < phrases.text.filled[:, None]
        rows = phrases.index.flatten()
        self.rows = rows.clamp(min=0)
        spoken = text[self.rows] & (rows >= 0)[:, None]
        mask = torch.cat((spoken, seen.repeat(size, 1)), -1)[:, None].expand(-1, slots, -1)
        causal = (own[:, None] >= own).expand(len(rows), -1, -1)
        self.out_mask = torch.cat((mask, causal), -1)[:, None]

    def __call__(
        self, qkv: Float[Tensor, "N QKV"], text: Float[Tensor, "2 U G room D"]
    ) -> Float[Tensor, "N HD"]:
        size, count = self.phrases.index.shape
        cut = size * self.before * self.slots
        known, out = qkv[:cut], qkv[cut:]
        q, k, v = split_heads(
            self.sizes, self.rotary, out.view(size * count, self.slots, -1), self.out_positions
        )
        spoken = text[:, :, :, : self.phrases.text.longest].to(q.dtype)[:, self.rows]
        if not self.before:
            k, v = torch.cat((spoken[0], k), 2), torch.cat((spoken[1], v), 2)
            return attended_rows(self.sizes, q, k, v, self.out_mask)
        parts = split_heads(
            self.sizes, self.rotary, known.view(size, self.before * self.slots, -1), self.known_positions
        )
        among = attended_rows(self.sizes, *parts, self.known_mask)
        keys, values = (part.repeat_interleave(count, dim=0) for part in parts[1:])
        k, v = torch.cat((spoken[0], keys, k), 2), torch.cat((spoken[1], values, v), 2)
        return torch.cat((among, attended_rows(self.sizes, q, k, v, self.out_mask)))
