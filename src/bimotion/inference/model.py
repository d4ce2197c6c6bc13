"""`MotionLanguageModel`: text to motion, motion to text, continuing and filling, on clips and strings.

Legend: B clips, T frames, F = 263 feature columns, N latents of a clip, D numbers in a latent.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import overload

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from bimotion.errors import ConfigError, ModelError
from bimotion.features.clips import clip_to_features, features_to_clip
from bimotion.features.layout import FPS
from bimotion.features.normalise import FeatureStats
from bimotion.inference import completion, prompts
from bimotion.inference.postprocess.cleanup import clean_clip
from bimotion.inference.settings import Sampling
from bimotion.models.diffusion import Sampler
from bimotion.models.generate import DecodingConfig
from bimotion.models.motion_language import MotionLanguage
from bimotion.models.precision import Precision, set_precision
from bimotion.models.tokens import MotionTokenizer, TokenSequence
from bimotion.models.weights import load_model
from bimotion.motion.clip import Clip

BATCH = 16
"""Clips that go through the network at once; more need more memory and are hardly faster on a CPU."""

PUBLISHED_MAX_FRAMES = 196
"""Longest clip of a model that does not say so itself: 9.8 s."""


class MotionLanguageModel:
    """A trained model with its tokenizer and feature statistics.

    Its methods take one clip or sentence and give one result, or take a list and give a list. The same seed gives the
    same result; entry i of a list is generated as if alone with seed + i.
    """

    def __init__(self, network: MotionLanguage, tokenizer: MotionTokenizer) -> None:
        self.network = network.eval()
        self.tokenizer = tokenizer
        self.stats = FeatureStats(
            mean=network.feature_mean.float().cpu().numpy(), std=network.feature_std.float().cpu().numpy()
        )
        length = network.config.length
        self.max_frames = min(
            network.config.vae.max_frames, PUBLISHED_MAX_FRAMES if length is None else length.max_frames
        )
        self.min_frames = FPS if length is None else length.min_frames
        self.length_in_prompt = network.config.length_in_prompt

    @classmethod
    def from_folder(
        cls,
        folder: str | Path,
        *,
        device: str | torch.device = "cpu",
        precision: Precision = "fp32",
    ) -> "MotionLanguageModel":
        """The model of a folder, computing in `precision`.

        Raises:
            ModelError: the folder is no model folder, there is no such device, or int8 is asked of it.
        """
        try:
            place = torch.device(device)
            torch.empty(0, device=place)
        except (RuntimeError, AssertionError) as error:
            raise ModelError(
                f"device {str(device)!r} cannot be used: {str(error).splitlines()[0]}"
            ) from error
        network, tokenizer = load_model(folder, place)
        set_precision(network, precision)
        return cls(network, tokenizer)

    @overload
    def text_to_motion(
        self,
        text: str,
        *,
        seconds: float | None = ...,
        frames: int | None = ...,
        seed: int | None = ...,
        guidance_scale: float | None = ...,
        steps: int | None = ...,
        sampler: Sampler | None = ...,
        clean: bool = ...,
    ) -> Clip: ...
    @overload
    def text_to_motion(
        self,
        text: list[str] | tuple[str, ...],
        *,
        seconds: float | None = ...,
        frames: int | None = ...,
        seed: int | None = ...,
        guidance_scale: float | None = ...,
        steps: int | None = ...,
        sampler: Sampler | None = ...,
        clean: bool = ...,
    ) -> list[Clip]: ...
    def text_to_motion(
        self,
        text: str | list[str] | tuple[str, ...],
        *,
        seconds: float | None = None,
        frames: int | None = None,
        seed: int | None = None,
        guidance_scale: float | None = None,
        steps: int | None = None,
        sampler: Sampler | None = None,
        clean: bool = True,
    ) -> Clip | list[Clip]:
        """The motion that a sentence describes: 20 frames per second, on the floor, from the origin, facing +Z.

        The length is predicted when neither `seconds` nor `frames` is given. `guidance_scale` (1: none), `steps` and
        `sampler` are the model's own when not given. `clean` gives bones one length and holds standing feet in
        place; False is what the network says.

        Raises:
            ConfigError: an empty sentence, a length that the model cannot make, or settings out of their range.
        """
        if isinstance(text, str):
            return self.text_to_motion(
                [text],
                seconds=seconds,
                frames=frames,
                seed=seed,
                guidance_scale=guidance_scale,
                steps=steps,
                sampler=sampler,
                clean=clean,
            )[0]
        wanted = self.frames_of(seconds, frames)
        if wanted is None and self.network.length is None:
            raise ConfigError("this model does not predict lengths; give seconds or frames")
        limit = self.network.config.mixture.max_positions
        said = wanted if self.length_in_prompt else None
        sequences = [prompts.motion_of_text(self.tokenizer, each, limit, said) for each in text]
        sampling = Sampling(seed, guidance_scale, steps, sampler)
        made = self.sample_features(sequences, [], wanted, sampling)
        make = clean_clip if clean else features_to_clip
        return [
            make(features, caption=" ".join(each.split())) for each, features in zip(text, made, strict=True)
        ]

    @overload
    def motion_to_text(self, clip: Clip) -> str: ...
    @overload
    def motion_to_text(self, clip: Sequence[Clip]) -> list[str]: ...
    def motion_to_text(self, clip: Clip | Sequence[Clip]) -> str | list[str]:
        """What the person in a clip does, in a sentence.

        A clip longer than the model takes (9.8 s) is captioned in parts of equal length, and what they say is
        joined by "; then ".

        Raises:
            MotionFileError: a clip is shorter than two frames at 20 per second.
        """
        if isinstance(clip, Clip):
            return self.motion_to_text([clip])[0]
        parts: list[Float[np.ndarray, "_ 263"]] = []
        owners: list[int] = []
        for number, each in enumerate(clip):
            features = clip_to_features(each)
            pieces = np.array_split(features, -(-len(features) // self.max_frames))
            parts += pieces
            owners += [number] * len(pieces)
        said: list[list[str]] = [[] for _ in clip]
        for owner, caption in zip(owners, self.features_to_text(parts), strict=True):
            if caption not in said[owner][-1:]:
                said[owner].append(caption)
        return ["; then ".join(captions) for captions in said]

    def continue_motion(
        self,
        clip: Clip,
        *,
        seconds: float = 2.0,
        seed: int | None = None,
        guidance_scale: float | None = None,
        steps: int | None = None,
        sampler: Sampler | None = None,
    ) -> Clip:
        """The clip, and after it what comes next: its own frames as they are, then `seconds` of new ones.

        The new frames have the clip's frame rate and bone lengths and go on from where it ends.

        Raises:
            ConfigError: `seconds` is not above 0.
            MotionFileError: the clip is shorter than two frames at 20 per second.
        """
        return completion.continue_clip(self, clip, seconds, Sampling(seed, guidance_scale, steps, sampler))

    def fill_between(
        self,
        first: Clip,
        last: Clip,
        *,
        seconds: float = 1.0,
        seed: int | None = None,
        guidance_scale: float | None = None,
        steps: int | None = None,
        sampler: Sampler | None = None,
        keep_places: bool = False,
    ) -> Clip:
        """`first`, `seconds` of new motion, then `last`, at the frame rate of `first`.

        `last` is moved over the floor to where the new motion arrives. With `keep_places` it stays where it is, as
        for two parts of one recording, and the new motion is led there.

        Raises:
            ConfigError: `seconds` is not above 0, or longer than the model can fill.
            MotionFileError: a clip is shorter than two frames at 20 per second.
        """
        sampling = Sampling(seed, guidance_scale, steps, sampler)
        return completion.fill_clip(self, first, last, seconds, sampling, keep_places=keep_places)

    def encode(self, clip: Clip | Sequence[Clip]) -> Float[Tensor, "B N D"]:
        """Latents of clips, about zero mean and unit deviation; B is 1 for a single clip.

        Raises:
            ModelError: a clip is longer than the model takes.
        """
        clips = [clip] if isinstance(clip, Clip) else clip
        features = [clip_to_features(each) for each in clips]
        for each, rows in zip(clips, features, strict=True):
            if len(rows) > self.max_frames:
                raise ModelError(
                    f"clip {each.name!r}: {each.duration:.1f} s are longer than the {self.max_frames / FPS:.1f} s that "
                    "the model takes; cut it with clip[start:stop]"
                )
        return self.encode_features(features)

    def decode(self, latents: Float[Tensor, "B N D"], frames: int | Sequence[int]) -> list[Clip]:
        """Clips of latents, each of so many frames at 20 per second.

        Raises:
            ConfigError: a length that the model cannot make.
        """
        lengths = [frames] * len(latents) if isinstance(frames, int) else list(frames)
        for length in lengths:
            self.frames_of(None, length)
        return [features_to_clip(features) for features in self.decode_features(latents, lengths)]

    def frames_of(self, seconds: float | None, frames: int | None) -> int | None:
        """The frames that a user asks for; None where neither is given.

        Raises:
            ConfigError: both are given, or the length is out of range.
        """
        if seconds is None and frames is None:
            return None
        if seconds is not None and frames is not None:
            raise ConfigError("give seconds or frames, not both")
        wanted = frames if seconds is None else round(seconds * FPS)
        assert wanted is not None
        if not self.min_frames <= wanted <= self.max_frames:
            low, high = self.min_frames / FPS, self.max_frames / FPS
            got = f"{frames} frames" if seconds is None else f"{seconds:g} seconds"
            raise ConfigError(
                f"this model makes {low:g} to {high:g} seconds ({self.min_frames} to {self.max_frames} frames) at a "
                f"time, got {got}; longer motions are made with continue_motion"
            )
        return wanted

    @torch.inference_mode()
    def encode_features(self, features: Sequence[Float[np.ndarray, "_ 263"]]) -> Float[Tensor, "B N D"]:
        """Latents of features that are not normalised, each of at most `max_frames` rows."""
        weights = next(self.network.parameters())
        latents = []
        for start in range(0, len(features), BATCH):
            rows = features[start : start + BATCH]
            lengths = torch.tensor([len(row) for row in rows], device=weights.device)
            padded = np.zeros((len(rows), max(map(len, rows)), rows[0].shape[1]), dtype=np.float32)
            for place, row in enumerate(rows):
                padded[place, : len(row)] = self.stats.normalise(row)
            batch = torch.from_numpy(padded).to(weights.device, weights.dtype)
            latents.append(self.network.encode(batch, lengths))
        return torch.cat(latents)

    @torch.inference_mode()
    def decode_features(
        self, latents: Float[Tensor, "B N D"], lengths: Sequence[int]
    ) -> list[Float[np.ndarray, "_ 263"]]:
        """Features, not normalised, of latents."""
        rows = torch.tensor(list(lengths), device=latents.device)
        normalised = self.network.decode(latents, rows, max(lengths)).float().cpu().numpy()
        features = self.stats.denormalise(normalised)
        return [each[:length] for each, length in zip(features, lengths, strict=True)]

    def sample_features(
        self,
        sequences: Sequence[TokenSequence],
        given: Sequence[Float[np.ndarray, "_ 263"]],
        frames: int | Sequence[int] | None,
        sampling: Sampling,
    ) -> list[Float[np.ndarray, "_ 263"]]:
        """Features that answer requests for a motion; `given` are those of the motions in the requests, in order.

        `frames` is the length of all, or of each; None takes the lengths that the model predicts.

        Raises:
            ConfigError: settings out of their range.
        """
        made: list[Float[np.ndarray, "_ 263"]] = []
        each = len(given) // len(sequences) if sequences else 0
        for start in range(0, len(sequences), BATCH):
            stop = min(start + BATCH, len(sequences))
            latents = self.encode_features(given[start * each : stop * each]) if each else None
            x, predicted = self.network.sample(
                self.network.batch(sequences[start:stop]),
                latents,
                steps=sampling.steps,
                sampler=sampling.sampler,
                guidance_scale=sampling.guidance_scale,
                generator=[sampling.generator(number) for number in range(start, stop)],
            )
            if isinstance(frames, Sequence):
                lengths = list(frames[start:stop])
            elif frames is not None or predicted is None:
                lengths = [self.max_frames if frames is None else frames] * (stop - start)
            else:
                lengths = predicted.clamp(self.min_frames, self.max_frames).tolist()
            made += self.decode_features(x, lengths)
        return made

    def features_to_text(self, features: Sequence[Float[np.ndarray, "_ 263"]]) -> list[str]:
        """Captions of features that are not normalised, each of at most `max_frames` rows."""
        said: list[str] = []
        for start in range(0, len(features), BATCH):
            rows = features[start : start + BATCH]
            frames = [len(each) if self.length_in_prompt else None for each in rows]
            batch = self.network.batch([prompts.text_of_motion(self.tokenizer, each) for each in frames])
            answers = self.network.generate(batch, self.encode_features(rows), DecodingConfig())
            said += [self.tokenizer.caption(ids) for ids in answers]
        return said
