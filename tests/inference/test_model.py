from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch

import bimotion
from bimotion.captions.sentence import tidy
from bimotion.errors import ConfigError, ModelError
from bimotion.inference.model import MotionLanguageModel
from bimotion.motion.clip import Clip


@pytest.fixture(scope="module")
def model(micro_folder: Path) -> MotionLanguageModel:
    return bimotion.load(micro_folder)


def test_the_same_seed_gives_the_same_motion(model: MotionLanguageModel) -> None:
    first = model.text_to_motion("a person waves", seed=3)
    again = model.text_to_motion("a person waves", seed=3)
    other = model.text_to_motion("a person waves", seed=4)
    np.testing.assert_array_equal(first.joints, again.joints)
    assert len(first) != len(other) or not np.allclose(first.joints, other.joints)


def test_an_entry_of_a_list_is_what_it_would_be_alone(model: MotionLanguageModel) -> None:
    texts = ["a person waves", "someone walks forward and turns around", "a person waves"]
    clips = model.text_to_motion(texts, seed=7)
    for number, (text, clip) in enumerate(zip(texts, clips, strict=True)):
        alone = model.text_to_motion(text, seed=7 + number)
        assert len(clip) == len(alone)
        np.testing.assert_allclose(clip.joints, alone.joints, atol=1e-4)


def test_entries_may_have_seeds_and_lengths_of_their_own(model: MotionLanguageModel) -> None:
    texts = ["a person waves", "a person walks"]
    clips = model.text_to_motion(texts, seed=[9, 2], seconds=[2.0, None])
    assert len(clips[0]) == 40
    np.testing.assert_allclose(clips[1].joints, model.text_to_motion(texts[1], seed=2).joints, atol=1e-4)
    with pytest.raises(ConfigError, match="seed: expected one for each of the 2 sentences, got 1"):
        model.text_to_motion(texts, seed=[1])


def test_the_asked_length_is_made(model: MotionLanguageModel) -> None:
    assert len(model.text_to_motion("a person waves", seconds=3)) == 60
    assert len(model.text_to_motion("a person waves", frames=33)) == 33
    predicted = model.text_to_motion("a person waves", seed=0)
    assert model.min_frames <= len(predicted) <= model.max_frames
    assert predicted.fps == 20
    assert predicted.caption == "a person waves"


@pytest.mark.parametrize("precision", ["bf16", "int8"])
def test_fewer_bits_give_about_the_same_motion(
    model: MotionLanguageModel, micro_folder: Path, walk: Clip, precision: Literal["bf16", "int8"]
) -> None:
    rough = bimotion.load(micro_folder, precision=precision)
    exact, near = (each.text_to_motion("a person waves", frames=40, seed=3).joints for each in (model, rough))
    np.testing.assert_allclose(near, exact, atol=0.03)
    assert isinstance(rough.motion_to_text(walk), str)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"seconds": 100}, "generates 1 to 9.8 seconds"),
        ({"seconds": float("nan")}, "seconds: expected 1 to 9.8, got nan"),
        ({"frames": 3}, "frames: expected 20 to 196, got 3"),
        ({"frames": 40, "seconds": 2}, "either seconds or frames"),
        ({"guidance_scale": -1.0}, "guidance_scale"),
        ({"steps": 0}, "steps"),
        ({"seed": -1}, "seed"),
    ],
)
def test_a_setting_out_of_range_is_named(
    model: MotionLanguageModel, kwargs: dict[str, float], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        model.text_to_motion("a person waves", **kwargs)


def test_empty_text_is_refused(model: MotionLanguageModel) -> None:
    for text in ("", "  ", "...", "<end_of_motion>"):
        with pytest.raises(ConfigError, match="text is empty"):
            model.text_to_motion(text)


def test_text_is_tidied_as_captions_are_written() -> None:
    assert tidy(" A person\twaves ") == "a person waves."
    assert tidy("Does someone jump?") == "does someone jump?"
    assert tidy("jump<start_of_motion> high") == "jump high."
    assert tidy("walk_turn_R_90") == "walk turn right 90."
    assert tidy("Raise_Hand_L") == "raise hand left."


def test_special_tokens_and_very_long_texts_do_no_harm(model: MotionLanguageModel) -> None:
    clip = model.text_to_motion("a <start_of_motion> person <|endoftext|> waves", seed=0)
    plain = model.text_to_motion("a person waves", seed=0)
    np.testing.assert_array_equal(clip.joints, plain.joints)
    assert np.isfinite(model.text_to_motion("walks and " * 500, seed=0).joints).all()


def test_captions_do_not_depend_on_who_is_in_the_list(model: MotionLanguageModel, walk: Clip) -> None:
    other = walk.mirror()[:30]
    both = model.motion_to_text([walk, other])
    assert both == [model.motion_to_text(walk), model.motion_to_text(other)]


def test_a_long_clip_is_captioned_in_parts(
    model: MotionLanguageModel, walk: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    requested: list[list[int]] = []

    def captions(parts: list[np.ndarray], **_: object) -> list[str]:
        requested.append([len(part) for part in parts])
        return ["walks", "walks", "waves", "walks"][: len(parts)]

    monkeypatch.setattr(model, "features_to_text", captions)
    long = Clip(np.tile(walk.joints, (15, 1, 1)), 20.0)
    assert model.motion_to_text(long) == "walks; then waves; then walks"
    assert requested == [[154, 154, 153, 153]]


def test_latents_have_the_shape_of_the_network(model: MotionLanguageModel, walk: Clip) -> None:
    latents = model.encode([walk, walk[:30]])
    assert latents.shape == (2, *model.network.latent_mean.shape)
    torch.testing.assert_close(model.encode(walk), latents[:1], rtol=0, atol=1e-5)
    assert [len(clip) for clip in model.decode(latents, [40, 29])] == [40, 29]
    with pytest.raises(ModelError, match=r"maximum of 9\.8 s"):
        model.encode(Clip(np.tile(walk.joints, (5, 1, 1)), 20.0))


def test_an_unknown_device_is_named(micro_folder: Path) -> None:
    with pytest.raises(ModelError, match="device 'cuda:77'"):
        bimotion.load(micro_folder, device="cuda:77")
