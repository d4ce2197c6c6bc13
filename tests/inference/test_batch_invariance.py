"""What a motion or a caption becomes does not depend on what is computed with it, to the last bit."""

import numpy as np
import pytest
import torch

import bimotion
from bimotion.inference.model import MotionLanguageModel

TEXTS = ["a person walks forward", "a person kicks with the left leg and then sits down", "a person bows"]
FRAMES = [60, 196, None]


@pytest.fixture(scope="module")
def model() -> MotionLanguageModel:
    model = bimotion.load()
    if not model.batch_invariant:
        pytest.skip("the kernels are not compiled")
    return model


def test_motions_captions_and_scores_are_those_of_a_single_call(model: MotionLanguageModel) -> None:
    seconds = [None if frames is None else frames / 20 for frames in FRAMES]
    together = model.text_to_motion(TEXTS, seconds=seconds, seed=[0, 1, 2], best=2, check=True)
    for seed, (text, length, clip) in enumerate(zip(TEXTS, seconds, together, strict=True)):
        alone = model.text_to_motion(text, seconds=length, seed=seed, best=2, check=True)
        np.testing.assert_array_equal(clip.joints, alone.joints)
        assert clip.match == alone.match


def test_more_rows_than_the_kernels_usually_take_change_nothing(
    model: MotionLanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = model.text_to_motion(TEXTS[:2], seconds=3.0, seed=4, best=1)
    monkeypatch.setattr(
        "bimotion.models.kernels.MAX_KERNEL_ROWS", 3
    )  # as with AVX-512, where few rows are faster
    for clip, again in zip(usual, model.text_to_motion(TEXTS[:2], seconds=3.0, seed=4, best=1), strict=True):
        np.testing.assert_array_equal(clip.joints, again.joints)


def test_latents_do_not_depend_on_longer_neighbours(model: MotionLanguageModel) -> None:
    rng = np.random.default_rng(0)
    motions = [
        model.stats.denormalise(rng.standard_normal((frames, 263)).astype(np.float32)) for frames in (150, 33)
    ]
    assert torch.equal(model.encode_features(motions)[1], model.encode_features(motions[1:])[0])
