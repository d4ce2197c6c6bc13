"""Where a run computes, and in which number format."""

from typing import Literal

import pytest
import torch

from bimotion.errors import ConfigError
from bimotion.training import accelerator
from bimotion.training.accelerator import make_accelerator
from bimotion.training.loop_config import LoopConfig


@pytest.mark.parametrize(
    ("precision", "fast", "mixed"),
    [("fp32", True, "no"), ("bf16", False, "bf16"), ("auto", True, "bf16"), ("auto", False, "no")],
)
def test_the_number_format_is_the_asked_one_or_the_faster_one(
    precision: Literal["auto", "fp32", "bf16"], fast: bool, mixed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accelerator, "multiplies_bf16", lambda: fast)
    accelerated = make_accelerator(LoopConfig(device="cpu", precision=precision))
    assert accelerated.mixed_precision == mixed
    assert accelerated.device.type == "cpu"


def test_devices_that_are_not_there_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="device must be auto, cpu or cuda"):
        make_accelerator(LoopConfig(device="tpu"))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match="finds no CUDA device"):
        make_accelerator(LoopConfig(device="cuda"))
