"""What a motion or a caption becomes does not depend on what is computed with it, to the last bit."""

import numpy as np
import pytest
import torch

import bimotion
from bimotion.evaluators.embedding import read_embedder
from bimotion.inference.model import MotionLanguageModel
from bimotion.models.batch_invariance import batch_invariant

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


def test_sentences_that_begin_alike_get_the_motions_of_each_alone(model: MotionLanguageModel) -> None:
    texts = ["a person walks forward", "a person walks back", "a person walks forward"]
    together = model.text_to_motion(texts, seconds=2.0, seed=[3, 4, 5], best=1)
    for text, seed, clip in zip(texts, (3, 4, 5), together, strict=True):
        alone = model.text_to_motion(text, seconds=2.0, seed=seed, best=1)
        np.testing.assert_array_equal(clip.joints, alone.joints)


@pytest.mark.usefixtures("model")
def test_embeddings_of_motions_of_one_length_do_not_depend_on_each_other() -> None:
    embedder = read_embedder()
    rng = np.random.default_rng(0)
    motions = [rng.standard_normal((77, 263)).astype(np.float32) for _ in range(3)]
    with batch_invariant():
        alone = [embedder.embed_motions([motion]) for motion in motions]
        np.testing.assert_array_equal(embedder.embed_motions(motions), np.concatenate(alone))
