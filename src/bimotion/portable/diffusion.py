"""The diffusion head, its sampler and the length network, written in `Operations`; see `bimotion.models.head`.

Shapes: B motions, S slots, C condition width, X values in the latents of a motion, W width of the head, N steps.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from bimotion.errors import ConfigError, ModelError
from bimotion.portable.layers import encoder_layer, layer_norm, silu
from bimotion.portable.operations import Array, Operations

BLOCK_EPS = 1e-6
"""Epsilon of the norms of the blocks."""


@dataclass(frozen=True)
class Levels:
    """The noise levels visited when sampling, the noisiest first; see `bimotion.models.diffusion.Schedule`."""

    timesteps: tuple[int, ...]
    """Training levels that are visited."""
    alpha_bar: tuple[float, ...]
    """Share of the signal's variance at each."""


def levels_of(diffusion: Any, sampler: str, steps: int) -> Levels:
    """`steps` levels, evenly spaced in the log signal-to-noise ratio for `dpmpp`, in time for `ddim`.

    Raises:
        ModelError: another sampler.
        ConfigError: more steps than levels, or none.
    """
    if sampler not in ("dpmpp", "ddim"):
        raise ModelError(f"sampler: expected dpmpp or ddim, got {sampler!r}")
    if not 1 <= steps <= diffusion.train_steps:
        raise ConfigError(f"sampling steps must lie in 1..{diffusion.train_steps}, got {steps}")
    last = diffusion.train_steps - 1
    betas = np.linspace(diffusion.beta_first, diffusion.beta_last, diffusion.train_steps)
    alpha_bar = np.cumprod(1 - betas)
    if steps == 1:
        kept = [last]
    elif sampler == "ddim":
        kept = [round(i * last / (steps - 1)) for i in range(steps)]
    else:
        log_snr = np.log(alpha_bar / (1 - alpha_bar))
        targets = np.linspace(log_snr[0], log_snr[-1], steps)
        kept = sorted({int(np.abs(log_snr - level).argmin()) for level in targets} | {last})
    kept.reverse()
    return Levels(tuple(kept), tuple(float(alpha_bar[level]) for level in kept))


class PortableHead:
    """The diffusion head of one model; `config` is the whole model's."""

    def __init__(self, ops: Operations, config: Any) -> None:
        self.ops, self.config, self.head = ops, config, config.head
        mixture = config.mixture
        self.condition_width = mixture.width if mixture.motion_width is None else mixture.motion_width

    def sample(self, z: Array, noise: Array, guidance: Array, levels: Levels, sampler: str) -> Array:
        """Latents (B, X) from noise (B, X) given the states at the slots (B, S, C) and the guidance scale."""
        modulations, xt, x0 = self.modulations(z, levels), noise, noise
        table = coefficients(levels, sampler, self.config.diffusion.prediction)
        for step in range(len(levels.timesteps)):
            xt, x0 = self.step(xt, x0, modulations, step, guidance, table)
        return x0

    def step(
        self,
        xt: Array,
        previous: Array,
        modulations: Sequence[Array],
        step: "int | Array",
        guidance: Array,
        table: Float[np.ndarray, "N 5"],
    ) -> tuple[Array, Array]:
        """`xt` at the next level and the `x0` predicted at this one, both (B, X).

        `previous` is the `x0` predicted at the level before, which does not count at the first one. `table` are the
        `coefficients`.
        """
        ops, count = self.ops, self.ops.count(xt, 0)
        row = ops.take(ops.constant(table), step, 0)
        from_xt, from_prediction, kept, now, past = (ops.take(row, column, 0) for column in range(5))
        both = self._prediction(ops.concat((xt, xt), 0), [ops.take(each, step, 0) for each in modulations])
        conditional, fake = ops.cut(both, 0, 0, count), ops.cut_from(both, 0, count)

        def x0_of(prediction: Array) -> Array:
            """The clean latents that a prediction of the network implies."""
            return xt * from_xt + prediction * from_prediction

        x0 = x0_of(fake + (conditional - fake) * guidance)
        strength = self.config.diffusion.guidance_rescale
        if strength > 0:
            x0 = _rescaled(ops, x0, x0_of(conditional), strength)
        return xt * kept + x0 * now + previous * past, x0

    def num_frames(self, z: Array, x0: Array) -> Array:
        """Predicted lengths in frames, integers (B,): the medians of the length network's distributions."""
        ops, config = self.ops, self.config.length
        pooled = layer_norm(ops, ops.mean(z, 1, keep=False), "length.norm")
        h = ops.linear(pooled, "length.embed_condition") + ops.linear(x0, "length.embed_latent")
        h = silu(ops, ops.linear(silu(ops, h), "length.hidden"))
        below = ops.running_sum(ops.softmax(ops.linear(h, "length.out")), 1)
        index = ops.sum(ops.floats(ops.less(below, 0.5)), 1)
        frames = ops.minimum(index * float(config.bin_frames) + float(config.min_frames), config.max_frames)
        return ops.integers(frames)

    def _times(self, levels: Levels) -> Array:
        """Embedded noise levels, (N, W)."""
        half = self.head.frequencies // 2
        rate = np.exp(np.float32(-math.log(10000)) * np.arange(half, dtype=np.float32) / np.float32(half))
        angle = np.asarray(levels.timesteps, dtype=np.float32)[:, None] * rate
        waves = self.ops.constant(np.concatenate((np.cos(angle), np.sin(angle)), axis=-1))
        return self.ops.linear(silu(self.ops, self.ops.linear(waves, "head.time.up")), "head.time.down")

    def _pooled(self, z: Array) -> Array:
        """The condition (B, W) of states at the slots."""
        ops, width = self.ops, self.condition_width
        query = ops.reshape(ops.stored("head.condition.query"), (1, 1, width))
        query = query + ops.cut(z, 1, 0, 1) * 0.0  # one for each motion
        tokens = ops.concat((query, z), 1) + ops.stored("head.condition.positions")
        pooled = encoder_layer(ops, tokens, "head.condition.layer", width, self.head.heads, queries=1)
        return ops.linear(ops.reshape(pooled, (0, width)), "head.condition.project")

    def modulations(self, z: Array, levels: Levels) -> list[Array]:
        """What step and condition do to each block, before the output and on the direct path, each (N, 2B, _).

        The first B rows have the condition, the others have none.
        """
        ops, width = self.ops, self.head.width
        condition = self._pooled(z)
        fake = self._pooled(ops.reshape(ops.stored("head.fake_condition"), (1, -1, self.condition_width)))
        rows = ops.concat((condition, fake + condition * 0.0), 0)  # one for each motion
        y = silu(ops, ops.reshape(self._times(levels), (-1, 1, width)) + rows)
        names = [*(f"head.blocks.{index}.modulate" for index in range(self.head.blocks)), "head.modulate"]
        return [ops.linear(y, name) for name in (*names, *(("head.direct",) if self.head.direct else ()))]

    def _prediction(self, xt: Array, modulations: Sequence[Array]) -> Array:
        """The network's prediction (2B, X) from `xt` and the modulations of a step."""
        ops, width, blocks = self.ops, self.head.width, self.head.blocks
        h = ops.linear(xt, "head.embed")
        for index in range(blocks):
            name = f"head.blocks.{index}"
            shift, scale, gate = _parts(ops, modulations[index], width, 3)
            normed = layer_norm(ops, h, f"{name}.norm", BLOCK_EPS) * (scale + 1.0) + shift
            h = h + ops.linear(silu(ops, ops.linear(normed, f"{name}.up")), f"{name}.down") * gate
        shift, scale = _parts(ops, modulations[blocks], width, 2)
        prediction = ops.linear(ops.standardised(h, BLOCK_EPS) * (scale + 1.0) + shift, "head.unembed")
        if self.head.direct:
            gain, offset = _parts(ops, modulations[blocks + 1], xt_width(self.config), 2)
            prediction = prediction + gain * xt + offset
        return prediction


