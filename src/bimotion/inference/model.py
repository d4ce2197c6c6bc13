"""`MotionLanguageModel`, the class of `bimotion.load`: model folders, prediction and in-betweening.

Its other methods are inherited: `compose` and `stream` from `ComposingModel`, `text_to_motion` and `match` from
`TextToMotionModel`, `motion_to_text`, `describe`, `encode` and `decode` from `ClipModel`.
"""

import logging
import math
import warnings
from pathlib import Path

import torch

from bimotion.errors import ConfigError, ModelError
from bimotion.features.layout import FPS
from bimotion.inference.arguments import check_choice, check_clip, check_flag
from bimotion.inference.composing_model import PHRASE_CANDIDATES, SEGMENTS, ComposingModel
from bimotion.inference.doubt import read_doubt
from bimotion.inference.examples import Examples
from bimotion.inference.feature_model import Cancel, Progress
from bimotion.inference.known_words import KnownWords, caption_ids
from bimotion.inference.phrase_bank import PhraseBank
from bimotion.inference.prediction import inbetween_clip, predict_clip
from bimotion.inference.settings import Sampling
from bimotion.inference.timeline import Phrase
from bimotion.models.choices import ComposeMethod, Precision, Sampler
from bimotion.models.precision import set_precision
from bimotion.models.weights import load_model
from bimotion.motion.clip import Clip

logger = logging.getLogger("bimotion")


class MotionLanguageModel(ComposingModel):
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
        model.phrases = PhraseBank.of_folder(Path(folder))
        model.doubt = read_doubt(Path(folder))
        if (Path(folder) / SEGMENTS).is_dir():
            model.segment_folder = Path(folder) / SEGMENTS
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
        method: ComposeMethod | None = None,
        best: int | None = None,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
    ) -> Clip:
        """The clip and what comes next: its own frames unchanged, then `seconds` of new ones.

        The new frames have the clip's frame rate and bone lengths and continue from its last frame.

        With `text` they show what the sentence describes. `method` is "segments" (two seconds at a time; with a text
        the best of `best` candidates, 8 by default) or "clips" (one clip at a time, one candidate). None is segments
        where there is a text and the model has them, else clips.

        Raises:
            ConfigError: `seconds` is not above 0 or above 600, candidates without a text, or an argument of a wrong
                type.
            MotionFileError: the clip is shorter than two frames at 20 per second.
            Cancelled: `cancel` returned True.
        """
        sampling = Sampling(seed, guidance_scale, steps, sampler)
        if text is not None:
            text = Phrase(text).text
        elif best not in (None, 1):
            raise ConfigError("best: several candidates need a text to choose by")
        if method is None and text is None:
            method = "clips"
        segments = self.segments if self._by_segments(method, best, controlled=False) else None
        count = 1 if segments is None or text is None else best or PHRASE_CANDIDATES
        return predict_clip(
            self,
            check_clip(clip),
            seconds,
            sampling,
            text=text,
            segments=segments,
            best=count,
            tools=self.tools(count),
            progress=progress,
            cancel=cancel,
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
