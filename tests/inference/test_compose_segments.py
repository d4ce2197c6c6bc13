from pathlib import Path

import numpy as np
import pytest
import torch

import bimotion
from bimotion.errors import Cancelled, ConfigError, ModelError
from bimotion.features.clips import clip_to_features
from bimotion.inference.model import MotionLanguageModel
from bimotion.inference.settings import Sampling
from bimotion.models.choices import Precision
from bimotion.motion.clip import Clip
from bimotion.motion.quality import bone_drift

STORY = [("a person walks forward.", 2.0), "turns around @1.5", ("a person walks forward.", 5.05)]


@pytest.fixture(scope="module")
def model(segments_folder: Path) -> MotionLanguageModel:
    return bimotion.load(segments_folder)


def test_a_model_with_segments_composes_by_them(model: MotionLanguageModel) -> None:
    story = model.compose(STORY, seed=0, best=1)
    assert (len(story), story.fps) == (40 + 30 + 101, 20)
    assert [(phrase.start, phrase.end) for phrase in story.phrases] == [(0, 2), (2, 3.5), (3.5, 8.55)]
    assert bone_drift(story.joints) < 1e-4
    by_name = model.compose(STORY, seed=0, best=1, method="segments")
    np.testing.assert_array_equal(by_name.joints, story.joints)
    assert not np.allclose(model.compose(STORY, seed=0, method="clips").joints, story.joints)


@pytest.mark.parametrize("precision", ["bf16", "int8"])
def test_segments_are_generated_in_fewer_bits(segments_folder: Path, precision: Precision) -> None:
    story = bimotion.load(segments_folder, precision=precision).compose(STORY[:1], seed=0, best=1)
    assert story.joints.shape == (40, 22, 3)
    assert np.isfinite(story.joints).all()


def test_segments_of_another_text_branch_are_refused(segments_folder: Path) -> None:
    model = bimotion.load(segments_folder)
    with torch.no_grad():
        for weight in model.network.mixture.text.layers.parameters():
            weight.mul_(1.5)
    with pytest.raises(ModelError, match="beside another text branch"):
        model.compose(STORY[:1], seed=0)


def test_with_one_candidate_a_chunk_is_a_segment_and_the_chunks_are_the_motion(
    model: MotionLanguageModel,
) -> None:
    chunks = list(model.stream(STORY, seed=0, best=1))
    joints = np.concatenate([chunk.clip.joints for chunk in chunks])
    np.testing.assert_array_equal(joints, model.compose(STORY, seed=0, best=1).joints)
    assert [chunk.index for chunk in chunks] == [0, 1, 2, 2, 2]


def test_several_candidates_of_a_phrase_are_judged_before_the_next_phrase(
    model: MotionLanguageModel,
) -> None:
    chunks = list(model.stream(STORY, seed=0, best=3))
    assert [chunk.index for chunk in chunks] == [0, 1, 2]
    joints = np.concatenate([chunk.clip.joints for chunk in chunks])
    assert joints.shape == (171, 22, 3)
    np.testing.assert_array_equal(joints, model.compose(STORY, seed=0, best=3).joints)


def test_the_model_predicts_lengths_that_nobody_gave(model: MotionLanguageModel) -> None:
    clip = model.compose(["a person walks forward.", "turns around"], seed=0, best=1)
    assert all(phrase.end - phrase.start >= 1 for phrase in clip.phrases)
    assert len(clip) == round(20 * clip.phrases[-1].end)


def test_a_stream_reads_the_next_phrase_only_when_it_needs_it(model: MotionLanguageModel) -> None:
    read = []

    def phrases():
        for number in range(1000):
            read.append(number)
            yield ("a person walks forward.", 2.0)

    stream = model.stream(phrases(), seed=0, best=1)
    for number in range(5):
        next(stream)
        assert len(read) == number + 1
    assert model.segments is not None
    stream.close()


def test_what_comes_next_is_predicted_by_segments_on_request(model: MotionLanguageModel, walk: Clip) -> None:
    for text in (None, "turns around"):
        longer = model.predict(walk, seconds=3.0, seed=0, text=text, method="segments")
        assert len(longer) == len(walk) + round(3 * walk.fps)
        np.testing.assert_array_equal(longer.joints[: len(walk)], walk.joints)
        clips = model.predict(walk, seconds=3.0, seed=0, text=text, method="clips")
        assert not np.allclose(clips.joints, longer.joints)


def test_what_segments_cannot_do_is_refused(model: MotionLanguageModel, micro_folder: Path) -> None:
    with pytest.raises(ConfigError, match="only 'clips' meets"):
        model.compose(STORY, method="segments", loop=True)
    with pytest.raises(ConfigError, match="too short"):
        model.compose(["walks @0.5"])
    with pytest.raises(ConfigError, match="need the method 'segments'"):
        model.compose(STORY, method="clips", best=3)
    with pytest.raises(ConfigError, match="has no segments"):
        bimotion.load(micro_folder).compose(STORY, method="segments")


def test_a_cancelled_composition_leaves_the_model_as_it_was(model: MotionLanguageModel) -> None:
    before = model.compose(STORY, seed=0, best=2)
    calls = iter([False, False, True])
    with pytest.raises(Cancelled):
        model.compose(STORY, seed=0, best=2, cancel=lambda: next(calls))
    np.testing.assert_array_equal(model.compose(STORY, seed=0, best=2).joints, before.joints)


def test_only_the_last_candidates_follow_other_motions_as_long_as_these_last(
    model: MotionLanguageModel, walk: Clip
) -> None:
    assert model.segments is not None
    phrase, leads = model.segments.speak("turns around"), clip_to_features(walk)[None]
    free, led = (
        list(model.segments.pieces(phrase, 80, None, Sampling(0), 3, motions)) for motions in (None, leads)
    )
    np.testing.assert_allclose(led[0].features[:2], free[0].features[:2], atol=1e-4)
    assert np.abs(led[0].features[2] - free[0].features[2]).max() > 1e-3
    np.testing.assert_allclose(led[1].features[:2], free[1].features[:2], atol=1e-4)


def test_a_text_that_continues_a_motion_is_chosen_among_candidates(
    model: MotionLanguageModel, walk: Clip
) -> None:
    text = "sits down"
    longer = model.predict(walk, seconds=2.5, text=text, seed=0)
    assert len(longer) == len(walk) + 50
    np.testing.assert_array_equal(longer.joints[: len(walk)], walk.joints)
    same = model.predict(walk, seconds=2.5, text=text, seed=0, method="segments", best=8)
    np.testing.assert_array_equal(longer.joints, same.joints)
    alone = model.predict(walk, seconds=2.5, text=text, seed=0, best=1)
    assert not np.allclose(longer.joints[len(walk) :], alone.joints[len(walk) :])
    step = np.linalg.norm(np.diff(longer.joints[len(walk) - 2 : len(walk) + 2, 0], axis=0), axis=-1)
    assert step.max() < 0.15  # no jump at the border


def test_candidates_of_what_comes_next_need_a_text_and_segments(
    model: MotionLanguageModel, walk: Clip
) -> None:
    with pytest.raises(ConfigError, match="need a text"):
        model.predict(walk, best=4)
    with pytest.raises(ConfigError, match="need the method 'segments'"):
        model.predict(walk, text="sits down", method="clips", best=4)
