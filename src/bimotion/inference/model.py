"""`MotionLanguageModel`: text to motion, motion to text, prediction and in-betweening, on clips and strings.

Legend: B clips, T frames, F = 263 feature columns, N latents of a clip, D latent width.
"""

import logging
import math
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import overload

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from bimotion.errors import ConfigError, ModelError
from bimotion.features.clips import clip_to_features, features_to_clip
from bimotion.features.layout import FPS
from bimotion.inference.arguments import (
    check_choice,
    check_clip,
    check_clips,
    check_entries,
    check_flag,
    check_integer,
    check_text,
    check_texts,
)
from bimotion.inference.candidates import Tools
from bimotion.inference.caption_guard import join_captions
from bimotion.inference.compose import Chunk, ComposedClip, compose_chunks, compose_clip
from bimotion.inference.controls import Key, check_controls
from bimotion.inference.describe import describe_clip
from bimotion.inference.examples import Examples
from bimotion.inference.feature_model import Cancel, FeatureModel, Progress
from bimotion.inference.generation import (
    GeneratedClip,
    frames_in,
    generate_clips,
    raise_doubts,
    sentence_doubts,
)
from bimotion.inference.known_words import KnownWords, caption_ids
from bimotion.inference.match import Match, Matcher, match_of
from bimotion.inference.prediction import inbetween_clip, predict_clip
from bimotion.inference.request import MotionRequest, read_request
from bimotion.inference.settings import Sampling
from bimotion.inference.timeline import Phrase, PhraseLike, TimedPhrase, check_phrase, check_phrases
from bimotion.models.choices import Precision, Sampler
from bimotion.models.precision import set_precision
from bimotion.models.weights import load_model
from bimotion.motion.clip import Clip

logger = logging.getLogger("bimotion")

CANDIDATES = 16
"""Candidates for each sentence of a model with examples."""

MAX_CANDIDATES = 100
"""Bound of `best`."""

MAX_TEXTS = 10_000
"""Bound of the sentences of one call."""


