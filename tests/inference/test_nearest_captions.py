"""Captions of the nearest training motions: which one is taken, mirror images, and captions that facts contradict."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

import bimotion
from bimotion.captions.mirror import swap_sides
from bimotion.features.clips import clip_to_features
from bimotion.features.mirror import mirror_features
from bimotion.inference.examples import Examples, write_examples
from bimotion.inference.nearest_captions import NearestCaptions
from bimotion.motion.clip import Clip

CAPTIONS = ["a person kicks with the left leg", "a person walks forward", "a person walks", "a person turns"]
MOTIONS = np.array([[1, 0, 0], [0, 0.9, 0.1], [0, 1, 0], [0, 0, 1]], np.float32)
WALK, KICK, MIRRORED_KICK = 1.0, 2.0, 3.0


class Marks:
    """Embeds a motion by the mark in its first value, a caption by its verb."""

    kind, max_frames, tagged = "marks", None, {}

    def embed_motions(self, motions: Sequence[np.ndarray]) -> np.ndarray:
        rows = {WALK: (0, 1, 0), KICK: (1, 0, 0), MIRRORED_KICK: (0.2, 0.1, 0.1)}
        return np.array([rows.get(float(motion[0, 0]), (0.1, 0.1, 0.1)) for motion in motions], np.float32)

    def embed_texts(self, captions: Sequence[str]) -> np.ndarray:
        return np.array(
            [[word in caption for word in ("kicks", "walks", "turns")] for caption in captions], np.float32
        )


@pytest.fixture
def nearest(tmp_path: Path) -> NearestCaptions:
    latents = torch.zeros(len(CAPTIONS), 2)
    write_examples(latents, [40] * 4, [[caption] for caption in CAPTIONS], MOTIONS, tmp_path)
    examples = Examples.of_folder(tmp_path, 2)
    assert examples is not None
    return NearestCaptions(examples, Marks(), count=3)


def marked(mark: float) -> np.ndarray:
    features = np.zeros((40, 263), np.float32)
    features[0, 0] = mark
    return features


def test_captions_that_agree_with_the_motion_and_each_other_come_first(nearest: NearestCaptions) -> None:
    captions = nearest.captions(marked(WALK))
    assert set(captions[:2]) == {"a person walks.", "a person walks forward."}


def test_the_nearest_of_mirror_images_has_the_other_side(
    nearest: NearestCaptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bimotion.inference.nearest_captions.mirror_features", lambda features: marked(KICK))
    assert "a person kicks with the right leg." in nearest.captions(marked(MIRRORED_KICK))


def test_a_mirrored_recording_gets_the_mirrored_caption_whatever_stands_beside(walk: Clip) -> None:
    model = bimotion.load()
    features = clip_to_features(walk)
    caption, mirrored = model.features_to_text([features, mirror_features(features)])
    assert mirrored == swap_sides(caption)
    assert model.features_to_text([features]) == [caption]


def test_captions_that_facts_contradict_are_passed_over(walk: Clip) -> None:
    model = bimotion.load()
    caption = model.motion_to_text(walk)
    assert not {"sits", "jumps", "kicks", "backward"} & set(caption.rstrip(".").split())
    assert {"walks", "walking", "walk", "steps", "strides"} & set(
        caption.rstrip(".").replace(",", "").split()
    )
