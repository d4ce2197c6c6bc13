"""What the loop does whatever it trains."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from bimotion.training.accelerator import make_accelerator
from bimotion.training.checkpoints import list_checkpoints
from bimotion.training.ema import EmaConfig
from bimotion.training.logs import read_log
from bimotion.training.loop import TrainingDiverged, run_loop
from bimotion.training.loop_config import LoopConfig
from bimotion.training.optimisers import OptimiserConfig
from bimotion.training.task import Shard


@dataclass(frozen=True)
class ValueBatch:
    x: torch.Tensor

    def to(self, device: torch.device) -> "Numbers":
        return ValueBatch(self.x.to(device))


class Counting:
    """Batches that hold their own number."""

    def __init__(self) -> None:
        self.position = 0

    def next(self) -> ValueBatch:
        self.position += 1
        return ValueBatch(torch.full((4, 1), float(self.position)))

    def state(self) -> dict[str, Any]:
        return {"place": self.position}

    def restore(self, state: dict[str, Any]) -> None:
        self.position = state["place"]


class Line(nn.Module):
    def __init__(self, bad_step: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1, 1))
        self.bad_step = bad_step

    def forward(self, batch: ValueBatch, noise: torch.Generator) -> dict[str, torch.Tensor]:
        step = int(batch.x[0, 0])
        loss = (self.weight - 1).square().sum() + 0 * torch.randn(1, generator=noise).sum()
        return {"loss": loss * (math.nan if step == self.bad_step else 1)}


class LineTask:
    def __init__(self, bad_step: int = 0) -> None:
        self.module = Line(bad_step)
        self.validated: list[float] = []

    def batches(self, batch_size: int, seed: int, shard: Shard) -> Counting:
        return Counting()

    def validate(self) -> dict[str, float]:
        assert not self.module.training
        self.validated.append(float(self.module.weight))
        torch.rand(5)  # what validation draws must not change training
        return {"weight": float(self.module.weight)}

    def sample(self, folder: Path) -> None:
        folder.mkdir(parents=True)

    def export(self, folder: Path, step: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "step").write_text(str(step))


def run(task: LineTask, out: Path, *, resume: bool = False, ema_decay: float = 0.5, **options: Any) -> Any:
    loop = LoopConfig(precision="fp32", device="cpu", tensorboard=False, log_every=1, **options)
    optimiser = OptimiserConfig(lr=0.1, warmup_steps=0)
    return run_loop(task, out, loop, optimiser, EmaConfig(ema_decay, 1), name="line", resume=resume)


def test_a_loss_that_is_not_a_number_stops_the_run_and_keeps_the_last_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(TrainingDiverged, match=r"loss and grad_norm became nan at step 6 .*step-00000006"):
        run(
            LineTask(bad_step=7),
            tmp_path,
            steps=20,
            checkpoint_every=2,
            checkpoint_minutes=0.0,
            keep=1,
            validate_every=0,
        )
    (checkpoint,) = list_checkpoints(tmp_path / "checkpoints")
    assert checkpoint.name == "step-00000006"


def test_the_averaged_weights_are_validated_and_training_goes_on_with_its_own(tmp_path: Path) -> None:
    task = LineTask()
    result = run(task, tmp_path, steps=6, validate_every=3, ema_decay=0.9)
    assert len(task.validated) == 2
    assert 0 < task.validated[-1] < float(task.module.weight.detach())
    assert result.finished
    assert result.validation == {"weight": task.validated[-1]}
    assert (tmp_path / "model" / "step").read_text() == "6"
    assert (tmp_path / "samples" / "step-00000006").is_dir()


def test_validation_does_not_touch_the_random_numbers_of_training(tmp_path: Path) -> None:
    run(LineTask(), tmp_path / "often", steps=4, validate_every=1)
    often = torch.rand(1)
    run(LineTask(), tmp_path / "once", steps=4, validate_every=0)
    assert torch.equal(torch.rand(1), often)


def test_a_time_limit_stops_with_a_checkpoint_and_the_run_goes_on(tmp_path: Path) -> None:
    stopped = run(LineTask(), tmp_path, steps=5, max_minutes=1e-9)
    assert (stopped.step, stopped.finished, stopped.stopped_by) == (1, False, "time")
    done = run(LineTask(), tmp_path, steps=5, resume=True)
    assert done.finished
    whole = tmp_path / "whole"
    run(LineTask(), whole, steps=5)
    assert [e["loss"] for e in read_log(tmp_path, "train")] == [e["loss"] for e in read_log(whole, "train")]


def test_a_finished_run_is_not_trained_further(tmp_path: Path) -> None:
    run(LineTask(), tmp_path, steps=3)
    again = run(LineTask(), tmp_path, steps=3, resume=True)
    assert again.finished
    assert [event["step"] for event in read_log(tmp_path, "train")] == [1, 2, 3]


def test_runs_in_one_process_may_differ_in_precision() -> None:
    for precision in ("fp32", "bf16", "fp32"):
        accelerator = make_accelerator(LoopConfig(device="cpu", precision=precision))
        assert accelerator.mixed_precision == ("bf16" if precision == "bf16" else "no")
