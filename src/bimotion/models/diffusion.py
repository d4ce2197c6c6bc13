"""The noise schedule and the samplers that turn noise into latents.

Shapes: B latents, X values in each (all latents of a clip as one flat vector), S steps. `xt` is a latent at noise
level t: sqrt(alpha_bar) x0 + sqrt(1 - alpha_bar) eps. A network predicts `eps`; here the network is a function of `xt`
and of the step index, counted from the noisiest, so that everything that depends on the step alone can be computed
before sampling starts.

Source: DDPM (Ho et al. 2020), DDIM (Song et al. 2021), DPM-Solver++ (Lu et al. 2022), respacing as in
improved diffusion (Nichol and Dhariwal 2021).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from jaxtyping import Float, Int
from torch import Tensor

from bimotion.errors import ConfigError, check_range
from bimotion.models.choices import Sampler
from bimotion.models.limits import check_sizes

Prediction = Literal["eps", "v"]
"""Prediction target: `eps` (published), or `v` = sqrt(alpha_bar) eps - sqrt(1 - alpha_bar) x0, which stays accurate for
`x0` at high noise levels (Salimans and Ho 2022)."""

PredictEps = Callable[[Float[Tensor, "B 1 X"], int], Float[Tensor, "B 1 X"]]
"""The noise in `xt` at a step, counted from the noisiest."""

Guide = Callable[[Float[Tensor, "B 1 X"], int], Float[Tensor, "B 1 X"]]
"""A change of the predicted `x0` at a step, such as towards constraints on the motion."""


@dataclass(frozen=True)
class DiffusionConfig:
    """The noise schedule, its use in training, and the sampler; the defaults are the published ones."""

    train_steps: int = 1000
    """Noise levels seen in training."""
    beta_first: float = 0.00085
    """Noise variance of the first level; the levels between are linear in it."""
    beta_last: float = 0.012
    """Noise variance of the last level."""
    prediction: Prediction = "eps"
    """Prediction target of the network."""
    repeats: int = 4
    """Noise levels per latent in one training step."""
    drop_condition: float = 0.1
    """Share of training rows whose condition is replaced by the learned null condition."""
    sampler: Sampler = "ancestral"
    """Default sampler."""
    sample_steps: int = 100
    """Default number of sampling steps; at most `train_steps`."""
    guidance_scale: float = 3.0
    """Classifier-free guidance: extrapolation from the unconditional to the conditional prediction; 1 turns it off."""
    guidance_rescale: float = 0.0
    """How far guided latents are scaled back to the deviation of the conditional prediction; 0: not at all (published),
    1: they never exceed it.

    Source: Lin et al. 2023, "Common diffusion noise schedules and sample steps are flawed", section 3.4.
    """

    def __post_init__(self) -> None:
        check_sizes(self, "diffusion", "train_steps")
        if not 1 <= self.sample_steps <= self.train_steps:
            raise ConfigError(
                f"sample_steps must lie in 1..{self.train_steps} (train_steps), got {self.sample_steps}"
            )
        if not 0 < self.beta_first <= self.beta_last < 1:
            raise ConfigError(
                f"0 < beta_first <= beta_last < 1 must hold, got {self.beta_first} and {self.beta_last}"
            )
        check_range(self, "repeats", 1)
        check_range(self, "drop_condition", 0, 1)
        check_range(self, "guidance_scale", 0)
        check_range(self, "guidance_rescale", 0, 1)
        if self.prediction not in ("eps", "v"):
            raise ConfigError(f"prediction must be 'eps' or 'v', got {self.prediction!r}")
        if self.sampler not in get_args(Sampler):
            raise ConfigError(f"sampler must be one of {', '.join(get_args(Sampler))}, got {self.sampler!r}")

    def alpha_bar(self) -> Float[Tensor, " train_steps"]:
        """Share of the signal's variance that is left at each level, in double precision."""
        betas = torch.linspace(self.beta_first, self.beta_last, self.train_steps, dtype=torch.float64)
        return (1 - betas).cumprod(0)


@dataclass(frozen=True)
class Schedule:
    """The noise levels visited when sampling, the noisiest first."""

    timesteps: tuple[int, ...]
    """Training levels that are visited."""
    alpha_bar: tuple[float, ...]
    """Share of the signal's variance at each."""

    @classmethod
    def of(
        cls, config: DiffusionConfig, steps: int, spacing: Literal["time", "log_snr"] = "time"
    ) -> "Schedule":
        """`steps` levels from the last to the first, evenly spaced in time or in the log signal-to-noise ratio.

        Raises:
            ConfigError: more steps than levels, or none.
        """
        if not 1 <= steps <= config.train_steps:
            raise ConfigError(f"sampling steps must lie in 1..{config.train_steps}, got {steps}")
        last = config.train_steps - 1
        alpha_bar = config.alpha_bar()
        if steps == 1:
            kept = [last]
        elif spacing == "time":
            kept = [round(i * last / (steps - 1)) for i in range(steps)]
        else:
            log_snr = (alpha_bar / (1 - alpha_bar)).log()
            targets = torch.linspace(float(log_snr[0]), float(log_snr[-1]), steps, dtype=torch.float64)
            kept = sorted({int((log_snr - level).abs().argmin()) for level in targets} | {last})
        kept.reverse()
        return cls(tuple(kept), tuple(alpha_bar[kept].tolist()))

    def __len__(self) -> int:
        return len(self.timesteps)


def schedule_of(config: DiffusionConfig, sampler: Sampler, steps: int) -> Schedule:
    """The levels that a sampler visits: evenly spaced in time, or in log signal-to-noise for the multistep solver."""
    return Schedule.of(config, steps, "log_snr" if sampler == "dpmpp" else "time")


