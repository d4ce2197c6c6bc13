"""The diffusion head: hidden states at a motion's slots condition the denoising of its latents.

Shapes: B latents, S slots, C condition width (that of the mixture), X values in a latent (all latents of a clip as one
flat vector), W width of the head, R rows (of steps, of latents, or of both), G modulation rows (at most R; the last one
is repeated), P parts of a modulation.
"""

import math
from collections.abc import Sequence
from itertools import repeat

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from bimotion.models.choices import Sampler
from bimotion.models.diffusion import (
    DiffusionConfig,
    Guide,
    PredictEps,
    Schedule,
    add_noise,
    draw_noise,
    draws,
    guide_noise,
    sample,
    schedule_of,
)
from bimotion.models.head_blocks import AdaptiveBlock, ConditionPool, HeadConfig, Modulation, TimeEmbedding
from bimotion.models.kernels import CallGraph, Norm
from bimotion.models.linear import Linear

CHUNK_BYTES = 16 << 20
"""Memory for the modulations of the steps that are computed together."""


class DiffusionHead(nn.Module):
    """An MLP of residual blocks that predicts the noise in a latent.

    Source: MAR (Li et al. 2024), section 3, with adaLN of DiT (Peebles and Xie 2023), as used by MotionGPT3
    (Zhu et al. 2025), section 3.4.
    """

    alpha_bar: Tensor

    def __init__(
        self, config: HeadConfig, diffusion: DiffusionConfig, x_width: int, condition_width: int, slots: int
    ) -> None:
        super().__init__()
        self.config = config
        self.diffusion = diffusion
        self.x_width = x_width
        self.condition = ConditionPool(config, condition_width, slots)
        self.time = TimeEmbedding(config)
        self.embed = Linear(x_width, config.width)
        self.blocks = nn.ModuleList(AdaptiveBlock(config.width) for _ in range(config.blocks))
        self.norm = nn.LayerNorm(config.width, eps=1e-6, elementwise_affine=False)
        self.modulate = Linear(config.width, 2 * config.width)
        self.unembed = Linear(config.width, x_width)
        self.fake_condition = nn.Parameter(torch.zeros(slots, condition_width))
        self.direct = Linear(config.width, 2 * x_width) if config.direct else None
        self.register_buffer("alpha_bar", diffusion.alpha_bar().float(), persistent=False)
        if self.direct is not None:
            nn.init.zeros_(self.direct.weight)
            nn.init.zeros_(self.direct.bias)
        if config.zero_init:
            modulates = [self.modulate, *(block.get_submodule("modulate") for block in self.blocks)]
            for parameter in [p for layer in (*modulates, self.unembed) for p in layer.parameters()]:
                nn.init.zeros_(parameter)

    def modulation(self, y: Float[Tensor, "R W"]) -> Modulation:
        """Modulations of the blocks from the sum of a time embedding and a pooled condition."""
        y = F.silu(y)
        shift, scale = self.modulate(y).chunk(2, dim=-1)
        parts: list[Tensor] = []
        for block in self.blocks:
            assert isinstance(block, AdaptiveBlock)
            parts += block.modulation(y)
        return Modulation(
            torch.stack((*parts, scale + 1, shift)), None if self.direct is None else self.direct(y)
        )

    def denoise(
        self,
        xt: Float[Tensor, "R X"],
        parts: Float[Tensor, "P G W"],
        past: Float[Tensor, "R X"] | None = None,
    ) -> Float[Tensor, "R X"]:
        """The network's prediction (`DiffusionConfig.prediction`) from `xt` and a `Modulation`."""
        h, each = self.embed(xt), parts.unbind()
        for number, block in enumerate(self.blocks):
            h = block(h, *each[3 * number : 3 * number + 3])
        gain, shift = each[-2:]
        prediction: Tensor = self.unembed(h, norm=Norm("layer", gain, shift, self.norm.eps), add=past)
        return prediction

    def eps_of(
        self,
        prediction: Float[Tensor, "B X"],
        xt: Float[Tensor, "B X"],
        alpha_bar: Float[Tensor, "#B 1"] | float,
    ) -> Float[Tensor, "B X"]:
        """The noise in `xt` that a prediction of the network implies."""
        if self.diffusion.prediction == "eps":
            return prediction
        kept = torch.as_tensor(alpha_bar, dtype=torch.float32, device=xt.device)
        return (kept.sqrt() * prediction + (1 - kept).sqrt() * xt).to(prediction.dtype)

    def forward(
        self, xt: Float[Tensor, "B 1 X"], t: Int[Tensor, " B"], z: Float[Tensor, "B S C"]
    ) -> Float[Tensor, "B 1 X"]:
        """The noise in `xt` at level `t`, given the hidden states at the slots."""
        modulation = self.modulation(self.time(t) + self.condition(z))
        prediction = self.denoise(xt[:, 0], modulation.parts, modulation.direct_output(xt[:, 0]))
        return self.eps_of(prediction, xt[:, 0], self.alpha_bar[t][:, None])[:, None]

    def loss(
        self,
        x0: Float[Tensor, "B 1 X"],
        z: Float[Tensor, "B S C"],
        generator: torch.Generator | None = None,
        *,
        paired: bool = False,
    ) -> Float[Tensor, ""]:
        """Mean squared error of the prediction, over `repeats` noise levels of each latent.

        Some rows train without a condition, for classifier-free guidance. With `paired`, latents 2i and 2i + 1 get the
        same noise and noise level: the common part of their gradients then cancels in everything that distinguishes
        them.
        """
        paired = paired and x0.shape[0] % 2 == 0
        rows = self.diffusion.repeats * x0.shape[0] // (2 if paired else 1)
        source = x0.device if generator is None else generator.device
        t = torch.randint(self.diffusion.train_steps, (rows,), generator=generator, device=source)
        dropped = torch.rand(rows, generator=generator, device=source) < self.diffusion.drop_condition
        eps = torch.randn(rows, 1, self.x_width, generator=generator, device=source)
        if paired:
            t, dropped, eps = (part.repeat_interleave(2, dim=0) for part in (t, dropped, eps))
        eps = eps.to(x0.device, x0.dtype)
        return self.loss_of(x0, z, t.to(x0.device), dropped.to(x0.device), eps).mean()

    def loss_of(
        self,
        x0: Float[Tensor, "B 1 X"],
        z: Float[Tensor, "B S C"],
        t: Int[Tensor, " R"],
        dropped: Bool[Tensor, " R"],
        eps: Float[Tensor, "R 1 X"],
    ) -> Float[Tensor, " R"]:
        """Mean squared error of each row at noise levels `t` with noise `eps`; row r belongs to latent r mod B."""
        repeats = len(t) // len(x0)
        pooled = self.condition(torch.cat((z, self.fake_condition.to(z.dtype)[None])))
        c = torch.where(dropped[:, None], pooled[-1], pooled[:-1].repeat(repeats, 1))
        xt = add_noise(x0.repeat(repeats, 1, 1), eps, self.alpha_bar, t)
        modulation = self.modulation(self.time(t) + c)
        prediction = self.denoise(xt[:, 0], modulation.parts, modulation.direct_output(xt[:, 0]))
        target = eps[:, 0]
        if self.diffusion.prediction == "v":
            kept = self.alpha_bar[t][:, None]
            target = kept.sqrt() * target - (1 - kept).sqrt() * x0.repeat(repeats, 1, 1)[:, 0]
        return (prediction - target).square().mean(-1)

    @torch.inference_mode()
    def sample(
        self,
        z: Float[Tensor, "B S C"],
        *,
        steps: int | None = None,
        sampler: Sampler | None = None,
        guidance_scale: float | None = None,
        temperature: float = 1.0,
        generator: torch.Generator | Sequence[torch.Generator] | None = None,
        noise: Float[Tensor, "draws B 1 X"] | None = None,
        guide: Guide | None = None,
        unguided: Float[Tensor, "B S C"] | None = None,
    ) -> Float[Tensor, "B 1 X"]:
        """Sampled latents given the hidden states at the slots; arguments that are None take the configuration's value.

        `noise` replaces the generator: the start, then the noise of each step but the last. `guide` changes the `x0`
        that is predicted at each step. `unguided` are the hidden states without what guidance strengthens; None: no
        condition at all.
        """
        sampler = self.diffusion.sampler if sampler is None else sampler
        steps = self.diffusion.sample_steps if steps is None else steps
        scale = self.diffusion.guidance_scale if guidance_scale is None else guidance_scale
        schedule = schedule_of(self.diffusion, sampler, steps)
        if noise is None:
            count = draws(schedule, sampler)
            noise = draw_noise(count, z.shape[0], self.x_width, generator, z.device, z.dtype)
        if scale == 1:
            predict_noise: PredictEps = _NoisePrediction(self, schedule, self.condition(z), guided=None)
        else:
            fake = self.fake_condition.to(z.dtype)[None] if unguided is None else unguided
            predict_noise = _NoisePrediction(
                self, schedule, self.condition(torch.cat((z, fake))), guided=scale
            )
        if guide is not None:
            predict_noise = guide_noise(predict_noise, guide, schedule)
        return sample(predict_noise, schedule, noise, sampler, temperature)


