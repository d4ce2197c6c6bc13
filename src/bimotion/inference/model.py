"""`MotionLanguageModel`, the class of `bimotion.load`: model folders, prediction, in-betweening and composing.

Its other methods are inherited: `text_to_motion` and `match` from `TextToMotionModel`, `motion_to_text`, `describe`,
`encode` and `decode` from `ClipModel`.
"""

import logging
import math
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import torch

from bimotion.errors import ConfigError, ModelError
from bimotion.features.layout import FPS
from bimotion.inference.arguments import check_choice, check_clip, check_flag
from bimotion.inference.compose import Chunk, ComposedClip, compose_chunks, compose_clip
from bimotion.inference.controls import Key, check_controls
from bimotion.inference.examples import Examples
from bimotion.inference.feature_model import Cancel, Progress
from bimotion.inference.known_words import KnownWords, caption_ids
from bimotion.inference.prediction import inbetween_clip, predict_clip
from bimotion.inference.settings import Sampling
from bimotion.inference.text_to_motion import TextToMotionModel
from bimotion.inference.timeline import Phrase, PhraseLike, check_phrase, check_phrases
from bimotion.models.choices import Precision, Sampler
from bimotion.models.precision import set_precision
from bimotion.models.weights import load_model
from bimotion.motion.clip import Clip

logger = logging.getLogger("bimotion")


class MotionLanguageModel(TextToMotionModel):
    """A trained model with its tokenizer and feature statistics.

    Its methods take one clip or sentence and return one result, or take a list and return a list. The same seed gives
    the same result; entry i of a list is generated with seed + i.
    """

    name = ""
    """Folder that the model was read from."""
    precision: Precision = "fp32"
    """Number format that it computes in."""

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
        its length comes from the sentence, else the model predicts it. Pose, heading, speed and foot contacts continue
        from phrase to phrase. The seed of piece i of the motion is seed + i.

        With `loop` the end leads into the start in pose, speed and steps. `start_pose` is a clip whose first frame is
        the first pose. `path` are waypoints (x, z) on the floor, in metres: the motion starts at the first, faces the
        second and goes on at constant speed during phrases that walk, run or turn. `keys` are poses, and positions of
        hands and feet, at times. A motion that misses a waypoint by more than 5 cm or a key by
        more than 3 cm is refused.

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
        """The motion of `compose` in chunks, each generated when it is requested.

        `phrases` may be a generator that never ends: the next phrase is taken from it when the motion before has been
        returned, so that phrases can be chosen while the motion plays. Memory does not grow.

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
