"""`ClipModel`: clips to captions and to latents, and back from latents.

Legend: B clips, N latents of a clip, D latent width.
"""

from collections.abc import Sequence
from typing import overload

import numpy as np
from jaxtyping import Float
from torch import Tensor

from bimotion.errors import ConfigError, ModelError
from bimotion.features.clips import clip_to_features, features_to_clip
from bimotion.features.layout import FPS
from bimotion.inference.arguments import check_clip, check_clips, check_integer
from bimotion.inference.caption_guard import join_captions
from bimotion.inference.describe import describe_clip, story
from bimotion.inference.feature_model import Cancel, FeatureModel, Progress
from bimotion.inference.nearest_captions import MAX_NEAREST
from bimotion.inference.timeline import TimedPhrase
from bimotion.motion.clip import Clip


class ClipModel(FeatureModel):
    """A model applied to clips: captions, timed captions and latents."""

    @overload
    def motion_to_text(
        self,
        clip: Clip,
        *,
        best: int | None = ...,
        progress: Progress | None = ...,
        cancel: Cancel | None = ...,
    ) -> str: ...
    @overload
    def motion_to_text(
        self,
        clip: Sequence[Clip],
        *,
        best: int | None = ...,
        progress: Progress | None = ...,
        cancel: Cancel | None = ...,
    ) -> list[str]: ...
    def motion_to_text(
        self,
        clip: Clip | Sequence[Clip],
        *,
        best: int | None = None,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
    ) -> str | list[str]:
        """A sentence that describes what the person in a clip does, checked against measured facts.

        A clip longer than the model takes (9.8 s) is one text of the phrases of its moments (`describe`); with `best`,
        or a model without such phrases, it is captioned in parts of equal length, whose captions are joined.

        Where the model has captioned training motions (`examples`), the caption is the best of those of the `best`
        nearest ones (None: 32); with 1 it is the network's own.

        Raises:
            ConfigError: an argument that is no clip, or `best` out of range.
            MotionFileError: a clip is shorter than two frames at 20 per second, or longer than an hour.
            Cancelled: `cancel` returned True.
        """
        if best is not None:
            best = check_integer(best, "best", 1, MAX_NEAREST)
        single = isinstance(clip, Clip)
        clips = [check_clip(clip)] if isinstance(clip, Clip) else check_clips(clip)
        parts: list[Float[np.ndarray, "_ 263"]] = []
        owners: list[int] = []
        stories: dict[int, str] = {}
        for index, each in enumerate(clips):
            features = clip_to_features(each)
            if len(features) > self.max_frames and best is None and self.moment_tools:
                stories[index] = story(describe_clip(self, each, cancel=cancel))
                continue
            pieces = np.array_split(features, -(-len(features) // self.max_frames))
            parts += pieces
            owners += [index] * len(pieces)
        captions: list[list[str]] = [[] for _ in clips]
        texts = self.features_to_text(parts, best=best, progress=progress, cancel=cancel)
        for owner, caption in zip(owners, texts, strict=True):
            captions[owner].append(caption)
        joined = [stories.get(index) or join_captions(several) for index, several in enumerate(captions)]
        return joined[0] if single else joined

    def describe(
        self, clip: Clip, *, progress: Progress | None = None, cancel: Cancel | None = None
    ) -> list[TimedPhrase]:
        """Captions of the parts of a clip, with start and end in seconds, without gaps.

        The motion is cut into the moments that phrases of the training motions describe best, of 0.8 to 6 s. A model
        without such phrases (`phrases`) cuts it where the movement changes, into parts of 1.5 s or more.

        Raises:
            ConfigError: an argument that is no clip.
            MotionFileError: the clip is shorter than two frames at 20 per second, or longer than an hour.
            Cancelled: `cancel` returned True.
        """
        return describe_clip(self, check_clip(clip), progress=progress, cancel=cancel)

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
