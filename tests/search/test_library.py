"""A library finds recordings, and its index follows the folder."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

import bimotion
from bimotion.errors import ConfigError, DataError
from bimotion.evaluators.calibration import Calibration, count_stems, save_calibration
from bimotion.motion.clip import Clip
from bimotion.search import indexing
from bimotion.search import library as module
from bimotion.search.filters import Filters
from bimotion.search.index import INDEX_FILE, windows
from bimotion.search.library import Library, as_sentence


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


@pytest.fixture
def calibrated(judge: Path, tmp_path: Path) -> Path:
    """The evaluator with a calibration: a cosine of 0 is a probability of 0.88, "swim" is unknown."""
    folder = tmp_path / "calibrated"
    shutil.copytree(judge, folder)
    number, words = count_stems(["a person walks ahead and waves."] * 20 + ["other words."])
    save_calibration(Calibration(1.0, 2.0, number, words), folder)
    return folder


def counted(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Files that are read from now on."""
    read: list[Path] = []
    real = indexing.read_any

    def reading(path: Path) -> Clip:
        read.append(path)
        return real(path)

    monkeypatch.setattr(indexing, "read_any", reading)
    return read


def test_an_example_finds_itself_first(takes: Path, judge: Path, walk: Clip) -> None:
    library = Library(takes, evaluator=judge)
    assert len(library) == 3
    assert [path.name for path in library.failures] == ["broken.bvh"]
    hits = library.search(walk)
    assert hits[0].path == takes / "walk.npz"
    assert hits[0].score == hits[0].cosine == pytest.approx(1, abs=1e-3)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert (hits[0].start, hits[0].stop) == (0, 40 / 20)
    np.testing.assert_allclose(hits[0].clip().joints, walk.joints[:40], atol=1e-3)
    assert len(library.search("a person walks ahead", count=2)) == 2
    assert library.search(walk, min_score=0.999)[0].path.name == "walk.npz"
    assert len(library.search(walk, min_score=0.999)) < 3
    with pytest.raises(ConfigError, match="the text is empty"):
        library.search(" ")
    with pytest.raises(ConfigError, match="count: expected 1 or more"):
        library.search("a person walks", 0)


def test_scores_of_sentences_are_probabilities_and_nothing_may_be_found(
    takes: Path, calibrated: Path, judge: Path, walk: Clip
) -> None:
    library = Library(takes, evaluator=calibrated)
    plain = Library(takes, evaluator=judge).search("a person walks")
    assert (library.calibrated, Library(takes, evaluator=judge).calibrated) == (True, False)
    hits = library.search("a person walks")
    assert [hit.path for hit in hits] == [hit.path for hit in plain]
    for hit, cosine in zip(hits, plain, strict=True):
        assert hit.cosine == cosine.score
        assert hit.score == pytest.approx(1 / (1 + np.exp(-(hit.cosine + 2))), abs=1e-3)
    assert library.search("a person swims") == []
    (nearest,) = library.search("a person swims", 1, min_score=0)
    assert nearest.score < 0.1
    assert library.search("a person walks", min_score=0.999) == []
    assert library.search(walk)[0].score == pytest.approx(1, abs=1e-3)  # examples have cosines


def test_filters_are_by_measurement(takes: Path, judge: Path, walk: Clip) -> None:
    standing = Clip(np.repeat(walk.joints[:1], 100, axis=0), walk.fps)
    bimotion.save_clip(standing, takes / "standing.npz")
    raised = standing.joints.copy()
    raised[:, [18, 20], 1] += np.linspace(0, 0.9, 100)[:, None].astype(np.float32)
    bimotion.save_clip(Clip(raised, walk.fps), takes / "left.npz")
    bimotion.save_clip(Clip(raised, walk.fps).mirror(), takes / "right.npz")
    library = Library(takes, evaluator=judge)

    def names(query: str, **conditions: object) -> set[str]:
        return {hit.path.stem for hit in library.search(query, filters=Filters(**conditions))}  # type: ignore[arg-type]

    everything = {"walk", "back", "shaken", "standing", "left", "right"}
    assert names("a person walks") == everything
    assert names("a person walks", min_speed=0.5) == {"walk", "back", "shaken"}
    assert names("a person walks", max_speed=0.5) == {"standing", "left", "right"}
    assert names("a person walks", min_seconds=4) == {"standing", "left", "right"}
    assert names("a person walks", max_seconds=4) == {"walk", "back", "shaken"}
    assert "left" in names("a person raises a hand", side="left")
    assert "right" not in names("a person raises a hand", side="left")
    assert names("a person raises a hand", side="left", min_speed=5) == set()
    for conditions, message in (
        ({"min_speed": -1.0}, "expected 0 or more"),
        ({"min_seconds": float("nan")}, "expected 0 or more"),
        ({"min_seconds": 3, "max_seconds": 2}, "is above max_seconds"),
    ):
        with pytest.raises(ConfigError, match=message):
            Filters(**conditions)  # type: ignore[arg-type]


