"""A model as a system: the lengths that are evaluation_set for, and the motions that users get."""

from pathlib import Path

import numpy as np
import pytest

import bimotion
from bimotion.errors import ConfigError
from bimotion.evaluation.motions import motion_joints
from bimotion.evaluation.systems import CompletionSystem, ModelSystem, TextMotionSystem
from bimotion.inference.model import MotionLanguageModel
from bimotion.inference.settings import Sampling
from bimotion.motion.clip import Clip
from bimotion.motion.quality import bone_drift

TEXTS = ["a person walks", "a person jumps", "a person waves"]


@pytest.fixture(scope="module")
def model(micro_folder: Path) -> MotionLanguageModel:
    return bimotion.load(micro_folder)


def test_motions_have_the_lengths_asked_for_whatever_stands_beside(model: MotionLanguageModel) -> None:
    system = ModelSystem(model, Sampling(steps=2), clean=False)
    assert isinstance(system, TextMotionSystem)
    assert isinstance(system, CompletionSystem)
    generated = system.text_to_motions(TEXTS, [40, 10, 60], seed=5)
    assert [len(each) for each in generated] == [40, 10, 60]
    alone = system.text_to_motions(TEXTS[2:], [60], seed=7)
    np.testing.assert_allclose(generated[2], alone[0], atol=1e-4)


def test_cleaned_motions_have_bones_of_one_length(model: MotionLanguageModel) -> None:
    def drift(clean: bool) -> float:
        system = ModelSystem(model, Sampling(steps=2), clean=clean)
        (motion,) = system.text_to_motions(TEXTS[:1], [40], seed=0)
        assert len(motion) == 40
        assert isinstance(motion, Clip) == clean
        return bone_drift(motion_joints(motion))

    assert drift(clean=True) < 1e-5 < drift(clean=False)


def test_motions_are_those_that_users_get(model: MotionLanguageModel) -> None:
    clip = model.text_to_motion(TEXTS[0], frames=40, seed=3, steps=2)
    (motion,) = ModelSystem(model, Sampling(steps=2)).text_to_motions(TEXTS[:1], [40], seed=3)
    np.testing.assert_allclose(motion_joints(motion), clip.joints, atol=1e-6)


def test_best_candidates_are_those_that_users_get(model: MotionLanguageModel) -> None:
    clip = model.text_to_motion(TEXTS[1], frames=40, seed=4, steps=2, best=3)
    motions = ModelSystem(model, Sampling(steps=2), best=3).text_to_motions(TEXTS[:2], [40, 40], seed=3)
    np.testing.assert_allclose(motion_joints(motions[1]), clip.joints, atol=1e-6)
    with pytest.raises(ConfigError, match="best"):
        ModelSystem(model, best=0)


def test_what_is_given_stays(model: MotionLanguageModel, walk: Clip) -> None:
    system = ModelSystem(model, Sampling(steps=2))
    generated = system.predict(walk.joints[:8], 41, 0)
    np.testing.assert_allclose(generated[:8], walk.joints[:8], atol=1e-5)
    assert len(generated) == 41
    filled = system.inbetween(walk.joints[:10], walk.joints[30:], 41, 0)
    assert len(filled) == 41
    np.testing.assert_allclose(filled[30:], walk.joints[30:], atol=1e-4)


def test_a_model_that_predicts_no_lengths_says_so(
    model: MotionLanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model.network, "length", None)
    with pytest.raises(ConfigError, match="does not predict lengths"):
        ModelSystem(model).text_to_motions(TEXTS, None, 0)
