"""A library finds recordings, and its index follows the folder."""

import os
from pathlib import Path

import numpy as np
import pytest

import bimotion
from bimotion.errors import ConfigError, DataError
from bimotion.motion.clip import Clip
from bimotion.search import library as module
from bimotion.search.library import INDEX_FILE, Library, as_sentence, windows


@pytest.fixture
def takes(tmp_path: Path, walk: Clip) -> Path:
    """A walk, one backwards, one that shakes, and a file that holds nothing."""
    folder = tmp_path / "takes"
    (folder / "deep").mkdir(parents=True)
    bimotion.save_clip(walk, folder / "walk.npz")
    bimotion.save_clip(Clip(walk.joints[::-1].copy(), walk.fps), folder / "deep" / "back.npz")
    shaken = walk.joints + np.random.default_rng(0).normal(0, 0.05, walk.joints.shape).astype(np.float32)
    bimotion.save_clip(Clip(shaken, walk.fps), folder / "shaken.npy")
    (folder / "broken.bvh").write_text("HIERARCHY\n")
    return folder


def counted(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Files that are read from now on."""
    read: list[Path] = []
    real = module.read_any

    def reading(path: Path) -> Clip:
        read.append(path)
        return real(path)

    monkeypatch.setattr(module, "read_any", reading)
    return read


def test_an_example_finds_itself_first(takes: Path, judge: Path, walk: Clip) -> None:
    library = Library(takes, evaluator=judge)
    assert len(library) == 3
    assert [path.name for path in library.failures] == ["broken.bvh"]
    hits = library.search(walk)
    assert hits[0].path == takes / "walk.npz"
    assert hits[0].score == pytest.approx(1, abs=1e-3)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert (hits[0].start, hits[0].stop) == (0, 40 / 20)
    np.testing.assert_allclose(hits[0].clip().joints, walk.joints[:40], atol=1e-3)
    assert len(library.search("a person walks ahead", count=2)) == 2
    with pytest.raises(ConfigError, match="the text is empty"):
        library.search(" ")


def test_only_what_changed_is_read_again(
    takes: Path, judge: Path, walk: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = Library(takes, evaluator=judge).search("a person waves")
    read = counted(monkeypatch)
    again = Library(takes, evaluator=judge)
    assert read == []
    assert again.search("a person waves") == before
    assert [path.name for path in again.failures] == ["broken.bvh"]
    bimotion.save_clip(walk.mirror(), takes / "shaken.npy")
    os.utime(takes / "shaken.npy", ns=(1, 1))
    (takes / "walk.npz").unlink()
    assert again.refresh() == 1
    assert read == [takes / "shaken.npy"]
    assert len(again) == 2
    assert {hit.path.name for hit in again.search(walk)} == {"back.npz", "shaken.npy"}


def test_an_index_of_another_evaluator_or_a_broken_one_is_made_anew(
    takes: Path, judge: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Library(takes, evaluator=judge)
    read = counted(monkeypatch)
    (takes / INDEX_FILE).write_bytes(b"PK\x03\x04 not an index")
    Library(takes, evaluator=judge)
    assert len(read) == 4
    monkeypatch.setattr(module, "file_fingerprint", lambda path: "another")
    Library(takes, evaluator=judge)
    assert len(read) == 8


def test_the_index_can_stand_elsewhere(takes: Path, judge: Path, tmp_path: Path) -> None:
    Library(takes, evaluator=judge, index=tmp_path / "index.npz")
    assert (tmp_path / "index.npz").is_file()
    assert not (takes / INDEX_FILE).exists()
    with pytest.raises(DataError, match=r"cannot be written .*name another place"):
        Library(takes, evaluator=judge, index=tmp_path / "no" / "index.npz")
    with pytest.raises(DataError, match="expected a folder of recordings"):
        Library(tmp_path / "none", evaluator=judge)


def test_an_empty_folder_has_no_hits(tmp_path: Path, judge: Path) -> None:
    library = bimotion.Library(tmp_path, evaluator=judge)
    assert len(library) == 0
    assert library.search("a person waves") == []


def test_words_are_looked_for_as_sentences() -> None:
    assert as_sentence("waves ") == "a person waves"
    assert as_sentence("karate kick") == "a person karate kick"
    assert as_sentence("somebody waves twice") == "somebody waves twice"
    assert as_sentence(" ") == " "


def test_long_recordings_are_searched_in_pieces() -> None:
    assert windows(100) == ((0, 100),)
    assert windows(130) == ((0, 120), (10, 130))
    pieces = windows(1000)
    assert all(b - a == 120 for a, b in pieces)
    assert (pieces[0][0], pieces[-1][1]) == (0, 1000)
    assert all(later - earlier <= 60 for (earlier, _), (later, _) in zip(pieces, pieces[1:], strict=False))
