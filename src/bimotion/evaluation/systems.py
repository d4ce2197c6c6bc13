"""What is scored: anyone's system, by two methods; our models, which can do more.

Features are HumanML3D's, not normalised; joints are metres; both are 20 frames per second.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from bimotion.errors import ConfigError
from bimotion.features.clips import clip_to_features
from bimotion.features.layout import FPS
from bimotion.inference import prompts
from bimotion.inference.model import MotionLanguageModel
from bimotion.inference.postprocess.cleanup import clean_clip
from bimotion.inference.settings import Sampling
from bimotion.motion.clip import Clip

Features = Float[np.ndarray, "_ 263"]
Joints = Float[np.ndarray, "_ 22 3"]


@runtime_checkable
class TextMotionSystem(Protocol):
    """Anything that turns captions into motions and motions into captions."""

    def text_to_features(
        self, texts: Sequence[str], frames: Sequence[int] | None, seed: int
    ) -> Sequence[Features]:
        """A motion of each text, of so many frames; entry i is made with seed + i.

        With None the system chooses the lengths; one that cannot raises ConfigError.
        """

    def features_to_text(self, motions: Sequence[Features]) -> list[str]:
        """A caption of each motion."""


@runtime_checkable
class Completes(Protocol):
    """A system that also encodes, continues and fills motions."""

    def reconstruct(self, motions: Sequence[Features]) -> list[Features]:
        """Motions by way of their latents."""

    def predict(self, begin: Joints, num_frames: int, seed: int) -> Joints:
        """`begin` and what comes after it, `num_frames` in all."""

    def fill(self, begin: Joints, end: Joints, num_frames: int, seed: int) -> Joints:
        """`begin`, what may lie between, and `end`, `num_frames` in all."""


class ModelSystem:
    """A `MotionLanguageModel` as a system to be scored."""

    def __init__(
        self, model: MotionLanguageModel, sampling: Sampling | None = None, *, clean: bool = True
    ) -> None:
        """`sampling` says how motions are made, its seed is not used.

        With `clean` they are scored as users get them: bones of one length and feet that stand, one frame shorter.
        """
        self.model, self.sampling, self.clean = model, sampling or Sampling(), clean

    def text_to_features(
        self, texts: Sequence[str], frames: Sequence[int] | None, seed: int
    ) -> list[Features]:
        """A motion of each text; one shorter or longer than the model can make is cut, or ends early.

        Raises:
            ConfigError: no lengths are given and the model predicts none.
        """
        model = self.model
        if frames is None and model.network.length is None:
            raise ConfigError("this model does not predict lengths")
        wanted = frames and [min(max(each, model.min_frames), model.max_frames) for each in frames]
        said = wanted if wanted and model.length_in_prompt else [None] * len(texts)
        limit = model.network.config.mixture.max_positions
        sequences = [
            prompts.motion_of_text(model.tokenizer, text, limit, length)
            for text, length in zip(texts, said, strict=True)
        ]
        made = model.sample_features(sequences, [], wanted, replace(self.sampling, seed=seed))
        if frames is not None:
            made = [each[:n] for each, n in zip(made, frames, strict=True)]
        return [clip_to_features(clean_clip(each)) for each in made] if self.clean else made

    def features_to_text(self, motions: Sequence[Features]) -> list[str]:
        """A caption of each motion; of a longer one than the model takes, of its begin."""
        return self.model.features_to_text([motion[: self.model.max_frames] for motion in motions])

    def reconstruct(self, motions: Sequence[Features]) -> list[Features]:
        """Motions by way of their latents."""
        cut = [motion[: self.model.max_frames] for motion in motions]
        return self.model.decode_features(self.model.encode_features(cut), [len(motion) for motion in cut])

    def predict(self, begin: Joints, num_frames: int, seed: int) -> Joints:
        """`begin` and what comes after it."""
        made = self.model.continue_motion(
            Clip(begin, float(FPS)),
            seconds=(num_frames - len(begin)) / FPS,
            seed=seed,
            guidance_scale=self.sampling.guidance_scale,
            steps=self.sampling.steps,
            sampler=self.sampling.sampler,
        )
        return made.joints

    def fill(self, begin: Joints, end: Joints, num_frames: int, seed: int) -> Joints:
        """`begin`, what may lie between, and `end`, which stays where it is."""
        made = self.model.fill_between(
            Clip(begin, float(FPS)),
            Clip(end, float(FPS)),
            seconds=(num_frames - len(begin) - len(end)) / FPS,
            seed=seed,
            guidance_scale=self.sampling.guidance_scale,
            steps=self.sampling.steps,
            sampler=self.sampling.sampler,
            keep_places=True,
        )
        return made.joints