def test_only_what_changed_is_read_again(
    takes: Path, judge: Path, walk: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = Library(takes, evaluator=judge).search("a person waves")
    read = counted(monkeypatch)
    again = Library(takes, evaluator=judge)
    assert read == []
    assert again.search("a person waves") == before
    assert [path.name for path in again.failures] == ["broken.bvh"]
    (takes / "walk.npz").unlink()
    assert again.refresh() == 0
    assert len(again) == 2
    assert {hit.path.name for hit in again.search(walk)} == {"back.npz", "shaken.npy"}


def test_content_decides_not_names_sizes_or_times(
    takes: Path, judge: Path, walk: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = Library(takes, evaluator=judge)
    read = counted(monkeypatch)
    (takes / "walk.npz").rename(takes / "deep" / "moved.npz")
    os.utime(takes / "shaken.npy", ns=(1, 1))
    assert library.refresh() == 0
    assert read == []
    assert {hit.path.name for hit in library.search(walk)} == {"moved.npz", "back.npz", "shaken.npy"}
    # another content of the same size, with the time of modification set back
    old = (takes / "shaken.npy").stat()
    other = np.load(takes / "shaken.npy")
    np.save(takes / "shaken.npy", other[::-1])
    os.utime(takes / "shaken.npy", ns=(old.st_atime_ns, old.st_mtime_ns))
    assert (takes / "shaken.npy").stat().st_size == old.st_size
    assert library.refresh() == 1
    assert read == [takes / "shaken.npy"]


def test_an_index_of_another_evaluator_or_a_broken_one_is_rebuilt(
    takes: Path, judge: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Library(takes, evaluator=judge)
    read = counted(monkeypatch)
    deep = "[" * 100_000
    with (takes / INDEX_FILE).open("wb") as file:
        np.savez(file, about=np.array(deep))
    for number, content in enumerate((b"PK\x03\x04 not an index", None, b""), 1):
        if content is not None:
            (takes / INDEX_FILE).write_bytes(content)
        Library(takes, evaluator=judge)
        assert len(read) == 4 * number
        Library(takes, evaluator=judge)  # it was written again
        assert len(read) == 4 * number
        with (takes / INDEX_FILE).open("wb") as file:
            np.savez(file, about=np.array(deep))
    monkeypatch.setattr(module, "file_fingerprint", lambda path: "another")
    Library(takes, evaluator=judge)
    assert len(read) == 16


@pytest.mark.parametrize(("row", "column", "value"), [(0, 0, 1e30), (1, 0, -1.0), (0, 2, 7.0), (1, 3, 0.5)])
def test_an_index_with_impossible_facts_is_rebuilt(
    takes: Path, judge: Path, row: int, column: int, value: float
) -> None:
    facts = Library(takes, evaluator=judge).index.pieces.facts
    with np.load(takes / INDEX_FILE) as stored:
        arrays = {name: stored[name].copy() for name in stored.files}
    arrays["facts"][row, column] = value
    with (takes / INDEX_FILE).open("wb") as file:
        np.savez(file, **arrays)
    np.testing.assert_array_equal(Library(takes, evaluator=judge).index.pieces.facts, facts)


def test_an_interrupted_indexing_keeps_what_was_read(
    takes: Path, judge: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(paths: list[Path], label: str):  # type: ignore[no-untyped-def]
        yield from paths[:2]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Library(takes, evaluator=judge, track=interrupted)  # type: ignore[arg-type]
    read = counted(monkeypatch)
    assert len(Library(takes, evaluator=judge)) == 3
    assert len(read) == 2


def test_batches_do_not_change_the_index(
    takes: Path, judge: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Library(takes, evaluator=judge, index=tmp_path / "a.npz")
    monkeypatch.setattr(indexing, "BATCH", 1)
    single = Library(takes, evaluator=judge, index=tmp_path / "b.npz")
    assert single.index.entries == whole.index.entries
    np.testing.assert_allclose(
        single.index.pieces.embeddings, whole.index.pieces.embeddings, rtol=1e-4, atol=1e-4
    )


def test_the_index_can_be_elsewhere(takes: Path, judge: Path, tmp_path: Path) -> None:
    Library(takes, evaluator=judge, index=tmp_path / "index.npz")
    assert (tmp_path / "index.npz").is_file()
    assert not (takes / INDEX_FILE).exists()
    with pytest.raises(DataError, match=r"cannot be written .*choose another file with --index"):
        Library(takes, evaluator=judge, index=tmp_path / "no" / "index.npz")
    with pytest.raises(DataError, match="expected a folder of recordings"):
        Library(tmp_path / "none", evaluator=judge)


def test_an_empty_folder_has_no_hits(tmp_path: Path, judge: Path) -> None:
    (tmp_path / "empty").mkdir()
    library = bimotion.Library(tmp_path / "empty", evaluator=judge)
    assert len(library) == 0
    assert library.search("a person waves") == []


def test_words_are_looked_up_as_sentences() -> None:
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
