"""Phrases of moments, from which timed captions are chosen."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from bimotion.data.store import Event, MotionStore
from bimotion.errors import ModelError
from bimotion.evaluators.embedding import read_embedder
from bimotion.evaluators.moments import Moments
from bimotion.inference.describe import moment_cuts, story
from bimotion.inference.phrase_bank import PHRASES_FILE, PhraseBank, write_phrases
from bimotion.inference.timeline import TimedPhrase

AXES = np.eye(4, dtype=np.float32)
BANK = PhraseBank(["walks", "turns", "sits", "waves"], np.array([9, 3, 3, 1]), AXES)


def motion(*lengths: int) -> Moments:
    rows = np.concatenate([np.tile(AXES[axis], (length, 1)) for axis, length in enumerate(lengths)])
    return Moments(rows + np.random.default_rng(0).normal(0, 0.15, rows.shape), 4, 4 * len(rows))


def test_a_recording_is_cut_where_another_phrase_begins() -> None:
    cuts = moment_cuts(motion(12, 9, 20), BANK)
    assert {12, 21} <= {near for cut in cuts for near in (cut - 1, cut, cut + 1)}
    assert (cuts[0], cuts[-1]) == (0, 41)
    assert min(np.diff(cuts)) >= 4
    assert max(np.diff(cuts)) <= 30


@pytest.mark.parametrize("length", [1, 3, 4, 7, 31, 300, 18_000])
def test_any_length_is_covered(length: int) -> None:
    cuts = moment_cuts(motion(length), BANK)
    assert (cuts[0], cuts[-1]) == (0, length)


def test_the_nearest_phrase_comes_first_and_a_frequent_one_among_equals() -> None:
    assert BANK.ranked(AXES[2])[0] == "sits"
    twins = PhraseBank(["hops", "jumps"], np.array([1, 50]), AXES[[0, 0]])
    assert twins.ranked(AXES[0]) == ["jumps", "hops"]
    assert twins.best(AXES[:1])[0] > PhraseBank(["hops"], np.array([1]), AXES[:1]).best(AXES[:1])[0]


def test_a_folder_gives_the_phrases_back_with_both_sides(
    store: MotionStore, judge: Path, tmp_path: Path
) -> None:
    (item, *_) = store.items("train")
    events = (Event(0, 1, "raises the left hand"), Event(1, 2, "raises it again"), Event(2, 3, "walks"))
    timed = type(item)(**{**vars(item), "events": events})
    embedder = read_embedder(judge)
    assert PhraseBank.of_folder(tmp_path) is None
    write_phrases([timed, timed], embedder, tmp_path)
    bank = PhraseBank.of_folder(tmp_path)
    assert bank is not None
    assert bank.phrases == ["raises the left hand", "raises the right hand", "walks"]
    embedding = embedder.embed_texts(["a person walks"])[0]
    assert bank.ranked(embedding / np.linalg.norm(embedding))[0] == "walks"


@pytest.mark.parametrize("broken", ["missing", "length", "shape"])
def test_a_broken_file_is_refused(store: MotionStore, judge: Path, tmp_path: Path, broken: str) -> None:
    write_phrases(
        [type(item)(**{**vars(item), "events": (Event(0, 1, "walks"),)}) for item in store],
        read_embedder(judge),
        tmp_path,
    )
    tensors = load_file(tmp_path / PHRASES_FILE)
    if broken == "missing":
        del tensors["counts"]
    elif broken == "length":
        tensors["counts"] = np.zeros(5, np.int32)
    else:
        tensors["embeddings"] = tensors["embeddings"].ravel()
    save_file(tensors, tmp_path / PHRASES_FILE)
    with pytest.raises(ModelError, match="broken"):
        PhraseBank.of_folder(tmp_path)


def test_a_long_motion_is_told_in_sentences() -> None:
    phrases = [TimedPhrase(text, at, at + 1) for at, text in enumerate(["walks", "turns", "sits", "waves"])]
    assert story(phrases[:1]) == "a person walks"
    assert story(phrases[:2]) == "a person walks, then turns"
    assert story(phrases) == "a person walks, turns, then sits. then the person waves"
