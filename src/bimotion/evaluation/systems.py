"""Systems that can be evaluated: any class with two methods, and our models, which support more parts.

Features are HumanML3D's, not normalised; joints are metres; both are 20 frames per second.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from bimotion.data.window_features import Features
from bimotion.errors import ConfigError
from bimotion.evaluation.motions import Motion
from bimotion.features.layout import FPS
from bimotion.inference import prompts
from bimotion.inference.arguments import check_integer
from bimotion.inference.generation import GeneratedClip
from bimotion.inference.model import MotionLanguageModel
from bimotion.inference.postprocess.cleanup import clean_clips
from bimotion.inference.settings import Sampling
from bimotion.inference.text_to_motion import MAX_CANDIDATES
from bimotion.motion.clip import Clip

Joints = Float[np.ndarray, "_ 22 3"]


@runtime_checkable
class TextMotionSystem(Protocol):
    """Anything that turns captions into motions and motions into captions."""

    def text_to_motions(
        self, texts: Sequence[str], frames: Sequence[int] | None, seed: int
    ) -> Sequence[Motion]:
        """A motion of each text with the given number of frames; entry i is generated with seed + i.

        Motions are features or clips; clips are measured at their own height. With `frames` None the system chooses
        the lengths; one that cannot raises ConfigError.
        """

    def features_to_text(self, motions: Sequence[Features]) -> list[str]:
        """A caption of each motion."""


@runtime_checkable
class CompletionSystem(Protocol):
    """A system that also reconstructs, predicts and in-betweens motions."""

    def reconstruct(self, motions: Sequence[Features]) -> list[Features]:
        """Motions encoded to latents and decoded again."""

    def predict(self, begin: Joints, num_frames: int, seed: int) -> Joints:
        """`begin` and its continuation, `num_frames` in all."""

    def inbetween(self, begin: Joints, end: Joints, num_frames: int, seed: int) -> Joints:
        """`begin`, a generated middle, and `end`, `num_frames` in all."""


class ModelSystem:
    """A `MotionLanguageModel` as a system to evaluate."""

    def __init__(
        self,
        model: MotionLanguageModel,
        sampling: Sampling | None = None,
        *,
        clean: bool = True,
        best: int = 1,
    ) -> None:
        """`sampling` holds the sampling options; its seed is not used.

        With `clean` motions are evaluated as users get them: constant bone lengths, standing feet held in place.
        A motion of a text is the best of `best` candidates, see `text_to_motion`, and so is a caption, see
        `features_to_text`; with 1 both are the network's alone.

        Raises:
            ConfigError: `best` is not in 1..100.
        """
        self.model, self.sampling, self.clean = model, sampling or Sampling(), clean
        self.best = check_integer(best, "best", 1, MAX_CANDIDATES)

    def text_to_motions(
        self, texts: Sequence[str], frames: Sequence[int] | None, seed: int
    ) -> Sequence[Motion]:
        """A motion of each text: clips with `clean`, else features. Lengths beyond the model's limits are clamped.

        Raises:
            ConfigError: no lengths are given and the model predicts none.
        """
        model = self.model
        if frames is None and model.network.length is None:
            raise ConfigError("this model does not predict lengths")
        lengths = frames and [min(max(each, model.min_frames), model.max_frames) for each in frames]
        if self.best > 1:
            clips = self._best(texts, lengths, seed)
            return clips if frames is None else [clip[:n] for clip, n in zip(clips, frames, strict=True)]
        in_prompt = lengths if lengths and model.length_in_prompt else [None] * len(texts)
        limit = model.network.config.mixture.max_positions
        sequences = [
            prompts.motion_of_text(model.tokenizer, text, limit, length)
            for text, length in zip(texts, in_prompt, strict=True)
        ]
        generated = model.sample_features(sequences, [], lengths, replace(self.sampling, seed=seed))
        if frames is not None:
            generated = [each[:n] for each, n in zip(generated, frames, strict=True)]
        if not self.clean:
            return generated
        return clean_clips(list(generated), texts)

    def _best(self, texts: Sequence[str], lengths: Sequence[int] | None, seed: int) -> list[GeneratedClip]:
        """The best of several candidates of each text."""
        clips = self.model.text_to_motion(
            list(texts),
            seconds=None if lengths is None else [each / FPS for each in lengths],
            seed=[seed + index for index in range(len(texts))],
            guidance_scale=self.sampling.guidance_scale,
            steps=self.sampling.steps,
            sampler=self.sampling.sampler,
            clean=self.clean,
            best=self.best,
        )
        assert isinstance(clips, list)
        return clips

    def features_to_text(self, motions: Sequence[Features]) -> list[str]:
        """A caption of each motion; only the beginning of motions longer than the model's limit is read."""
        cut = [motion[: self.model.max_frames] for motion in motions]
        return self.model.features_to_text(cut, best=1 if self.best == 1 else None)

    def reconstruct(self, motions: Sequence[Features]) -> list[Features]:
        """Motions encoded to latents and decoded again."""
        cut = [motion[: self.model.max_frames] for motion in motions]
        latents = self.model.network.rounded(self.model.encode_features(cut))
        return self.model.decode_features(latents, [len(motion) for motion in cut])

    def predict(self, begin: Joints, num_frames: int, seed: int) -> Joints:
        """`begin` and its continuation."""
        return self.model.predict(
            Clip(begin, float(FPS)),
            seconds=(num_frames - len(begin)) / FPS,
            seed=seed,
            guidance_scale=self.sampling.guidance_scale,
            steps=self.sampling.steps,
            sampler=self.sampling.sampler,
        ).joints

    def inbetween(self, begin: Joints, end: Joints, num_frames: int, seed: int) -> Joints:
        """`begin`, a generated middle, and `end` at its own position."""
        return self.model.inbetween(
            Clip(begin, float(FPS)),
            Clip(end, float(FPS)),
            seconds=(num_frames - len(begin) - len(end)) / FPS,
            seed=seed,
            guidance_scale=self.sampling.guidance_scale,
            steps=self.sampling.steps,
            sampler=self.sampling.sampler,
            fixed_end=True,
        ).joints
