"""Matches: what is doubted, and what is kept of several candidates."""

import json
import logging
from pathlib import Path

import numpy as np
import pytest

import bimotion
from bimotion.errors import MatchError, ModelError
from bimotion.features.clips import clip_to_features
from bimotion.inference.known_words import KNOWN_WORDS_FILE, KnownWords, word_warnings, write_known_words
from bimotion.inference.match import Matcher, match_of, request_contradictions
from bimotion.inference.model import MotionLanguageModel
from bimotion.inference.request import read_request
from bimotion.motion.clip import Clip


@pytest.fixture
def model(micro_folder: Path) -> MotionLanguageModel:
    return bimotion.load(micro_folder)


class Halved:
    """A calibration that halves cosines and knows no swimming."""

    def probability(self, cosines: np.ndarray) -> np.ndarray:
        return cosines / 2

    def known_share(self, text: str) -> float:
        return 0.5 if "swims" in text else 1.0


class ByAngle:
    """An evaluator whose embedding of a motion is a point at an angle that its features decide."""

    kind, max_frames = "test", None
    tagged: dict[str, list[str]] = {}

    def __init__(self, calibration: Halved | None = None) -> None:
        self.calibration = calibration

    def embed_texts(self, captions: list[str]) -> np.ndarray:
        return np.tile(np.array([1, 0], np.float32), (len(captions), 1))

    def embed_motions(self, motions: list[np.ndarray]) -> np.ndarray:
        angles = np.array([np.abs(motion).sum() % 1 for motion in motions])
        return np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32)


def test_facts_contradict_a_request(walk: Clip) -> None:
    def found(sentence: str) -> list[str]:
        return request_contradictions(read_request(sentence), walk)

    assert found("a person walks forward") == []
    assert found("a person walks backwards") == ["not 'backwards'"]
    assert found("a person takes ten steps")[0].endswith("steps instead of 10")
    assert found("a person walks 6 metres") == ["1.9 m instead of 6"]
    assert found("a person stands still") == ["the body moves"]
    assert found("a person waves without walking") == ["shows 'walking', which is excluded"]
    assert found("a person walks without turning") == []


def test_doubts_are_those_of_the_sentence_the_facts_and_the_evaluator(walk: Clip) -> None:
    match = match_of(read_request("a person walks 6 metres"), walk, "a person walks.", 0.001, ["odd words"])
    assert match.contradictions == ("1.9 m instead of 6",)
    assert [warning.split()[0] for warning in match.warnings] == ["odd", "the", "the"]
    assert match_of(read_request("a person walks"), walk, "a person walks.", None, []).warnings == ()


def test_the_match_is_that_of_the_kept_candidate(
    model: MotionLanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MotionLanguageModel, "_matcher", Matcher(ByAngle(Halved())))
    clips = model.text_to_motion(["a person waves", "a person walks"], frames=40, seed=3, best=4, check=True)
    again = model.text_to_motion("a person walks", frames=40, seed=4, best=4)
    np.testing.assert_allclose(clips[1].joints, again.joints, atol=1e-4)
    assert again.match is None
    assert clips[0].match == model.match("a person waves", clips[0])
    assert clips[0].caption == "a person waves"
    assert clips[0][:20].match == clips[0].match


