"""The training loop of all stages.

A stage provides a `Task`: a module whose forward pass is the loss, batches, validation and export. The loop does the
rest: devices and processes (accelerate), mixed precision, schedule, clipping, averaged weights, logs, checkpoints, and
resuming.
"""

import logging
import math
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Generic

import torch
from torch import Tensor, nn

from bimotion.errors import BimotionError, ConfigError
from bimotion.training.accelerator import make_accelerator
from bimotion.training.checkpoints import (
    Checkpoint,
    check_saved,
    list_checkpoints,
    load_checkpoint,
    loop_state,
    naming_damage,
    random_state,
    remove_unfinished,
    restore_random_state,
    save_checkpoint,
)
from bimotion.training.ema import Ema, EmaConfig
from bimotion.training.logs import RunLog, StepProgress
from bimotion.training.loop_config import LoopConfig
from bimotion.training.optimisers import LrScale, OptimiserConfig, Optimisers, lr_factor
from bimotion.training.task import AnyBatch, Shard, Task

logger = logging.getLogger(__name__)


class TrainingDiverged(BimotionError):
    """The loss or its gradient is no longer a finite number."""


@dataclass(frozen=True)
class LoopResult:
    """Result of a run."""

    step: int
    """Steps done."""
    finished: bool
    """Whether all steps are done."""
    stopped_by: str
    """`end`, `time`, or the name of a signal."""
    validation: dict[str, float]
    """Results of the last validation; empty if there was none."""


def run_loop(
    task: Task[AnyBatch],
    folder: Path,
    loop: LoopConfig,
    optimiser: OptimiserConfig,
    ema: EmaConfig,
    *,
    name: str,
    resume: bool = False,
    lr_scales: tuple[LrScale, ...] = (),
) -> LoopResult:
    """Train until the last step, a signal (SIGTERM, SIGINT) or the time limit; the last state is kept.

    With `resume` the run continues from its newest checkpoint, or starts if there is none; its losses are bit for bit
    those of a run that was never stopped.

    Raises:
        ConfigError: the folder holds checkpoints and `resume` is False.
        TrainingDiverged: a loss or gradient is not finite; the last checkpoint stays as it is.
    """
    return _Run(task, folder, loop, optimiser, ema, name=name, resume=resume, lr_scales=lr_scales).run()


