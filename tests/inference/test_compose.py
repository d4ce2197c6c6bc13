import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import bimotion
from bimotion.errors import Cancelled, ConfigError
from bimotion.inference.compose import OVERLAP, ComposedClip, sentence_of
from bimotion.inference.model import MotionLanguageModel
from bimotion.inference.piece_writer import CONTEXT, PieceWriter, blend
from bimotion.inference.steering import Steering
from bimotion.motion.clip import Clip
from bimotion.motion.quality import bone_drift

STORY = [("a person walks forward.", 2.0), "turns around @1.5", ("a person walks forward.", 3.05)]


@pytest.fixture(scope="module")
def model(micro_folder: Path) -> MotionLanguageModel:
    return bimotion.load(micro_folder)


@pytest.fixture(scope="module")
def story(model: MotionLanguageModel) -> ComposedClip:
    return model.compose(STORY, seed=0)


def test_a_composed_motion_has_the_lengths_that_were_given(story: ComposedClip) -> None:
    assert (len(story), story.fps) == (40 + 30 + 61, 20)
    assert [(phrase.start, phrase.end) for phrase in story.phrases] == [(0, 2), (2, 3.5), (3.5, 6.55)]
    assert story.caption == "a person walks forward.; turns around; a person walks forward."
    assert bone_drift(story.joints) < 1e-4


def test_the_chunks_of_a_stream_are_the_composed_motion(
    model: MotionLanguageModel, story: ComposedClip
) -> None:
    chunks = list(model.stream(STORY, seed=0))
    np.testing.assert_array_equal(np.concatenate([chunk.clip.joints for chunk in chunks]), story.joints)
    assert [chunk.index for chunk in chunks] == [0, 1, 2, 2]
    starts = np.cumsum([0, *(len(chunk.clip) for chunk in chunks)])[:-1] / 20
    assert [chunk.start for chunk in chunks] == pytest.approx(starts.tolist())


def test_each_phrase_is_compared_with_the_whole_of_its_part(model: MotionLanguageModel) -> None:
    phrases = [("a person walks forward.", 12.0), ("turns around", 2.0)]
    progress: list[tuple[int, int]] = []
    clip = model.compose(phrases, seed=0, check=True, progress=lambda *each: progress.append(each))
    assert progress[0] == (0, 4)
    assert progress[-3:] == [(2, 4), (3, 4), (4, 4)]
    np.testing.assert_array_equal(clip.joints, model.compose(phrases, seed=0).joints)
    for phrase, match, (start, end) in zip(clip.phrases, clip.matches, ((0, 240), (240, 280)), strict=True):
        part = Clip(clip.joints[start:end], 20.0)
        expected = model.match(sentence_of(phrase.text), part)
        assert (match.score, match.caption) == (expected.score, expected.caption)
        assert match.contradictions == expected.contradictions


def test_the_comparison_with_phrases_can_be_cancelled(model: MotionLanguageModel) -> None:
    generated = []

    def cancel() -> bool:
        return len(generated) > 2

    with pytest.raises(Cancelled):
        model.compose(
            STORY, seed=0, check=True, cancel=cancel, progress=lambda done, _: generated.append(done)
        )


def test_one_seed_gives_one_motion_and_another_another(
    model: MotionLanguageModel, story: ComposedClip
) -> None:
    np.testing.assert_array_equal(model.compose(STORY, seed=0).joints, story.joints)
    assert np.abs(model.compose(STORY, seed=5).joints - story.joints).max() > 0.01


def test_the_first_phrase_alone_is_text_to_motion_with_the_same_seed(model: MotionLanguageModel) -> None:
    composed = model.compose([("a person walks forward.", 2.0)], seed=3, clean=False)
    alone = model.text_to_motion("a person walks forward.", seconds=2.0, seed=3, clean=False)
    np.testing.assert_allclose(composed.joints, alone.joints, atol=1e-5)


