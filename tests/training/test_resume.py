"""A run that was killed goes on as if it had not been."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bimotion.errors import ConfigError
from bimotion.training.checkpoints import list_checkpoints
from bimotion.training.command import parse_stage, run_stage
from bimotion.training.logs import read_log

STEPS = 40


def arguments(data: Path, out: Path, *more: str) -> list[str]:
    return [
        *("vae", "--data", str(data), "--out", str(out), "--preset", "micro", "--steps", str(STEPS)),
        *("--batch-size", "8", "--log-every", "1", "--checkpoint-every", "5", "--validate-every", "8"),
        *("--ema-every", "2", "--warmup-steps", "3", "--no-tensorboard", "--dropout", "0.1"),
        *more,
    ]


Start = Callable[[list[str]], subprocess.Popen[bytes]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a run in a process of its own, which does not outlive the test."""
    begun: list[subprocess.Popen[bytes]] = []

    def run(arguments: list[str]) -> subprocess.Popen[bytes]:
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        begun.append(
            subprocess.Popen([sys.executable, "-m", "bimotion.training", *arguments], env=environment)
        )
        return begun[-1]

    yield run
    for process in begun:
        process.kill()
        process.wait()


def losses(out: Path) -> list[tuple[object, object, object]]:
    return [(event["step"], event["loss"], event["grad_norm"]) for event in read_log(out, "train")]


@pytest.mark.parametrize("optimiser", ["adamw", pytest.param("muon", marks=pytest.mark.slow)])
def test_after_kill_9_the_losses_are_those_of_an_uninterrupted_run(
    start: Start, data: Path, tmp_path: Path, optimiser: str
) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    more = ("--optimiser", optimiser)
    reference = start(arguments(data, whole, *more))
    victim = start(arguments(data, killed, *more))
    deadline = time.monotonic() + 180
    # Beyond the second checkpoint: what is lost and done again must come out the same.
    while not (killed / "checkpoints" / "step-00000010").exists() and victim.poll() is None:
        assert time.monotonic() < deadline, "no checkpoint after three minutes"
        time.sleep(0.002)
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    assert reference.wait() == 0
    at = int(list_checkpoints(killed / "checkpoints")[-1].name[5:])
    assert 10 <= at < STEPS  # else it was killed too late for the test to mean anything
    assert start(arguments(data, killed, *more, "--resume")).wait() == 0
    assert len(losses(whole)) == STEPS
    assert losses(killed) == losses(whole)
    assert read_log(killed, "validation") == read_log(whole, "validation")
    for name in ("vae.safetensors", "config.json"):
        assert (killed / "model" / name).read_bytes() == (whole / "model" / name).read_bytes()


def test_sigterm_keeps_the_last_step(start: Start, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    run = start(arguments(data, out, "--steps", "100000", "--checkpoint-every", "0", "--validate-every", "0"))
    deadline = time.monotonic() + 180
    while not ((out / "log.jsonl").exists() and read_log(out, "train")):
        assert time.monotonic() < deadline
        assert run.poll() is None
        time.sleep(0.02)
    run.send_signal(signal.SIGTERM)
    assert run.wait() == 128 + signal.SIGTERM
    (checkpoint,) = list_checkpoints(out / "checkpoints")
    assert int(checkpoint.name[5:]) == read_log(out, "train")[-1]["step"]


def test_a_run_is_not_overwritten_and_not_resumed_with_other_settings(data: Path, tmp_path: Path) -> None:
    def run(*more: str) -> None:
        call = arguments(data, tmp_path / "run", "--steps", "2", "--precision", "fp32", *more)
        run_stage(parse_stage("vae", call[1:], "train"))

    run()
    with pytest.raises(ConfigError, match="already contains a run"):
        run()
    with pytest.raises(ConfigError, match=r"optimiser\.lr was 0\.0004, now 0\.001"):
        run("--resume", "--lr", "1e-3")
    run("--resume", "--log-every", "2")  # touches nothing that is learned
