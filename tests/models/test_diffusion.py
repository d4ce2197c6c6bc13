"""Schedule and samplers: the published tables, and distributions whose noise is known in closed form."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from bimotion.errors import ConfigError
from bimotion.models.diffusion import (
    DiffusionConfig,
    PredictEps,
    Sampler,
    Schedule,
    add_noise,
    draw_noise,
    draws,
    sample,
    schedule_of,
)

CONFIG = DiffusionConfig()
MEAN, STD = 1.5, 0.4


def gaussian_eps(schedule: Schedule) -> PredictEps:
    """The exact noise where the data are normal with mean MEAN and deviation STD."""

    def predict(xt: Tensor, step: int) -> Tensor:
        alpha_bar = schedule.alpha_bar[step]
        variance = alpha_bar * STD**2 + 1 - alpha_bar
        return (1 - alpha_bar) ** 0.5 * (xt - alpha_bar**0.5 * MEAN) / variance

    return predict


def test_published_schedule_is_reproduced(goldens: Path) -> None:
    golden = load_file(goldens / "diffusion_head_small.safetensors")
    schedule = Schedule.of(CONFIG, 100)
    torch.testing.assert_close(CONFIG.alpha_bar(), golden["schedule.alphas_cumprod_1000"], rtol=1e-12, atol=0)
    assert list(schedule.timesteps[::-1]) == golden["schedule.timesteps_100"].tolist()
    actual = torch.tensor(schedule.alpha_bar[::-1], dtype=torch.float64)
    torch.testing.assert_close(actual, golden["schedule.alphas_cumprod_100"], rtol=1e-12, atol=0)


@pytest.mark.parametrize(
    ("sampler", "steps", "tolerance"),
    [
        ("ancestral", 500, 0.04),
        ("ddim", 100, 0.05),
        ("dpmpp", 20, 0.04),
        ("dpmpp", 8, 0.06),
    ],
)
def test_samplers_reach_a_normal_distribution(sampler: Sampler, steps: int, tolerance: float) -> None:
    schedule = schedule_of(CONFIG, sampler, steps)
    generator = torch.Generator().manual_seed(0)
    count = draws(schedule, sampler)
    noise = torch.randn(count, 4000, 1, 1, generator=generator)
    x0 = sample(gaussian_eps(schedule), schedule, noise, sampler)
    assert abs(float(x0.mean()) - MEAN) < tolerance
    assert abs(float(x0.std()) - STD) < tolerance


@pytest.mark.parametrize("sampler", ["ddim", "dpmpp"])
def test_more_steps_come_closer_to_the_flow(sampler: Sampler) -> None:
    """The flow takes a start x to MEAN + STD * (x - a MEAN) / sqrt(a^2 STD^2 + s^2)."""
    start = torch.linspace(-2, 2, 9).view(1, 9, 1, 1)
    last = float(CONFIG.alpha_bar()[-1])
    exact = MEAN + STD * (start[0] - last**0.5 * MEAN) / (last * STD**2 + 1 - last) ** 0.5
    errors = []
    for steps in (5, 10, 20, 50):
        schedule = schedule_of(CONFIG, sampler, steps)
        x0 = sample(gaussian_eps(schedule), schedule, start, sampler)
        errors.append(float((x0 - exact).abs().max()))
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < (0.1 if sampler == "ddim" else 0.01)


def test_one_step_gives_what_the_network_takes_for_clean() -> None:
    samplers: tuple[Sampler, ...] = ("ancestral", "ddim", "dpmpp")
    for sampler in samplers:
        schedule = schedule_of(CONFIG, sampler, 1)
        assert schedule.timesteps == (999,)
        start = torch.randn(1, 3, 1, 2)
        x0 = sample(lambda xt, _: torch.zeros_like(xt), schedule, start, sampler)
        torch.testing.assert_close(x0, start[0] / schedule.alpha_bar[0] ** 0.5)


@pytest.mark.parametrize("steps", [2, 5, 20, 50, 1000])
def test_schedules_go_from_the_noisiest_to_the_cleanest(steps: int) -> None:
    for schedule in (Schedule.of(CONFIG, steps), Schedule.of(CONFIG, steps, "log_snr")):
        assert schedule.timesteps[0] == 999
        assert schedule.timesteps[-1] == 0
        assert list(schedule.timesteps) == sorted(set(schedule.timesteps), reverse=True)
        assert len(schedule) <= steps
    assert len(Schedule.of(CONFIG, steps)) == steps


def test_noise_keeps_the_variance() -> None:
    x0, eps = torch.randn(4000, 1, 4), torch.randn(4000, 1, 4)
    xt = add_noise(x0, eps, CONFIG.alpha_bar().float(), torch.arange(4000) % 1000)
    assert abs(float(xt.var()) - 1) < 0.05


def test_a_latent_draws_its_own_noise_whatever_its_batch() -> None:
    def generators(*seeds: int) -> list[torch.Generator]:
        return [torch.Generator().manual_seed(seed) for seed in seeds]

    cpu = torch.device("cpu")
    together = draw_noise(5, 3, 8, generators(1, 2, 3), cpu, torch.float32)
    alone = draw_noise(5, 1, 8, generators(2), cpu, torch.float32)
    torch.testing.assert_close(together[:, 1:2], alone, rtol=0, atol=0)
    with pytest.raises(ConfigError, match="2 generators for 3 latents"):
        draw_noise(5, 3, 8, generators(1, 2), cpu, torch.float32)


def test_impossible_step_counts_are_named() -> None:
    with pytest.raises(ConfigError, match=r"1\.\.1000, got 0"):
        Schedule.of(CONFIG, 0)
    with pytest.raises(ConfigError, match=r"sample_steps must lie in 1\.\.50"):
        DiffusionConfig(train_steps=50)
