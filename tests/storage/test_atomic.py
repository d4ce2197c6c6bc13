import pytest

from bimotion.storage.atomic import atomic_path


def test_a_file_appears_when_it_is_whole(tmp_path) -> None:
    target = tmp_path / "a.npy"
    with atomic_path(target) as partial:
        assert partial.parent == tmp_path
        assert partial.suffix == ".npy"
        partial.write_text("new")
        assert not target.exists()
    assert target.read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["a.npy"]
    assert target.stat().st_mode & 0o600 == 0o600


def test_a_failure_leaves_what_was_there(tmp_path) -> None:
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