def xt_width(config: Any) -> int:
    """Values in the latents of a motion."""
    if config.latent_rank is not None:
        return int(config.latent_rank)
    return int(config.vae.num_latents * (config.vae.latent_width or config.vae.width))


def _parts(ops: Operations, x: Array, width: int, count: int) -> list[Array]:
    return [ops.cut(x, 1, part * width, (part + 1) * width) for part in range(count)]


def _rescaled(ops: Operations, x0: Array, limit: Array, strength: float) -> Array:
    """`x0` scaled back towards the deviation of `limit` where it exceeds it; see `bimotion.models.head.rescaled`."""
    ratio = ops.minimum(_deviation(ops, limit) / ops.maximum(_deviation(ops, x0), 1e-6), 1.0)
    return x0 * ((ratio - 1.0) * strength + 1.0)


def _deviation(ops: Operations, x: Array) -> Array:
    """Standard deviation over the last axis up to a factor that is the same for all arrays of one width."""
    centred = x - ops.mean(x, -1)
    return ops.unary("Sqrt", ops.mean(centred * centred, -1))


def coefficients(levels: Levels, sampler: str, prediction: str) -> Float[np.ndarray, "N 5"]:
    """What each step is made of: x0 = c0 xt + c1 prediction, next xt = c2 xt + c3 x0 + c4 previous x0.

    Source: `bimotion.models.diffusion`: DDIM, and DPM-Solver++ of second order with several steps.
    """
    alpha = [math.sqrt(level) for level in levels.alpha_bar]
    sigma = [math.sqrt(1 - level) for level in levels.alpha_bar]
    half_log_snr = [math.log(a / s) for a, s in zip(alpha, sigma, strict=True)]
    rows = []
    for i in range(len(alpha)):
        clean = (1 / alpha[i], -sigma[i] / alpha[i]) if prediction == "eps" else (alpha[i], -sigma[i])
        if i == len(alpha) - 1:
            rows.append((*clean, 0.0, 1.0, 0.0))
            continue
        kept = sigma[i + 1] / sigma[i]
        if sampler == "ddim":
            rows.append((*clean, kept, alpha[i + 1] - kept * alpha[i], 0.0))
            continue
        step = half_log_snr[i + 1] - half_log_snr[i]
        toward = -alpha[i + 1] * math.expm1(-step)
        half_ratio = 0.0 if i == 0 else 0.5 * step / (half_log_snr[i] - half_log_snr[i - 1])
        rows.append((*clean, kept, toward * (1 + half_ratio), -toward * half_ratio))
    return np.asarray(rows, dtype=np.float32)