class MotionLanguageModel(FeatureModel):
    """A trained model with its tokenizer and feature statistics.

    Its methods take one clip or sentence and return one result, or take a list and return a list. The same seed gives
    the same result; entry i of a list is generated with seed + i.
    """

    name = ""
    """Folder that the model was read from."""
    precision: Precision = "fp32"
    """Number format that it computes in."""
    known_words: KnownWords | None = None
    """Words of its training captions, where its folder has them."""
    examples: Examples | None = None
    """Captioned training motions that sampling may start from, where its folder has them."""

    @property
    def candidates(self) -> int:
        """Motions that are generated for each sentence unless `best` says otherwise."""
        return 1 if self.examples is None else CANDIDATES

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
            ModelError: the folder is no model folder, there is no such device, or it has no int8.
            ConfigError: an argument of another type.
        """
        check_choice(precision, "precision", Precision)
        if not isinstance(folder, (str, Path)):
            raise ConfigError(f"model: expected a path, got a value of type {type(folder).__name__}")
        try:
            target = torch.device(device)
            torch.empty(0, device=target)
        except (RuntimeError, AssertionError, TypeError, ValueError) as error:
            raise ModelError(
                f"device {str(device)!r} cannot be used: {str(error).splitlines()[0]}"
            ) from error
        network, tokenizer = load_model(folder, target)
        set_precision(network, precision)
        model = cls(network, tokenizer)
        model.name, model.precision = str(folder), precision
        model.known_words = KnownWords.of_folder(Path(folder))
        if model.known_words is not None:
            model.caption_ids = caption_ids(model.known_words, tokenizer)
        model.examples = Examples.of_folder(Path(folder), math.prod(network.config.latent_shape))
        logger.info("read %r", model)
        return model

    def __repr__(self) -> str:
        parameters = sum(parameter.numel() for parameter in self.network.parameters())
        return (
            f"MotionLanguageModel({self.name!r}, {parameters / 1e6:.1f}M parameters, {self.precision} on "
            f"{self.network.latent_mean.device}, {self.min_frames / FPS:g} to {self.max_frames / FPS:g} s)"
        )

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
        best: int | None = ...,
        check: bool = ...,
        strict: bool = ...,
        progress: Progress | None = ...,
        cancel: Cancel | None = ...,
    ) -> GeneratedClip: ...
    @overload
    def text_to_motion(
        self,
        text: list[str] | tuple[str, ...],
        *,
        seconds: float | list[float | None] | tuple[float | None, ...] | None = ...,
        frames: int | None = ...,
        seed: int | list[int] | tuple[int, ...] | None = ...,
        guidance_scale: float | None = ...,
        steps: int | None = ...,
        sampler: Sampler | None = ...,
        clean: bool = ...,
        best: int | None = ...,
        check: bool = ...,
        strict: bool = ...,
        progress: Progress | None = ...,
        cancel: Cancel | None = ...,
    ) -> list[GeneratedClip]: ...
    def text_to_motion(
        self,
        text: str | list[str] | tuple[str, ...],
        *,
        seconds: float | list[float | None] | tuple[float | None, ...] | None = None,
        frames: int | None = None,
        seed: int | list[int] | tuple[int, ...] | None = None,
        guidance_scale: float | None = None,
        steps: int | None = None,
        sampler: Sampler | None = None,
        clean: bool = True,
        best: int | None = None,
        check: bool = False,
        strict: bool = False,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
    ) -> GeneratedClip | list[GeneratedClip]:
        """The motion that a sentence describes: 20 frames per second, on the floor, from the origin, facing +Z.

        The length is `seconds` or `frames`, else what the sentence says ("for three seconds", "ten steps"), else what
        the model predicts. `guidance_scale` (1: none), `steps` and `sampler` default to the model's. `clean` makes bone
        lengths constant, locks standing feet, keeps joints above the floor, and mirrors a motion that shows the other
        side than the sentence names (`named_side`).

        With several sentences `seconds` and `seed` may be lists with an entry for each.

        `best` generates as many candidates for each sentence and returns the one that fulfils it best by what is
        measured of it; None takes the model's number. Half of several candidates start from captioned training motions
        where the model has some (`examples`); with 1 the motion is the network's alone.

        With `check` each clip has a `match`: the model's own caption of it, a score and warnings; `strict` raises an
        error where it gives rise to a warning. Without `check`, doubts about the sentence itself are logged.

        `progress` is called with the numbers of finished and of all motions, `cancel` is asked between batches.

        Raises:
            ConfigError: an empty sentence, a length that the model cannot generate, or an argument of a wrong type or
                out of range.
            MatchError: `strict`, and a motion does not match its sentence.
            Cancelled: `cancel` returned True.
        """
        single = isinstance(text, str)
        texts = [check_text(text)] if isinstance(text, str) else check_texts(text)
        if len(texts) > MAX_TEXTS:
            raise ConfigError(f"text: expected at most {MAX_TEXTS} sentences in one call, got {len(texts)}")
        if best is not None:
            best = check_integer(best, "best", 1, MAX_CANDIDATES)
        for name, flag in (("clean", clean), ("check", check), ("strict", strict)):
            check_flag(flag, name)
        seeds = check_entries(seed, "seed", len(texts)) if isinstance(seed, (list, tuple)) else None
        sampling = Sampling(
            None if isinstance(seed, (list, tuple)) else seed, guidance_scale, steps, sampler, seeds
        )
        each_seconds = (
            check_entries(seconds, "seconds", len(texts))
            if isinstance(seconds, (list, tuple))
            else (seconds,) * len(texts)
        )
        fixed = [self.frames_of(each, frames) for each in each_seconds]
        requests = [read_request(each) for each in texts]
        doubts = [self._doubts(*each) for each in zip(requests, fixed, strict=True)]
        lengths = [own or frames_in(self, request) for own, request in zip(fixed, requests, strict=True)]
        if self.network.length is None and None in lengths:
            raise ConfigError("this model does not predict lengths; give seconds or frames")
        count = self.candidates if best is None else best
        tools = Tools(self.examples, self._matcher.embedder) if count > 1 else Tools()
        clips = generate_clips(
            self, requests, lengths, count, sampling, tools, clean=clean, progress=progress, cancel=cancel
        )
        if check or strict:
            matches = self._matches(requests, clips, doubts)
            clips = [replace(clip, match=match) for clip, match in zip(clips, matches, strict=True)]
            if strict:
                raise_doubts(clips)
        else:
            for doubt in (doubt for several in doubts for doubt in several):
                logger.warning("%s", doubt)
        return clips[0] if single else clips

    @overload
    def motion_to_text(
        self, clip: Clip, *, progress: Progress | None = ..., cancel: Cancel | None = ...
    ) -> str: ...
    @overload
    def motion_to_text(
        self, clip: Sequence[Clip], *, progress: Progress | None = ..., cancel: Cancel | None = ...
    ) -> list[str]: ...
    def motion_to_text(
        self,
        clip: Clip | Sequence[Clip],
        *,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
    ) -> str | list[str]:
        """What the person in a clip does, in a sentence that measured facts do not contradict.

        A clip longer than the model takes (9.8 s) is captioned in parts of equal length, whose captions are joined.

        Raises:
            ConfigError: an argument that is no clip.
            MotionFileError: a clip is shorter than two frames at 20 per second, or longer than an hour.
            Cancelled: `cancel` returned True.
        """
        single = isinstance(clip, Clip)
        clips = [check_clip(clip)] if isinstance(clip, Clip) else check_clips(clip)
        parts: list[Float[np.ndarray, "_ 263"]] = []
        owners: list[int] = []
        for index, each in enumerate(clips):
            features = clip_to_features(each)
            pieces = np.array_split(features, -(-len(features) // self.max_frames))
            parts += pieces
            owners += [index] * len(pieces)
        captions: list[list[str]] = [[] for _ in clips]
        texts = self.features_to_text(parts, progress=progress, cancel=cancel)
        for owner, caption in zip(owners, texts, strict=True):
            captions[owner].append(caption)
        joined = [join_captions(several) for several in captions]
        return joined[0] if single else joined

    def predict(
        self,
        clip: Clip,
        *,
        seconds: float = 2.0,
        text: str | None = None,
        seed: int | None = None,
        guidance_scale: float | None = None,
        steps: int | None = None,
        sampler: Sampler | None = None,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
    ) -> Clip:
        """The clip and what comes next: its own frames unchanged, then `seconds` of new ones.

        The new frames have the clip's frame rate and bone lengths and continue from its last frame.

        With `text` they show what the sentence describes.

        Raises:
            ConfigError: `seconds` is not above 0 or above 600, or an argument of a wrong type.
            MotionFileError: the clip is shorter than two frames at 20 per second.
            Cancelled: `cancel` returned True.
        """
        sampling = Sampling(seed, guidance_scale, steps, sampler)
        if text is not None:
            text = Phrase(text).text
        return predict_clip(
            self, check_clip(clip), seconds, sampling, text=text, progress=progress, cancel=cancel
        )

    def inbetween(
        self,
        first: Clip,
        last: Clip,
        *,
        seconds: float = 1.0,
        text: str | None = None,
        seed: int | None = None,
        guidance_scale: float | None = None,
        steps: int | None = None,
        sampler: Sampler | None = None,
        fixed_end: bool = False,
        keep_places: bool | None = None,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
    ) -> Clip:
        """`first`, `seconds` of new motion, then `last`, at the frame rate of `first`.

        `last` is moved over the floor to where the new motion arrives. With `fixed_end` it keeps its position, as for
        two parts of one recording, and the path of the new motion is bent to lead there. `keep_places` is the old name
        of `fixed_end`, for one release.

        With `text` the new motion shows what the sentence describes.

        Raises:
            ConfigError: `seconds` is not above 0 or longer than the model can fill, or an argument of a wrong type.
            MotionFileError: a clip is shorter than two frames at 20 per second.
            Cancelled: `cancel` returned True.
        """
        sampling = Sampling(seed, guidance_scale, steps, sampler)
        if keep_places is not None:
            warnings.warn("keep_places is now called fixed_end", DeprecationWarning, stacklevel=2)
            fixed_end = keep_places
        check_flag(fixed_end, "fixed_end")
        first, last = check_clip(first, "first"), check_clip(last, "last")
        if text is not None:
            text = Phrase(text).text
        return inbetween_clip(
            self,
            first,
            last,
            seconds,
            sampling,
            fixed_end=fixed_end,
            text=text,
            progress=progress,
            cancel=cancel,
        )

    def describe(
        self, clip: Clip, *, progress: Progress | None = None, cancel: Cancel | None = None
    ) -> list[TimedPhrase]:
        """What the person does when: captions with start and end in seconds, without gaps.

        The motion is cut where the movement changes (speed, turning, height, lean, hands), into parts of 1.5 s or more.

        Raises:
            ConfigError: an argument that is no clip.
            MotionFileError: the clip is shorter than two frames at 20 per second, or longer than an hour.
            Cancelled: `cancel` returned True.
        """
        return describe_clip(self, check_clip(clip), progress=progress, cancel=cancel)

    def compose(
        self,
        phrases: Sequence[PhraseLike],
        *,
        seed: int | None = None,
        guidance_scale: float | None = None,
        steps: int | None = None,
        sampler: Sampler | None = None,
        clean: bool = True,
        loop: bool = False,
        start_pose: Clip | None = None,
        path: Sequence[tuple[float, float]] | None = None,
        keys: Sequence[Key] | None = None,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
    ) -> ComposedClip:
        """One motion of several phrases, each after the other, of any length: 20 frames per second, from the origin.

        A phrase is a sentence ("walks forward", "walks forward @3") or a pair of sentence and seconds; without seconds
        its length is what the sentence says, else what the model predicts. Body, heading, speed and standing feet go on
        from phrase to phrase. The seed of piece i of the motion is seed + i.

        With `loop` the end leads into the start in pose, speed and steps. `start_pose` is a clip whose first frame is
        the first pose. `path` are waypoints (x, z) on the floor, in metres: the motion starts at the first, faces the
        second and goes on at constant speed during phrases that walk, run or turn. `keys` are poses, and positions of
        hands and feet, at times. What a motion cannot meet (waypoints within 5 cm, keys within 3 cm) is refused.

        >>> model.compose([("a person walks", 3.0), "sits down @4"], seed=0)
        >>> model.compose(["walks @6"], path=[(0, 0), (2, 0), (2, 3)], seed=0)
        >>> model.compose(["waves @3"], keys=[bimotion.Key(1.5, "right_hand", (-0.3, 1.7, 0.3))], seed=0)

        Raises:
            ConfigError: no phrase, one that is too short for the model, a control that the motion cannot meet, or an
                argument of a wrong type.
            Cancelled: `cancel` returned True.
        """
        checked = check_phrases(phrases)
        check_flag(clean, "clean")
        sampling = Sampling(seed, guidance_scale, steps, sampler)
        controls = check_controls(loop, start_pose, path, keys)
        return compose_clip(
            self, checked, sampling, clean=clean, controls=controls, progress=progress, cancel=cancel
        )

    def stream(
        self,
        phrases: Iterable[PhraseLike],
        *,
        seed: int | None = None,
        guidance_scale: float | None = None,
        steps: int | None = None,
        sampler: Sampler | None = None,
        clean: bool = True,
        cancel: Cancel | None = None,
    ) -> Iterator[Chunk]:
        """The motion of `compose` in chunks, each generated when it is asked for.

        `phrases` may be a generator that never ends: the next phrase is taken from it when the motion before has been
        given out, so that what comes next can be decided while the motion plays. Memory does not grow.

        >>> for chunk in model.stream(phrases_that_somebody_types(), seed=0):
        ...     play(chunk.clip.joints)

        Raises:
            ConfigError: a phrase that is too short for the model, or an argument of a wrong type.
            Cancelled: `cancel` returned True.
        """
        check_flag(clean, "clean")
        if isinstance(phrases, (str, bytes)) or not isinstance(phrases, Iterable):
            raise ConfigError("phrases: expected an iterable such as ['walks', ('sits down', 3.0)]")
        sampling = Sampling(seed, guidance_scale, steps, sampler)
        return compose_chunks(self, map(check_phrase, phrases), sampling, clean=clean, cancel=cancel)

    def continue_motion(self, clip: Clip, *, seconds: float = 2.0, seed: int | None = None) -> Clip:
        """Old name of `predict`, for one release."""
        warnings.warn("continue_motion is now called predict", DeprecationWarning, stacklevel=2)
        return self.predict(clip, seconds=seconds, seed=seed)

    def fill_between(
        self,
        first: Clip,
        last: Clip,
        *,
        seconds: float = 1.0,
        seed: int | None = None,
        keep_places: bool = False,
    ) -> Clip:
        """Old name of `inbetween`, for one release."""
        warnings.warn("fill_between is now called inbetween", DeprecationWarning, stacklevel=2)
        return self.inbetween(first, last, seconds=seconds, seed=seed, fixed_end=keep_places)

    def match(self, text: str, clip: Clip) -> Match:
        """How well a clip matches a sentence: the model's caption of it, a score, and what contradicts the sentence.

        Raises:
            ConfigError: an empty sentence, or an argument of a wrong type.
            MotionFileError: the clip is shorter than two frames at 20 per second.
        """
        request = read_request(check_text(text))
        return self._matches([request], [check_clip(clip)], [self._doubts(request, None)])[0]

    def matches(
        self,
        texts: Sequence[str],
        clips: Sequence[Clip],
        captions: Sequence[str],
        seconds: Sequence[float | None],
    ) -> list[Match]:
        """`match` of clips that have been captioned already; `seconds` are the lengths that were asked for, or None."""
        requests = [read_request(check_text(text)) for text in texts]
        doubts = [
            self._doubts(request, self.frames_of(length, None))
            for request, length in zip(requests, seconds, strict=True)
        ]
        return self._matches(requests, clips, doubts, captions)

    def encode(self, clip: Clip | Sequence[Clip]) -> Float[Tensor, "B N D"]:
        """Latents of clips, about zero mean and unit deviation; B is 1 for a single clip.

        Raises:
            ConfigError: an argument that is no clip.
            ModelError: a clip is longer than the model takes, or there is none.
        """
        clips = [check_clip(clip)] if isinstance(clip, Clip) else check_clips(clip)
        if not clips:
            raise ModelError("encode: expected at least one clip, got an empty list")
        features = [clip_to_features(each) for each in clips]
        for each, rows in zip(clips, features, strict=True):
            if len(rows) > self.max_frames:
                raise ModelError(
                    f"clip {each.name!r}: {each.duration:.1f} s are longer than the model's maximum of "
                    f"{self.max_frames / FPS:.1f} s; cut it with clip[start:stop]"
                )
        return self.encode_features(features)

    def decode(self, latents: Float[Tensor, "B N D"], frames: int | Sequence[int]) -> list[Clip]:
        """Clips of latents, each of so many frames at 20 per second.

        Raises:
            ConfigError: latents of another shape, or a length that the model cannot generate.
        """
        shape = self.network.config.latent_shape
        if not isinstance(latents, Tensor) or tuple(latents.shape[1:]) != shape:
            raise ConfigError(f"latents: expected a tensor of shape (clips, {shape[0]}, {shape[1]})")
        if not (latents.is_floating_point() and bool(latents.isfinite().all())):
            raise ConfigError("latents: expected finite floating-point numbers")
        frame_counts: list[object] = (
            list(frames) if isinstance(frames, (list, tuple)) else [frames] * len(latents)
        )
        if not frame_counts or len(frame_counts) != len(latents):
            raise ConfigError(
                f"frames: expected {len(latents)} lengths and at least one, got {len(frame_counts)}"
            )
        lengths = [check_integer(each, "frames", self.min_frames, self.max_frames) for each in frame_counts]
        return [features_to_clip(features) for features in self.decode_features(latents, lengths)]

    @cached_property
    def _matcher(self) -> Matcher:
        return Matcher.bundled(str(self.network.latent_mean.device))

    def _doubts(self, request: MotionRequest, fixed: int | None) -> list[str]:
        return sentence_doubts(self, request, self.known_words, fixed)

    def _matches(
        self,
        requests: Sequence[MotionRequest],
        clips: Sequence[Clip],
        doubts: Sequence[Sequence[str]],
        captions: Sequence[str] | None = None,
    ) -> list[Match]:
        captions = self.motion_to_text(clips) if captions is None else captions
        scores = self._matcher.scores([request.prompt for request in requests], clips)
        return [
            match_of(request, clip, caption, None if scores is None else scores[index], several)
            for index, (request, clip, caption, several) in enumerate(
                zip(requests, clips, captions, doubts, strict=True)
            )
        ]