def test_a_stream_reads_the_next_phrase_only_when_it_needs_it(model: MotionLanguageModel) -> None:
    read: list[int] = []

    def endless() -> Iterator[tuple[str, float]]:
        for number in itertools.count():
            read.append(number)
            yield ("a person walks forward." if number % 2 else "turns around", 1.0)

    stream = model.stream(endless(), seed=0)
    assert not read
    chunks = list(itertools.islice(stream, 6))
    assert read == [0, 1, 2, 3, 4, 5]
    assert [len(chunk.clip) for chunk in chunks] == [20 - OVERLAP, 20, 20, 20, 20, 20]


def test_a_stream_keeps_no_more_than_its_context(walk: Clip) -> None:
    from bimotion.features.clips import clip_to_features

    writer = PieceWriter(Steering(), clean=True)
    piece = clip_to_features(walk)
    for _ in range(6):
        writer.add(piece)
        assert len(writer._final_features) <= CONTEXT
        assert len(writer._final_joints) <= CONTEXT


def test_pieces_of_one_walk_join_without_a_seam(walk: Clip) -> None:
    """Two pieces that agree in the overlap are what the whole would have been."""
    from bimotion.features.clips import clip_to_features

    features = clip_to_features(walk)
    writer = PieceWriter(Steering(), clean=False)
    parts = [writer.add(features[:25]), writer.add(features[25 - OVERLAP :]), writer.rest()]
    joined, whole = np.concatenate(parts), PieceWriter(Steering(), clean=False)._finished(features)
    np.testing.assert_allclose(joined, whole, atol=1e-3)


def test_given_frames_stay_and_the_next_ones_follow_them(walk: Clip) -> None:
    """Even where the pieces disagree, no joint moves much further over a border than elsewhere."""
    from bimotion.features.clips import clip_to_features

    features = clip_to_features(walk)
    writer = PieceWriter(Steering(), clean=True)
    first = writer.add(features[:30])
    second = writer.add(features[5:40])
    steps = np.linalg.norm(np.diff(np.concatenate([first, second]), axis=0), axis=-1).max(1)
    border = len(first) - 1
    assert steps[border - 2 : border + 3].max() < 1.5 * steps.max(
        initial=0, where=np.arange(len(steps)) < border - 5
    )


def test_a_blend_goes_from_the_first_to_the_second() -> None:
    before, after = np.zeros((10, 263), np.float32), np.ones((10, 263), np.float32)
    weights = blend(before, after)[:, 0]
    assert (np.diff(weights) > 0).all()
    assert weights[0] < 0.05
    assert weights[-1] > 0.95


@pytest.mark.parametrize(
    ("phrase", "sentence"),
    [
        ("walks forward", "a person walks forward"),
        ("a man walks", "a man walks"),
        ("this person sits", "this person sits"),
        ("jump", "jump"),
    ],
)
def test_a_phrase_that_begins_with_its_verb_becomes_a_sentence(phrase: str, sentence: str) -> None:
    assert sentence_of(phrase) == sentence


def test_a_long_phrase_is_generated_in_pieces(model: MotionLanguageModel) -> None:
    clip = model.compose([("a person walks forward.", 25.0)], seed=0)
    assert len(clip) == 500
    assert [(phrase.start, phrase.end) for phrase in clip.phrases] == [(0, 25)]


def test_too_short_a_phrase_is_refused(model: MotionLanguageModel) -> None:
    with pytest.raises(
        ConfigError, match="'waves': 0.4 s are too short; this model generates phrases of at least"
    ):
        model.compose([("a person walks forward.", 2.0), ("waves", 0.4)], seed=0)
    with pytest.raises(ConfigError, match="phrases: expected"):
        model.stream("walks", seed=0)


def test_composing_can_be_cancelled_and_reports_progress(model: MotionLanguageModel) -> None:
    calls: list[tuple[int, int]] = []
    model.compose(STORY, seed=0, progress=lambda done, total: calls.append((done, total)))
    assert calls[-1] == (3, 3)
    assert all(done <= total for done, total in calls)
    with pytest.raises(Cancelled):
        model.compose(STORY, seed=0, cancel=lambda: True)