def sample(
    predict: PredictEps,
    schedule: Schedule,
    noise: Float[Tensor, "draws B 1 X"],
    sampler: Sampler,
    temperature: float = 1.0,
) -> Float[Tensor, "B 1 X"]:
    """Latents sampled from `noise`: its first draw is the start, the others are the noise added at each step.

    `temperature` scales the noise of the steps, not the start.
    """
    if sampler == "ancestral":
        return _ancestral(predict, schedule, noise, temperature)
    return _DETERMINISTIC[sampler](predict, schedule, noise[0])


def draws(schedule: Schedule, sampler: Sampler) -> int:
    """Number of noise tensors that a sampler uses; the last step adds none."""
    return len(schedule) if sampler == "ancestral" else 1


def draw_noise(
    count: int,
    size: int,
    width: int,
    generator: torch.Generator | Sequence[torch.Generator] | None,
    device: torch.device,
    dtype: torch.dtype,
) -> Float[Tensor, "count size 1 width"]:
    """Standard normal noise; with one generator per latent, each latent gets the noise it would get alone.

    Noise is drawn on the generator's device in single precision, then moved.
    """
    if isinstance(generator, Sequence):
        if len(generator) != size:
            raise ConfigError(f"{len(generator)} generators for {size} latents")
        each = [torch.randn(count, 1, 1, width, generator=one, device=one.device) for one in generator]
        return torch.cat(each, dim=1).to(device, dtype)
    source = device if generator is None else generator.device
    return torch.randn(count, size, 1, width, generator=generator, device=source).to(device, dtype)


def add_noise(
    x0: Float[Tensor, "B 1 X"],
    eps: Float[Tensor, "B 1 X"],
    alpha_bar: Float[Tensor, " train_steps"],
    t: Int[Tensor, " B"],
) -> Float[Tensor, "B 1 X"]:
    """`x0` at the noise level `t`."""
    kept = alpha_bar[t][:, None, None]
    return (kept.sqrt() * x0 + (1 - kept).sqrt() * eps).to(x0.dtype)


def _x0(xt: Tensor, eps: Tensor, alpha_bar: float) -> Tensor:
    return math.sqrt(1 / alpha_bar) * xt - math.sqrt(1 / alpha_bar - 1) * eps


def guide_noise(predict: PredictEps, guide: Guide, schedule: Schedule) -> PredictEps:
    """The noise at each step that leads to the `x0` that `guide` makes of the predicted one.

    Source: as data consistency in DDNM (Wang et al. 2023), by any function of `x0`.
    """

    def predict_guided(xt: Float[Tensor, "B 1 X"], step: int) -> Float[Tensor, "B 1 X"]:
        level = schedule.alpha_bar[step]
        x0 = guide(_x0(xt, predict(xt, step), level), step)
        return (xt - math.sqrt(level) * x0) / math.sqrt(1 - level)

    return predict_guided


def _ancestral(predict: PredictEps, schedule: Schedule, noise: Tensor, temperature: float) -> Tensor:
    """Draws from the posterior of the next level given `xt` and the predicted `x0`."""
    xt, levels = noise[0], (*schedule.alpha_bar, 1.0)
    for i in range(len(schedule)):
        here, following = levels[i], levels[i + 1]
        beta = 1 - here / following
        x0 = _x0(xt, predict(xt, i), here)
        mean = (beta * math.sqrt(following) / (1 - here)) * x0
        mean += ((1 - following) * math.sqrt(1 - beta) / (1 - here)) * xt
        if i == len(schedule) - 1:
            return mean
        variance = beta * (1 - following) / (1 - here)
        xt = mean + (math.sqrt(variance) * temperature) * noise[i + 1]
    raise AssertionError("a schedule has at least one level")


def _ddim(predict: PredictEps, schedule: Schedule, xt: Tensor) -> Tensor:
    """Follows the probability flow by its first-order steps (eta 0)."""
    levels = (*schedule.alpha_bar, 1.0)
    for i in range(len(schedule)):
        eps = predict(xt, i)
        xt = math.sqrt(levels[i + 1]) * _x0(xt, eps, levels[i]) + math.sqrt(1 - levels[i + 1]) * eps
    return xt


def _dpmpp(predict: PredictEps, schedule: Schedule, xt: Tensor) -> Tensor:
    """Follows the probability flow by second-order multistep steps in `x0`, first and last first-order."""
    alpha = [math.sqrt(level) for level in schedule.alpha_bar]
    sigma = [math.sqrt(1 - level) for level in schedule.alpha_bar]
    half_log_snr = [math.log(a / s) for a, s in zip(alpha, sigma, strict=True)]
    previous: Tensor | None = None
    for i in range(len(schedule)):
        x0 = _x0(xt, predict(xt, i), schedule.alpha_bar[i])
        if i == len(schedule) - 1:
            return x0
        step = half_log_snr[i + 1] - half_log_snr[i]
        slope = x0
        if previous is not None:
            ratio = (half_log_snr[i] - half_log_snr[i - 1]) / step
            slope = (1 + 0.5 / ratio) * x0 - (0.5 / ratio) * previous
        xt = (sigma[i + 1] / sigma[i]) * xt - alpha[i + 1] * math.expm1(-step) * slope
        previous = x0
    raise AssertionError("a schedule has at least one level")


_DETERMINISTIC: dict[Sampler, Callable[[PredictEps, Schedule, Tensor], Tensor]] = {
    "ddim": _ddim,
    "dpmpp": _dpmpp,
}
"""Samplers that draw noise only once."""
