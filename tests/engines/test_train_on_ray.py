"""Training by Ray Train on the cluster of tests/engines/conftest.py."""

import time
from pathlib import Path
from threading import Thread

import pytest

from bimotion.cli.main import exit_code
from tests.engines.processes import kill_one
from tests.training.test_resume import STEPS, arguments, losses

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]


def test_one_process_of_ray_train_gives_the_losses_of_one_without(
    cluster: str, data: Path, tmp_path: Path
) -> None:
    pytest.importorskip("accelerate", reason="needs bimotion[train]")
    assert exit_code(["train", *arguments(data, tmp_path / "one")]) == 0
    assert exit_code(["train", *arguments(data, tmp_path / "ray"), "--engine", "ray"]) == 0
    assert len(losses(tmp_path / "ray")) == STEPS
    assert losses(tmp_path / "ray") == losses(tmp_path / "one")
    assert not (tmp_path / "ray" / "ray").exists()
    assert exit_code(["train", *arguments(data, tmp_path / "ray"), "--engine", "ray"]) == 2


def test_two_processes_go_on_after_one_was_killed(cluster: str, data: Path, tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    options = ("--engine", "ray", "--workers", "2")
    assert exit_code(["train", *arguments(data, whole), *options]) == 0

    def kill() -> None:
        while not (killed / "checkpoints" / "step-00000010").exists():
            time.sleep(0.002)
        kill_one("RayTrainWorker")

    killer = Thread(target=kill, daemon=True)
    killer.start()
    assert exit_code(["train", *arguments(data, killed), *options]) == 0
    killer.join()
    assert len(losses(whole)) == STEPS
    assert losses(killed) == losses(whole)


def test_several_processes_without_ray_are_refused(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(["train", *arguments(data, tmp_path / "out"), "--workers", "2"]) == 2
    assert "--workers: expected --engine ray" in capsys.readouterr().err
