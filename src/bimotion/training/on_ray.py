"""Training on a Ray cluster: Ray Train starts the processes of the loop, and starts them again where one ends.

The loop is the same as everywhere (`training.loop`): accelerate finds the processes that Ray Train has connected. The
run folder has the checkpoints, so it is on a file system that all machines share.
"""

import json
import os
import shutil
import uuid
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from bimotion.engines.on_ray import Surroundings, connect
from bimotion.errors import BimotionError, ConfigError, DataError
from bimotion.storage.atomic import atomic_path
from bimotion.storage.json_files import read_json_object
from bimotion.training.checkpoints import list_checkpoints
from bimotion.training.command import StageConfig, run_stage
from bimotion.training.loop import LoopResult
from bimotion.training.process import set_process_defaults

MAX_FAILURES = 3
"""How often the processes are started again after one has ended."""

FOLDER = "ray"
"""Folder in a run's folder that Ray Train needs while it works."""


@dataclass(frozen=True)
class _Run:
    """What each process is sent."""

    config: StageConfig
    surroundings: Surroundings
    outcome: Path


def run_stage_on_ray(config: StageConfig, workers: int | None = None) -> LoopResult:
    """Run the training that the settings describe on `workers` processes of a Ray cluster, by default one.

    Where a process ends, all are started again and go on at the newest checkpoint, to the same result.

    Raises:
        ConfigError: Ray is not installed, there is no cluster, or a setting that does not fit.
        DataError: processes ended too often.
        BimotionError: what the training raises.
    """
    connect(workers)
    import ray.train
    from ray.train.torch import TorchTrainer

    saved = list_checkpoints(config.out / "checkpoints")
    if saved and not config.resume:
        raise ConfigError(
            f"{config.out}: already contains a run ({saved[-1].name}); use --resume or another folder"
        )
    storage = config.out.absolute() / FOLDER
    storage.mkdir(parents=True, exist_ok=True)
    run = _Run(_resuming(config), Surroundings(), storage / "outcome.json")
    trainer = TorchTrainer(
        _train,
        train_loop_config={"run": run},
        scaling_config=ray.train.ScalingConfig(num_workers=workers or 1, use_gpu=_uses_gpu(config)),
        run_config=ray.train.RunConfig(
            name=uuid.uuid4().hex,
            storage_path=str(storage),
            failure_config=ray.train.FailureConfig(max_failures=MAX_FAILURES),
        ),
    )
    try:
        trainer.fit()
        outcome = read_json_object(run.outcome)
    except ray.train.TrainingFailedError as error:
        raise DataError(
            f"{config.out}: training processes ended more than {MAX_FAILURES} times; the last checkpoint is complete: "
            f"run the same command with --resume ({str(error).splitlines()[0]})"
        ) from error
    finally:
        shutil.rmtree(storage, ignore_errors=True)
    if "failure" in outcome:
        raise BimotionError(outcome["failure"])
    return LoopResult(**outcome)


def _train(sent: dict[str, Any]) -> None:
    """The training of one process; the first one writes down how it ended."""
    run: _Run = sent["run"]
    try:
        run.surroundings.enter()
        set_process_defaults()
        outcome = asdict(run_stage(run.config))
    except BimotionError as error:  # the same in every process, and no reason to try again
        outcome = {"failure": str(error)}
    if os.environ["RANK"] == "0":
        with atomic_path(run.outcome) as path:
            path.write_text(json.dumps(outcome), encoding="utf-8")


def _resuming(config: StageConfig) -> StageConfig:
    """The settings for processes that may be started again: they go on where there is a checkpoint."""
    return replace(config, resume=True, out=Path(config.out).absolute())


def _uses_gpu(config: StageConfig) -> bool:
    """Whether each process needs a GPU: said in the settings, or there are some in the cluster."""
    import ray

    if config.loop.device == "auto":
        return bool(ray.cluster_resources().get("GPU", 0)) or torch.cuda.is_available()
    return config.loop.device == "cuda"
