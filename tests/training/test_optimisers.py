"""Learning rates, parameter groups and the optimisers' state."""

import math

import pytest
import torch
from torch import nn

from bimotion.errors import ConfigError
from bimotion.training.adamw16 import CHUNK, AdamW16
from bimotion.training.optimisers import LrScale, OptimiserConfig, Optimisers, lr_factor


def test_the_schedule_is_linear_then_half_a_cosine() -> None:
    def factor(step: int) -> float:
        return lr_factor(step, steps=111, warmup_steps=10, final_ratio=0.1)

    assert [factor(step) for step in range(10)] == pytest.approx([(step + 1) / 10 for step in range(10)])
    for step in range(10, 111):
        assert factor(step) == pytest.approx(0.1 + 0.45 * (1 + math.cos(math.pi * (step - 10) / 100)))
    assert factor(10) == 1
    assert factor(60) == pytest.approx(0.55)
    assert factor(110) == pytest.approx(0.1)
    assert factor(500) == pytest.approx(0.1)


def small() -> nn.Module:
    torch.manual_seed(0)
    return nn.ModuleDict(
        {
            "words": nn.Embedding(3, 4),
            "hidden": nn.Linear(4, 4),
            "norm": nn.LayerNorm(4),
            "head": nn.Linear(4, 2),
        }
    )


def step(module: nn.Module, optimisers: Optimisers) -> None:
    x = module["words"](torch.arange(3))  # type: ignore[index]
    module["head"](module["norm"](module["hidden"](x))).square().sum().backward()  # type: ignore[index]
    optimisers.step()
    optimisers.zero_grad()


def test_only_matrices_are_decayed_and_only_linear_ones_go_to_muon() -> None:
    module = small()
    optimisers = Optimisers(module, OptimiserConfig(optimiser="muon", weight_decay=0.5))
    adamw, muon = optimisers.parts
    matrices = {id(module["hidden"].weight), id(module["head"].weight)}  # type: ignore[index]
    assert {id(p) for group in muon.param_groups for p in group["params"]} == matrices
    assert {group["weight_decay"] for group in muon.param_groups} == {0.5}
    assert {group["weight_decay"] for group in adamw.param_groups} == {0.0}


def test_learning_rates_are_scaled_by_name() -> None:
    optimisers = Optimisers(
        small(), OptimiserConfig(lr=1e-2), [LrScale("head.", 2.0), LrScale("words.", 0.5)]
    )
    optimisers.set_lr(0.1)
    assert sorted({group["lr"] for group in optimisers.parts[0].param_groups}) == pytest.approx(
        [5e-4, 1e-3, 2e-3]
    )


def test_frozen_parameters_are_left_out_and_all_frozen_is_refused() -> None:
    module = small()
    module["hidden"].requires_grad_(False)  # type: ignore[index]
    members = [
        p
        for part in Optimisers(module, OptimiserConfig()).parts
        for g in part.param_groups
        for p in g["params"]
    ]
    assert len(members) == len(list(module.parameters())) - 2
    module.requires_grad_(False)
    with pytest.raises(ConfigError, match="nothing to train"):
        Optimisers(module, OptimiserConfig())


@pytest.mark.parametrize(("name", "moments"), [("adamw", "fp32"), ("adamw", "bf16"), ("muon", "fp32")])
def test_a_restored_optimiser_goes_on_bit_for_bit(name: str, moments: str) -> None:
    config = OptimiserConfig(optimiser=name, moments=moments, lr=1e-2)  # type: ignore[arg-type]
    module = small()
    optimisers = Optimisers(module, config)
    for _ in range(3):
        step(module, optimisers)
    copy = small()
    copy.load_state_dict(module.state_dict())
    restored = Optimisers(copy, config)
    tensors, values = optimisers.state()
    restored.restore({key: value.clone() for key, value in tensors.items()}, values)
    for _ in range(3):
        step(module, optimisers)
        step(copy, restored)
    for actual, reference in zip(module.parameters(), copy.parameters(), strict=True):
        assert torch.equal(actual, reference)


def test_moments_in_half_the_memory_are_right_on_average() -> None:
    torch.manual_seed(0)
    actual, exact = (nn.Parameter(torch.ones(CHUNK + 7)) for _ in range(2))
    half = AdamW16([actual], lr=1e-3, betas=(0.9, 0.999), weight_decay=0.1)
    whole = torch.optim.AdamW([exact], lr=1e-3, betas=(0.9, 0.999), weight_decay=0.1)
    for number in range(60):
        gradient = torch.randn(CHUNK + 7) + 0.5
        actual.grad, exact.grad = gradient, gradient.clone()
        half.step()
        whole.step()
        if number == 0:
            torch.testing.assert_close(actual, exact, rtol=1e-6, atol=1e-7)
    state, expected = half.state[actual], whole.state[exact]
    assert state["exp_avg"].dtype == state["exp_avg_sq"].dtype == torch.bfloat16
    for name in ("exp_avg", "exp_avg_sq"):
        off = state[name].float() / expected[name] - 1
        assert float(off.abs().median()) > 1e-3  # each number is off by its roundings, but their mean is not
        assert abs(float(state[name].float().mean() / expected[name].mean() - 1)) < 1e-4
    moved, target = 1 - actual.detach(), 1 - exact.detach()
    assert float((moved - target).norm() / target.norm()) < 0.01
