"""What `bimotion train` does around a run."""

import errno
from pathlib import Path
from typing import NoReturn

import pytest
from safetensors import SafetensorError

from bimotion.errors import DataError
from bimotion.storage.locks import LockedError, locked_folder
from bimotion.training import command
from bimotion.training.configs import VaeTrainConfig


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"),
    ],
)
def test_a_full_disk_is_one_line(tmp_path: Path, error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(config: VaeTrainConfig) -> NoReturn:
        raise error

    monkeypatch.setattr(command, "train_vae", full)
    with pytest.raises(DataError, match="no space left on the disk; the last checkpoint is complete"):
        command.run_stage(VaeTrainConfig(data=tmp_path, out=tmp_path / "run"))


def test_two_runs_in_one_folder_are_refused(tmp_path: Path) -> None:
    config = VaeTrainConfig(data=tmp_path, out=tmp_path / "run")
    with locked_folder(config.out), pytest.raises(LockedError, match="another bimotion process"):
        command.run_stage(config)


def test_a_run_that_cannot_start_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected a prepared data set"):
        command.run_stage(VaeTrainConfig(data=tmp_path / "nowhere", out=tmp_path / "run"))
    assert not (tmp_path / "run").exists()