def test_a_long_motion_is_compared_with_its_sentence_to_the_end(walk: Clip) -> None:
    evaluator = ByAngle(Halved())
    (whole,) = Matcher(evaluator).scores(["a person walks"], [walk]) or ()
    evaluator.max_frames = -(-len(clip_to_features(walk)) // 2)
    first, second = np.array_split(clip_to_features(walk), 2)
    angles = [np.abs(part).sum() % 1 for part in (first, second)]
    assert Matcher(evaluator).scores(["a person walks"], [walk]) == pytest.approx([np.cos(angles).mean() / 2])
    assert whole != pytest.approx(np.cos(angles).mean() / 2)


def test_a_calibration_turns_cosines_into_scores_and_counts_unknown_words(walk: Clip) -> None:
    plain, swims = (
        Matcher(ByAngle(Halved())).scores([f"a person {verb}"], [walk]) for verb in ("walks", "swims")
    )
    assert plain is not None
    assert swims is not None
    assert swims[0] == pytest.approx(plain[0] / 2)
    assert Matcher(None).scores(["a person walks"], [walk]) is None
    ranked = Matcher(ByAngle()).scores(["a person walks"], [walk])
    assert ranked == [0.0]  # every other sentence lies at the same point, so none suits less


def test_strict_raises_instead_of_warning(model: MotionLanguageModel) -> None:
    with pytest.raises(MatchError, match="not in English"):
        model.text_to_motion("человек идёт вперёд", frames=20, strict=True)


def test_without_a_check_doubts_about_the_sentence_are_logged(
    model: MotionLanguageModel, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="bimotion"):
        clip = model.text_to_motion("a person walks " + "and looks around " * 100 + "then waves", frames=20)
    assert clip.match is None
    assert "the sentence is too long; the model ignores its last" in caplog.text
    assert "then waves" in caplog.text


def test_a_length_in_the_sentence_is_obeyed_unless_another_is_given(model: MotionLanguageModel) -> None:
    assert len(model.text_to_motion("a person walks forward for 3 seconds")) == 60
    assert len(model.text_to_motion("a person walks forward for 3 seconds", seconds=2)) == 40
    long = model.text_to_motion("a person waves for a minute", check=True)
    assert len(long) == model.max_frames
    assert long.match is not None
    assert any("1 to 9.8 s at a time, not 60" in warning for warning in long.match.warnings)


def test_the_user_s_sentence_stays_the_caption(model: MotionLanguageModel) -> None:
    sentence = "a person raises the right hand without moving the left"
    with_negation = model.text_to_motion(sentence, frames=20, seed=0)
    plain = model.text_to_motion("a person raises the right hand", frames=20, seed=0)
    assert with_negation.caption == sentence
    np.testing.assert_array_equal(with_negation.joints, plain.joints)


def test_words_of_training_are_kept_with_the_model(micro_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "tokenizer.json").write_bytes((micro_folder / "tokenizer.json").read_bytes())
    assert KnownWords.of_folder(folder) is None
    write_known_words(["A person walks.", "a person waves slowly"], folder)
    words = KnownWords.of_folder(folder)
    assert words is not None
    assert words.counts == {"a": 2, "person": 2, "slowly": 1, "walks": 1, "waves": 1}
    assert words.unknown("A woman is walking and swam 3 times") == ["swam"]
    assert word_warnings("a person walks exactly two metres for about 3 seconds", words) == []
    assert word_warnings("a person walks", words) == []
    assert word_warnings("a person swims", words) == ["no training caption has the word 'swims'"]
    assert word_warnings("a person swims and waves and walks", words) == []
    assert "is it English?" in word_warnings("ein Mann winkt", words)[0]
    (folder / "tokenizer.json").write_text("{}")
    assert KnownWords.of_folder(folder) is None
    (folder / KNOWN_WORDS_FILE).write_text(json.dumps({"words": ["a"]}))
    with pytest.raises(ModelError, match="training_words"):
        KnownWords.of_folder(folder)


@pytest.mark.parametrize("text", ["der mann winkt mit der hand", "el hombre camina", "人が歩く"])
def test_other_languages_are_noticed_without_the_words_of_training(text: str) -> None:
    assert "English" in word_warnings(text, None)[0]
    assert word_warnings("a person walks to the left", None) == []


def test_the_model_says_what_it_is(model: MotionLanguageModel, micro_folder: Path) -> None:
    assert str(micro_folder) in repr(model)
    assert "fp32 on cpu, 1 to 9.8 s" in repr(model)