class _Run(Generic[AnyBatch]):
    """The state of one call of `run_loop`."""

    def __init__(
        self,
        task: Task[AnyBatch],
        folder: Path,
        loop: LoopConfig,
        optimiser: OptimiserConfig,
        ema: EmaConfig,
        *,
        name: str,
        resume: bool,
        lr_scales: tuple[LrScale, ...],
    ) -> None:
        self.task, self.folder, self.loop, self.name = task, folder, loop, name
        self.checkpoints = folder / "checkpoints"
        saved = list_checkpoints(self.checkpoints)
        if saved and not resume:
            raise ConfigError(
                f"{folder}: already contains a run ({saved[-1].name}); use --resume or another folder"
            )
        self.accelerator = make_accelerator(loop)
        self.device = self.accelerator.device
        self.shard = Shard(self.accelerator.process_index, self.accelerator.num_processes)
        self.main = self.accelerator.is_main_process
        torch.manual_seed(loop.seed * 1000 + self.shard.rank)
        self.module = task.module.to(self.device)
        if loop.compile:
            self.module.compile(dynamic=True)
        self.optimisers = Optimisers(self.module, optimiser, lr_scales)
        self.ema = Ema(self.module, ema)
        self.batches = task.batches(loop.batch_size, loop.seed, self.shard)
        self.step = 0
        if saved:
            with naming_damage(saved[-1]):
                self._restore(load_checkpoint(saved[-1]))
        self.log: RunLog | None = None
        self.validation: dict[str, float] = {}

    def run(self) -> LoopResult:
        """Run until the end, a signal or the time limit."""
        loop = self.loop
        if self.main:
            self.folder.mkdir(parents=True, exist_ok=True)
            remove_unfinished(self.checkpoints)
            self.log = RunLog(self.folder, step=self.step, tensorboard=loop.tensorboard)
        trained: nn.Module = self.accelerator.prepare_model(self.module)
        show = loop.progress and self.main
        try:
            with (
                _signals() as got,
                StepProgress(self.name, step=self.step, steps=loop.steps, show=show) as bar,
            ):
                stopped_by = self._steps(trained, bar, got)
            self.accelerator.wait_for_everyone()
        finally:
            if self.log is not None:
                self.log.close()
        return LoopResult(self.step, self.step >= loop.steps, stopped_by, self.validation)

    def _steps(self, trained: nn.Module, bar: StepProgress, got: list[str]) -> str:
        loop = self.loop
        noise = torch.Generator()
        begin = kept = logged = time.monotonic()
        sums: dict[str, float] = {}
        counted = 0
        while self.step < loop.steps:
            self.module.train()
            noise.manual_seed(loop.seed * 1_000_003 + self.step)
            values = self._step(trained, noise)
            for key, value in values.items():
                sums[key] = sums.get(key, 0.0) + value
            counted += 1
            self.step += 1
            now = time.monotonic()
            if self.step % loop.log_every == 0 or self.step == loop.steps:
                means = {key: value / counted for key, value in sums.items()}
                self._write("train", means | {"steps_per_second": round(counted / (now - logged), 3)})
                bar.update(self.step, means)
                sums, counted, logged = {}, 0, now
            requests = self._agree(
                signal=bool(got),
                late=0 < loop.max_minutes * 60 < now - begin,
                keep=0 < loop.checkpoint_minutes * 60 < now - kept,
            )
            last = self.step == loop.steps
            stop = requests["signal"] or requests["late"]
            if last or (loop.validate_every and self.step % loop.validate_every == 0):
                self._look_up(sample=last or bool(loop.sample_every and self.step % loop.sample_every == 0))
                logged = time.monotonic() if counted == 0 else logged
            if (
                last
                or stop
                or requests["keep"]
                or (loop.checkpoint_every and self.step % loop.checkpoint_every == 0)
            ):
                self._save()
                kept = time.monotonic()
            if stop and not last:
                return (got[0] if got else "signal") if requests["signal"] else "time"
        return "end"

    def _step(self, trained: nn.Module, noise: torch.Generator) -> dict[str, float]:
        """One optimiser step; losses, gradient norm and learning rate as floats."""
        config = self.optimisers.config
        factor = lr_factor(self.step, self.loop.steps, config.warmup_steps, config.final_lr_ratio)
        self.optimisers.set_lr(factor)
        losses: dict[str, Tensor] = trained(self.batches.next().to(self.device), noise)
        self.accelerator.backward(losses["loss"])
        limit = config.clip_norm or math.inf
        norm = nn.utils.clip_grad_norm_([p for p in self.module.parameters() if p.grad is not None], limit)
        stacked = torch.stack([value.detach().float() for value in (*losses.values(), norm)])
        if self.shard.world > 1:
            stacked = self.accelerator.reduce(stacked, "mean")
        values = dict(zip((*losses, "grad_norm"), stacked.tolist(), strict=True))
        not_finite = [key for key in ("loss", "grad_norm") if not math.isfinite(values[key])]
        if not_finite:
            saved = list_checkpoints(self.checkpoints)
            where = f"the last checkpoint is {saved[-1]}" if saved else "there is no checkpoint yet"
            raise TrainingDiverged(
                f"{self.folder}: {' and '.join(not_finite)} became {values[not_finite[0]]} at step {self.step} "
                f"({where}); continue from there with a lower learning rate (--init-from) or stronger clipping"
            )
        self.optimisers.step()
        self.optimisers.zero_grad()
        self.ema.update(self.step + 1)
        return values | {"lr": config.lr * factor}

    def _look_up(self, *, sample: bool) -> None:
        """Validate the averaged weights, save them as the model, and write samples."""
        if self.main:
            self.module.eval()
            before = torch.get_rng_state()
            with self.ema.applied(), torch.no_grad():
                self.validation = self.task.validate()
                self._write("validation", self.validation)
                self.task.export(self.folder / "model", self.step)
                if sample:
                    self.task.sample(self.folder / "samples" / f"step-{self.step:08d}")
            torch.set_rng_state(before)
            shown = "  ".join(
                f"{key} {value:.4g}" for key, value in self.validation.items() if "/" not in key
            )
            logger.info("%s step %d: %s", self.name, self.step, shown)
        self.accelerator.wait_for_everyone()

    def _write(self, kind: str, values: dict[str, float]) -> None:
        if self.log is not None:
            self.log.write(self.step, kind, values)

    def _agree(self, **flags_by_name: bool) -> dict[str, bool]:
        """Flags that are set in any process, equal in all of them; clocks and signals of processes differ."""
        if self.shard.world == 1:
            return flags_by_name
        flags = torch.tensor([float(flag) for flag in flags_by_name.values()], device=self.device)
        summed = self.accelerator.reduce(flags, "sum").tolist()
        return {name: flag > 0 for name, flag in zip(flags_by_name, summed, strict=True)}

    def _save(self) -> None:
        from accelerate.utils import gather_object

        random_tensors, other_states = random_state(self.device)
        everyone = gather_object([(self.shard.rank, random_tensors, other_states)])
        if self.main:
            tensors, scalars = self.optimisers.state()
            weights = dict(self.module.named_parameters()) | dict(self.module.named_buffers())
            files = {"model": weights, "ema": self.ema.state(), "optimiser": tensors}
            files |= {f"random-{rank}": states for rank, states, _ in everyone}
            state = {
                "optimiser": scalars,
                "random": {str(rank): states for rank, _, states in everyone},
                "batches": self.batches.state(),
                "world": self.shard.world,
            }
            save_checkpoint(self.checkpoints, Checkpoint(self.step, files, state), keep=self.loop.keep)
        self.accelerator.wait_for_everyone()

    @torch.no_grad()
    def _restore(self, checkpoint: Checkpoint) -> None:
        state = loop_state(checkpoint)
        if state.world != self.shard.world:
            raise ConfigError(
                f"{self.folder}: the run used {state.world} processes, now there are "
                f"{self.shard.world}; start as many, or a new run with --init-from"
            )
        rank, saved = self.shard.rank, checkpoint.tensors
        weights = dict(self.module.named_parameters()) | dict(self.module.named_buffers())
        check_saved(weights, saved["model"], "model.safetensors")
        check_saved(self.ema.state(), saved["ema"], "ema.safetensors")
        for name, value in weights.items():
            value.copy_(saved["model"][name])
        self.ema.restore(saved["ema"])
        self.optimisers.restore(saved["optimiser"], state.optimiser)
        self.batches.restore(state.batches)
        restore_random_state(saved[f"random-{rank}"], state.random[str(rank)], self.device)
        self.step = checkpoint.step


@contextmanager
def _signals() -> Iterator[list[str]]:
    """Records the first SIGTERM or SIGINT instead of ending the process; a second one acts as usual."""
    got: list[str] = []
    before: dict[int, Any] = {}

    def note(number: int, frame: FrameType | None) -> None:
        got.append(signal.Signals(number).name)
        signal.signal(number, before[number])

    try:
        for name in (signal.SIGTERM, signal.SIGINT):
            before[int(name)] = signal.signal(name, note)
    except ValueError:  # only the main thread can install signal handlers
        pass
    try:
        yield got
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
