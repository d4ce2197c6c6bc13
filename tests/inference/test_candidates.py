"""Candidates: how many, from where, and that the best one is what users get."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

import bimotion
from bimotion.features.clips import features_to_clip
from bimotion.features.layout import FPS
from bimotion.inference import candidates, joining, prompts
from bimotion.inference.candidates import Tools, finalists
from bimotion.inference.choice import Chooser
from bimotion.inference.examples import Examples, write_examples
from bimotion.inference.feature_model import FOLLOWED_SHARE
from bimotion.inference.joining import JOIN, Candidate
from bimotion.inference.model import MotionLanguageModel
from bimotion.inference.request import read_request
from bimotion.inference.settings import Sampling
from bimotion.inference.text_to_motion import CANDIDATES


@pytest.fixture
def model(micro_folder: Path) -> MotionLanguageModel:
    return bimotion.load(micro_folder)


@pytest.fixture
def examples(model: MotionLanguageModel, tmp_path: Path) -> Examples:
    values = math.prod(model.network.config.latent_shape)
    latents = torch.randn(2, values, generator=torch.Generator().manual_seed(1))
    captions = [["a person walks"], ["a person waves"]]
    write_examples(latents, [40, 60], captions, np.eye(2, dtype=np.float32), tmp_path)
    read = Examples.of_folder(tmp_path, values)
    assert read is not None
    return read


def test_a_model_without_examples_generates_one_motion_and_with_them_several(
    model: MotionLanguageModel, examples: Examples
) -> None:
    assert model.candidates == 1
    model.examples = examples
    assert model.candidates == CANDIDATES


def test_the_first_candidate_is_what_the_network_alone_gives(model: MotionLanguageModel) -> None:
    request = read_request("a person walks")
    sampling = Sampling(seed=3)
    one = finalists(model, [request], [40], 1, sampling, Tools())[0]
    several = finalists(model, [request], [40], 3, sampling, Tools())[0]
    assert len(one) == 1
    assert any(np.allclose(one[0].features, each.features, atol=1e-4) for each in several)
    assert [each.score for each in several] == sorted((each.score for each in several), reverse=True)


def test_one_candidate_is_the_network_s_own_whatever_the_sentence_says(model: MotionLanguageModel) -> None:
    request = read_request("a person turns left, then walks forward")
    sequence = prompts.motion_of_text(model.tokenizer, request.prompt, model.max_tokens)
    expected = model.sample_features([sequence], [], 40, Sampling(seed=3))[0]
    pool = finalists(model, [request], [40], 1, Sampling(seed=3), Tools())[0]
    assert len(pool) == 1
    np.testing.assert_allclose(pool[0].features, expected, atol=1e-4)


def test_half_of_the_candidates_start_from_examples_of_the_sentence(
    model: MotionLanguageModel, examples: Examples, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(candidates, "FINALISTS", 100)
    pool = finalists(model, [read_request("a person walks")], [None], 4, Sampling(seed=0), Tools(examples))[0]
    started = [each for each in pool if each.examples]
    assert len(pool) == 4
    assert {each.examples[0] for each in started} == {"a person walks", "a person waves"}
    assert {len(each.features) for each in started} == {40, 60}


def test_a_motion_that_follows_an_example_to_the_end_is_the_example(
    model: MotionLanguageModel, examples: Examples, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert 0 < FOLLOWED_SHARE < 1
    monkeypatch.setattr("bimotion.inference.feature_model.FOLLOWED_SHARE", 1.0)
    example = examples.draw("a person walks", 1, np.random.default_rng(0))[0]
    sequence = prompts.motion_of_text(model.tokenizer, "a person walks", model.max_tokens)
    features = model.sample_features([sequence], [], 40, Sampling(seed=0), starts=[example.latent])[0]
    shape = (1, *model.network.config.latent_shape)
    decoded = model.decode_features(example.latent.view(shape), [40])[0]
    np.testing.assert_allclose(features, decoded, atol=1e-3)


def test_an_entry_of_a_list_is_generated_as_if_alone(model: MotionLanguageModel, examples: Examples) -> None:
    model.examples = examples
    model.__dict__["_matcher"] = bimotion.inference.match.Matcher(None)
    both = model.text_to_motion(["a person waves", "a person walks"], seed=3, best=4)
    alone = model.text_to_motion("a person walks", seed=4, best=4)
    np.testing.assert_allclose(both[1].joints, alone.joints, atol=1e-4)
    assert both[1].examples == alone.examples


def test_a_doubtful_best_candidate_gets_as_many_more(
    model: MotionLanguageModel, examples: Examples, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(candidates, "FINALISTS", 100)
    requests = [read_request(text) for text in ("a person walks", "colourless green ideas")]
    monkeypatch.setattr(Chooser, "unmet", lambda self, joints: ["walk"] if self.criteria else [])

    def draw(more: bool) -> list[list[Candidate]]:
        sampling, tools = Sampling(seed=0), Tools(examples)
        return finalists(model, requests, [40, 40], 4, sampling, tools, more=more)

    usual, doubled = draw(False), draw(True)
    assert [len(pool) for pool in usual] == [4, 4]
    assert [len(pool) for pool in doubled] == [8, 4]
    assert len({each.features.tobytes() for each in doubled[0]}) == 8
    assert [each.score for each in doubled[0]] == sorted((each.score for each in doubled[0]), reverse=True)


def test_actions_in_a_row_are_also_made_of_their_parts(
    model: MotionLanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(candidates, "FINALISTS", 100)
    request = read_request("a person walks, then turns around")
    free, fixed = (
        finalists(model, [request], [frames], 2, Sampling(seed=0), Tools())[0] for frames in (None, 80)
    )
    assert len(free) == len(fixed) == 3  # two of the sentence and one of its parts
    assert {len(each.features) for each in fixed} == {80}


@pytest.mark.parametrize(("sentence", "repeats"), [("a person bows twice", 2), ("he kicks three times", 3)])
def test_a_repeated_action_is_also_made_of_motions_that_show_it_once(
    model: MotionLanguageModel, monkeypatch: pytest.MonkeyPatch, sentence: str, repeats: int
) -> None:
    monkeypatch.setattr(candidates, "FINALISTS", 100)
    parts: list[int] = []
    monkeypatch.setattr(
        candidates, "joined", lambda pools, length: parts.append(len(pools)) or joining.joined(pools, length)
    )
    request = read_request(sentence)
    pool = finalists(model, [request], [None], 2, Sampling(seed=0), Tools())[0]
    assert parts == [repeats, repeats]  # of all motions of one bow, and of the only one
    assert len(pool) == 4
    assert max(len(each.features) for each in pool) <= model.max_frames * min(repeats, 2)


def test_parts_are_joined_without_a_jump(walk: bimotion.Clip) -> None:
    features = bimotion.features.clips.clip_to_features(walk)
    joined = joining._appended(features, features)
    assert len(joined) == 2 * len(features) - JOIN
    speed = np.linalg.norm(np.diff(features_to_clip(joined).joints[:, 0], axis=0), axis=-1) * FPS
    assert speed.max() < 1.3 * (np.linalg.norm(np.diff(walk.joints[:, 0], axis=0), axis=-1) * FPS).max()


def test_a_mirrored_candidate_wins_where_it_shows_the_named_side(
    model: MotionLanguageModel, walk: bimotion.Clip
) -> None:
    features = bimotion.features.clips.clip_to_features(walk.mirror())
    request = read_request("a person turns left")
    chooser = Chooser(request)
    assert len(candidates.scored([Candidate(features)], request, chooser, None)) == 2
    plain = read_request("a person walks")
    assert len(candidates.scored([Candidate(features)], plain, Chooser(plain), None)) == 1