class _NoisePrediction:
    """The noise at each step; everything that does not depend on `xt` is computed some steps ahead."""

    def __init__(
        self, head: DiffusionHead, schedule: Schedule, c: Float[Tensor, "R W"], guided: float | None
    ) -> None:
        self.head, self.c, self.scale, self.levels = head, c, guided, schedule.alpha_bar
        self.times = head.time(torch.tensor(schedule.timesteps, device=c.device))
        row_bytes = (3 * len(head.blocks) + 2) * head.config.width * c.element_size()
        self.ahead = max(1, CHUNK_BYTES // (row_bytes * c.shape[0]))
        self.modulations: list[Modulation] = []
        self.denoise = CallGraph()

    def __call__(self, xt: Tensor, step: int) -> Tensor:
        if step % self.ahead == 0:
            y = self.times[step : step + self.ahead, None] + self.c
            parts, direct = self.head.modulation(y.flatten(0, 1))
            rows = self.c.shape[0]
            directs = repeat(None) if direct is None else torch.split(direct, rows)
            self.modulations = [*map(Modulation, torch.split(parts, rows, dim=1), directs)]
        modulation, x = self.modulations[step % self.ahead], xt[:, 0]
        if self.scale is not None:  # both halves start from the same latent
            x = torch.cat((x, x))
        past = modulation.direct_output(x)
        prediction = self.denoise(self.head.denoise, x, modulation.parts, *(() if past is None else (past,)))
        level = self.levels[step]
        if self.scale is None:
            return self.head.eps_of(prediction, xt[:, 0], level)[:, None]
        conditional, fake = prediction.chunk(2)
        guided = self.head.eps_of(torch.lerp(fake, conditional, self.scale), xt[:, 0], level)
        strength = self.head.diffusion.guidance_rescale
        if strength > 0:
            guided = rescaled(
                guided, self.head.eps_of(conditional, xt[:, 0], level), xt[:, 0], level, strength
            )
        return guided[:, None]


def rescaled(
    guided: Float[Tensor, "B X"],
    conditional: Float[Tensor, "B X"],
    xt: Float[Tensor, "B X"],
    alpha_bar: float,
    strength: float,
) -> Float[Tensor, "B X"]:
    """Guided noise whose `x0` is scaled back towards the deviation of the conditional `x0` where it exceeds it.

    At `strength` 1 the deviations become equal, at 0 nothing changes. Two that are 0 are equal.
    """
    kept, noise = math.sqrt(alpha_bar), math.sqrt(1 - alpha_bar)
    x0, limit = (xt - noise * guided) / kept, (xt - noise * conditional) / kept
    aim, deviation = limit.std(-1, keepdim=True), x0.std(-1, keepdim=True)
    ratio = torch.where(deviation > aim, aim / deviation, 1.0)
    return (xt - kept * x0 * (1 + strength * (ratio - 1))) / noise
