from pathlib import Path

import numpy as np
import pytest
import torch

import bimotion
from bimotion.features.clips import clip_to_features
from bimotion.inference import prompts
from bimotion.inference.constraints import JointTargets, KnownFrames, Loop, Waypoints, body_of
from bimotion.inference.guidance import sample_guided
from bimotion.inference.model import MotionLanguageModel
from bimotion.inference.postprocess.bones import uniform_body, with_bones
from bimotion.inference.settings import Sampling
from bimotion.models.tokens import TokenSequence
from bimotion.motion.clip import Clip


def request_of(model: MotionLanguageModel, text: str, frames: int) -> TokenSequence:
    return prompts.motion_of_text(model.tokenizer, text, model.max_tokens, frames)


def test_guidance_meets_frames_that_are_given(model: MotionLanguageModel) -> None:
    walk = request_of(model, "a person walks", 50)
    known = sample_guided(model, walk, 50, [], Sampling(0)).features[-10:]
    request = request_of(model, "a person waves", 60)
    free = sample_guided(model, request, 60, [], Sampling(1)).features
    guided = sample_guided(
        model, request, 60, [KnownFrames(0, body_of(known), torch.ones(10))], Sampling(1)
    ).features
    error = [np.abs(each[:10, 3:67] - known[:, 3:67]).mean() for each in (free, guided)]
    assert error[1] < 0.01
    assert error[1] < error[0] / 3


def test_guidance_leads_the_body_to_waypoints(model: MotionLanguageModel) -> None:
    target = torch.tensor([[0.5, 0.8], [1.2, 2.0]])
    constraint = Waypoints((30, 59), target, torch.full((2,), 0.02))
    guided = sample_guided(model, request_of(model, "a person walks", 60), 60, [constraint], Sampling(0))
    reached = bimotion.features.features_to_joints(guided.features)[[30, 59], 0][:, [0, 2]]
    np.testing.assert_allclose(reached, target.numpy(), atol=0.05)


def test_guidance_leads_a_hand_to_a_target(model: MotionLanguageModel) -> None:
    request = request_of(model, "a person stands", 60)
    free = bimotion.features.features_to_joints(sample_guided(model, request, 60, [], Sampling(0)).features)
    target = torch.from_numpy(free[30, 20] + np.array([0.05, 0.15, 0.1], np.float32))[None]
    guided = sample_guided(model, request, 60, [JointTargets((30,), (20,), target)], Sampling(0)).features
    reached = with_bones(bimotion.features.features_to_joints(guided), uniform_body())[30, 20]
    assert np.linalg.norm(reached - target[0].numpy()) < 0.03


def test_a_loop_constraint_makes_the_end_equal_the_start(model: MotionLanguageModel) -> None:
    request = request_of(model, "a person walks", 60)
    free = sample_guided(model, request, 60, [], Sampling(0)).features
    looped = sample_guided(model, request, 60, [Loop(8)], Sampling(0)).features
    gaps = [np.abs(each[-8:, 3:67] - each[:8, 3:67]).mean() for each in (free, looped)]
    assert gaps[1] < min(0.02, gaps[0] / 2)


def test_a_decoder_without_a_linear_path_is_guided_as_well(micro_folder: Path, walk: Clip) -> None:
    micro = bimotion.load(micro_folder)
    assert micro.network.vae.path is None
    known = clip_to_features(walk)[:5]
    request = request_of(micro, "a person walks forward.", 30)
    constraint = KnownFrames(-5, body_of(known), torch.full((5,), 5.0))
    free = sample_guided(micro, request, 30, [], Sampling(0)).features
    guided = sample_guided(micro, request, 30, [constraint], Sampling(0))
    body = [constraint.residuals(body_of(each)).square().mean().sqrt() for each in (free, guided.features)]
    assert body[1] < body[0]
    assert guided.residual == pytest.approx(float(body[1]), rel=1e-4)
