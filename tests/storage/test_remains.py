"""Temporary folders of killed processes are removed, those of running ones stay."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from bimotion.storage.remains import is_running, temporary_folder


@pytest.fixture
def ended() -> int:
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.fixture(autouse=True)
def _own_temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def test_a_folder_is_empty_private_and_removed_at_the_end() -> None:
    with temporary_folder("test") as folder:
        assert list(folder.iterdir()) == []
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "file").write_text("x")
    assert not folder.exists()


def test_remains_of_ended_processes_are_removed_and_nothing_else(tmp_path: Path, ended: int) -> None:
    gone = tmp_path / f"bimotion-test-{ended}-abc"
    kept = [
        tmp_path / f"bimotion-test-{os.getpid()}-abc",  # of a running process
        tmp_path / f"bimotion-other-{ended}-abc",  # of another kind
        tmp_path / "bimotion-test-mine-abc",
    ]
    for folder in (gone, *kept):
        folder.mkdir()
        (folder / "file").write_text("x")
    link = tmp_path / f"bimotion-test-{ended}-link"
    link.symlink_to(kept[2])
    with temporary_folder("test"):
        assert not gone.exists()
        assert all((folder / "file").exists() for folder in kept)
        assert link.is_symlink()


def test_processes_that_run_or_belong_to_others_are_running(
    ended: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert is_running(os.getpid())
    assert not is_running(ended)
    assert not is_running(10**30)

    def refuse(pid: int, signal: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "kill", refuse)
    assert is_running(ended)
