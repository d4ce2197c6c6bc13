"""A model as a system: the lengths that are asked for, and the motions that users get."""

from pathlib import Path

import numpy as np
import pytest

import bimotion
from bimotion.errors import ConfigError
from bimotion.evaluation.systems import Completes, ModelSystem, TextMotionSystem
from bimotion.features import features_to_joints
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
    assert isinstance(system, Completes)
    made = system.text_to_features(TEXTS, [40, 10, 60], seed=5)
    assert [len(each) for each in made] == [40, 10, 60]
    alone = system.text_to_features(TEXTS[2:], [60], seed=7)
    np.testing.assert_allclose(made[2], alone[0], atol=1e-4)


def test_cleaned_motions_have_bones_of_one_length(model: MotionLanguageModel) -> None:
    def drift(clean: bool) -> float:
        system = ModelSystem(model, Sampling(steps=2), clean=clean)
        made = system.text_to_features(TEXTS[:1], [40], seed=0)
        assert len(made[0]) == 40 - clean
        return bone_drift(np.asarray(features_to_joints(made[0])))

    assert drift(clean=True) < 1e-5 < drift(clean=False)


def test_what_is_given_stays(model: MotionLanguageModel, walk: Clip) -> None:
    system = ModelSystem(model, Sampling(steps=2))
    made = system.predict(walk.joints[:8], 41, 0)
    np.testing.assert_allclose(made[:8], walk.joints[:8], atol=1e-5)
    assert len(made) == 41
    filled = system.fill(walk.joints[:10], walk.joints[30:], 41, 0)
    assert len(filled) == 41
    np.testing.assert_allclose(filled[30:], walk.joints[30:], atol=1e-4)


def test_a_model_that_predicts_no_lengths_says_so(
    model: MotionLanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model.network, "length", None)
    with pytest.raises(ConfigError, match="does not predict lengths"):
        ModelSystem(model).text_to_features(TEXTS, None, 0)
