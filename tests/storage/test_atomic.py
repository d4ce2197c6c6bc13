import os
import stat
import threading
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from bimotion.storage.atomic import atomic_path


def write(path: Path, text: str) -> None:
    with atomic_path(path) as partial:
        partial.write_text(text)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def umask() -> object:
    old = os.umask(0o027)
    yield
    os.umask(old)


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "a.npy"
    with atomic_path(target) as partial:
        assert partial.parent == tmp_path
        assert partial.suffix == ".npy"
        partial.write_text("new")
        assert not target.exists()
    assert target.read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["a.npy"]


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "a.npy"
    target.write_text("old")

    def fail() -> None:
        with atomic_path(target) as partial:
            partial.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.npy"]


@pytest.mark.usefixtures("umask")
def test_a_new_file_has_the_mode_of_the_umask_and_an_old_one_keeps_its_own(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    write(target, "new")
    assert mode(target) == 0o640
    for kept in (0o600, 0o664, 0o755):
        target.chmod(kept)
        write(target, f"{kept}")
        assert mode(target) == kept


def test_a_private_file_is_at_no_moment_readable_by_others(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.touch(0o600)
    with atomic_path(target) as partial:
        assert mode(partial) & 0o077 == 0


@pytest.mark.usefixtures("umask")
def test_a_writer_that_replaces_the_partial_file_does_not_choose_the_mode(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    with atomic_path(path) as partial:
        save_file({"a": torch.zeros(2)}, partial)  # by a private file that it renames
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.usefixtures("umask")
def test_the_umask_of_the_process_never_changes(tmp_path: Path) -> None:
    stop, seen = threading.Event(), set()

    def watch() -> None:
        while not stop.is_set():
            path = tmp_path / "watched"
            path.unlink(missing_ok=True)
            path.touch(0o666)
            seen.add(mode(path))

    watcher = threading.Thread(target=watch)
    watcher.start()
    for _ in range(200):
        write(tmp_path / "a.txt", "x")
    stop.set()
    watcher.join()
    assert seen == {0o640}


def test_a_link_is_followed_and_stays(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    real = tmp_path / "elsewhere" / "real.txt"
    link, dangling = tmp_path / "link.txt", tmp_path / "dangling.txt"
    real.write_text("old")
    link.symlink_to(real)
    dangling.symlink_to(tmp_path / "elsewhere" / "later.txt")
    write(link, "new")
    write(dangling, "later")
    assert link.is_symlink()
    assert real.read_text() == "new"
    assert (tmp_path / "elsewhere" / "later.txt").read_text() == "later"
    assert sorted(path.name for path in (tmp_path / "elsewhere").iterdir()) == ["later.txt", "real.txt"]


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    os.mkfifo(tmp_path / "pipe")
    for path in (loop, tmp_path / "pipe", tmp_path, Path("/dev/null")):
        with pytest.raises(OSError, match=r"."):
            write(path, "x")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["loop", "pipe"]


def test_names_as_long_as_the_file_system_takes_can_be_written(tmp_path: Path) -> None:
    target = tmp_path / ("ü" * 125 + ".npz")
    write(target, "x")
    assert target.read_text() == "x"
