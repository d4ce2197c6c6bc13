"""The weights' average."""

import torch
from torch import nn

from bimotion.training.ema import Ema, EmaConfig


def decay_of(step: int, config: EmaConfig) -> float:
    return min(config.ema_decay, (1 + step) / (10 + step)) ** config.ema_every


def test_the_average_is_the_weighted_sum_of_the_closed_form() -> None:
    layer = nn.Linear(1, 1, bias=False)
    config = EmaConfig(ema_decay=0.9, ema_every=2)
    with torch.no_grad():
        layer.weight.fill_(1.0)
    ema = Ema(layer, config)
    values = [1.0] + [float(step**2) for step in range(1, 9)]
    for step in range(1, 9):
        with torch.no_grad():
            layer.weight.fill_(values[step])
        ema.update(step)
    expected, weight = 0.0, 1.0
    for step in (8, 6, 4, 2):  # updates, newest first: each counts by what later ones left of it
        expected += weight * (1 - decay_of(step, config)) * values[step]
        weight *= decay_of(step, config)
    expected += weight * values[0]
    torch.testing.assert_close(float(ema.average[0]), expected)


def test_the_average_is_applied_and_taken_back_also_after_an_error() -> None:
    layer = nn.Linear(2, 2)
    ema = Ema(layer, EmaConfig(ema_every=1))
    average = layer.weight.detach().clone()
    with torch.no_grad():
        layer.weight.add_(1.0)
    own = layer.weight.detach().clone()
    try:
        with ema.applied():
            torch.testing.assert_close(layer.weight.detach(), average, rtol=0, atol=0)
            raise KeyError
    except KeyError:
        pass
    torch.testing.assert_close(layer.weight.detach(), own, rtol=0, atol=0)


def test_frozen_parameters_have_no_average() -> None:
    module = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    module[0].requires_grad_(False)
    assert set(Ema(module, EmaConfig()).state()) == {"1.weight", "1.bias"}
