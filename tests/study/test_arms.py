"""What the arms have in common and what not."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from bimotion.models.motion_language import MotionLanguage
from bimotion.study.arms import LATENTS, STREAMS, Arm, LatentKind, StudyStream, arms_of
from bimotion.study.config import StudyConfig, StudySize
from bimotion.study.run import parameter_counts

SIZE = StudySize(
    width=24, layers=2, vocabulary=300, head_width=16, latents=4, latent_width=4, codes=8, code_levels=3
)


def build(stream: StudyStream, latents: LatentKind = "vae") -> MotionLanguage:
    torch.manual_seed(0)
    return MotionLanguage(SIZE.model(Arm(stream, latents), 300, 0))


def test_all_arms_are_listed_once() -> None:
    names = [arm.name for arm in arms_of(STREAMS, LATENTS)]
    assert len(names) == len(set(names)) == 11
    assert {"two-vae", "experts-vq", "two-vae-123", "two-vae-13", "two-vae-23"} <= set(names)
    assert [arm.name for arm in arms_of(("one",), ("vq",))] == ["one-vq"]


def test_stages_share_the_budget_as_published() -> None:
    arm = Arm("two", "vae", ("stage1", "stage2", "stage3"))
    assert arm.stage_steps(450) == {"stage1": 100, "stage2": 300, "stage3": 50}
    assert sum(arm.stage_steps(241).values()) == 241
    assert Arm("two", "vae").stage_steps(7) == {"stage3": 7}


def test_parameters_are_comparable() -> None:
    counts = {stream: parameter_counts(build(stream)) for stream in STREAMS}
    norms, router = 2 * 2 * 24, 2 * 5 * 24
    assert counts["two"]["layers"] == 2 * counts["one"]["layers"]
    assert counts["experts"]["layers"] == counts["two"]["layers"] - norms + router
    assert counts["two"]["active"] == counts["one"]["active"] == counts["experts"]["active"] - router
    assert counts["half"]["active"] < 0.6 * counts["two"]["active"]
    assert len({count["words"] for count in counts.values()}) == 1
    assert counts["two"]["heads"] == counts["one"]["heads"]


@pytest.mark.parametrize("latents", LATENTS)
@pytest.mark.parametrize("stream", STREAMS)
def test_both_losses_reach_what_is_shared(stream: StudyStream, latents: LatentKind) -> None:
    from bimotion.models.tokens import MotionTokenizer

    tokenizer = MotionTokenizer.train(["a person walks"], 300)
    special = tokenizer.special
    config = SIZE.model(Arm(stream, latents), special.text_vocab_size, special.eos)
    tokenizer = MotionTokenizer(tokenizer.tokenizer, config.slots)
    torch.manual_seed(0)
    model = MotionLanguage(replace(config, head=replace(config.head, zero_init=False))).train()
    batch = model.batch(
        [
            tokenizer.sequence("walk", tokenizer.motion_out),
            tokenizer.sequence(f"what is {tokenizer.motion_in}", "a person walks"),
        ]
    )
    latent = torch.randn(1, *config.latent_shape)
    losses = model(batch, latent, latent)
    layer = model.mixture.text.layers[0].qkv.weight
    for loss in (losses.text, losses.diffusion):
        gradient = torch.autograd.grad(loss, layer, retain_graph=True)[0]
        assert gradient.abs().max() > 0
    slots = (losses.text + losses.diffusion) * 1.0
    motion = model.mixture.motion.embedding.weight
    assert torch.autograd.grad(slots, motion)[0].abs().max() > 0


def test_measurements_are_spread_over_a_run() -> None:
    config = StudyConfig(Path(), Path(), steps=10, validations=4)
    assert config.validate_every == 2
