"""Continuing a clip and filling the gap between two, as prompts with motion slots, joined smoothly.

Legend: T frames, J = 22 joints, F = 263 feature columns. The network works at 20 frames per second on its own
skeleton; what it makes is brought to the clip's frame rate and bone lengths before it is joined.
"""

import math
from dataclasses import replace
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from bimotion.errors import ConfigError
from bimotion.features.clips import clip_to_features
from bimotion.features.layout import FPS
from bimotion.inference import prompts
from bimotion.inference.postprocess.cleanup import clean_clip
from bimotion.inference.postprocess.joining import bridge, with_bones_of
from bimotion.inference.settings import Sampling
from bimotion.models.tokens import MotionTokenizer, TokenSequence
from bimotion.motion.clip import Clip

CONTEXT_FRAMES = 40
"""Frames at 20 per second of a given clip that the network reads: a fifth of its longest clip, as published."""

JOIN_SECONDS = 0.4
"""Time over which what differs at a joint fades."""


@runtime_checkable
class Completer(Protocol):
    """What of a model is needed to complete motions."""

    tokenizer: MotionTokenizer
    min_frames: int
    max_frames: int
    length_in_prompt: bool

    def sample_features(
        self,
        sequences: list[TokenSequence],
        given: list[Float[np.ndarray, "_ 263"]],
        frames: int | None,
        sampling: Sampling,
    ) -> list[Float[np.ndarray, "_ 263"]]:
        """Features that answer requests for a motion."""


def continue_clip(model: Completer, clip: Clip, seconds: float, sampling: Sampling) -> Clip:
    """The clip with `seconds` of new motion after it.

    More than the network makes at once is made in pieces, each from the end of the one before.
    """
    total = _new_frames(seconds, clip.fps)
    joints = clip.joints
    longest = model.max_frames - CONTEXT_FRAMES
    number = 0
    while len(joints) < len(clip) + total:
        wanted = min(len(clip) + total - len(joints), math.floor((longest - 1) / FPS * clip.fps))
        given = clip_to_features(Clip(_tail(joints, clip.fps), clip.fps))
        frames = _frames_for(wanted, clip.fps, model)
        piece = replace(sampling, seed=None if sampling.seed is None else sampling.seed + number)
        request = prompts.next_motion(model.tokenizer, frames if model.length_in_prompt else None)
        features = model.sample_features([request], [given], frames, piece)[0]
        floor = joints[..., 1].min()
        new = _fitted(features, clip.fps, wanted, joints)
        onto = joints - np.array([0, floor, 0], dtype=np.float32)
        new, _ = bridge(onto, new, window=_window(clip.fps))
        joints = np.concatenate([joints, new + np.array([0, floor, 0], dtype=np.float32)])
        number += 1
    return Clip(joints, clip.fps, name=clip.name)


def fill_clip(
    model: Completer,
    first: Clip,
    last: Clip,
    seconds: float,
    sampling: Sampling,
    *,
    keep_places: bool,
) -> Clip:
    """`first`, `seconds` of new motion, and `last`."""
    gap = _new_frames(seconds, first.fps)
    last = last if last.fps == first.fps else last.resample(first.fps)
    before = clip_to_features(Clip(_tail(first.joints, first.fps), first.fps))
    after = clip_to_features(Clip(last.joints[: _context(last.fps)], last.fps))
    inner = math.ceil((gap - 1) / first.fps * FPS) + 1
    frames = len(before) + inner + len(after)
    if frames > model.max_frames:
        most = (model.max_frames - len(before) - len(after)) / FPS
        raise ConfigError(f"seconds: the gap can be at most {most:.1f} s long, got {seconds:g}")
    if frames < model.min_frames:
        inner += model.min_frames - frames
        frames = model.min_frames
    request = prompts.motion_between(model.tokenizer, frames if model.length_in_prompt else None)
    features = model.sample_features([request], [before, after], frames, sampling)[0]
    middle = features[len(before) : len(before) + inner]
    floor = np.array([0, first.joints[..., 1].min(), 0], dtype=np.float32)
    onto = last.joints - (floor if keep_places else np.array([0, last.joints[..., 1].min(), 0], np.float32))
    new, moved = bridge(
        first.joints - floor,
        _fitted(middle, first.fps, gap, first.joints),
        with_bones_of(onto, first.joints) if not keep_places else onto,
        window=_window(first.fps),
        keep_places=keep_places,
    )
    assert moved is not None
    return Clip(np.concatenate([first.joints, new + floor, moved + floor]), first.fps, name=first.name)


def _new_frames(seconds: float, fps: float) -> int:
    if not (math.isfinite(seconds) and seconds > 0):
        raise ConfigError(f"seconds: expected a number above 0, got {seconds:g}")
    return max(1, round(seconds * fps))


def _context(fps: float) -> int:
    """Frames that make `CONTEXT_FRAMES` steps at 20 per second."""
    return math.ceil(CONTEXT_FRAMES / FPS * fps) + 1


def _tail(joints: Float[np.ndarray, "T J 3"], fps: float) -> Float[np.ndarray, "T2 J 3"]:
    """The last frames, so many that resampling to 20 per second keeps the last of them."""
    if fps <= FPS:
        return joints[-_context(fps) :]
    length = math.floor((min(len(joints), _context(fps)) - 1) / fps * FPS)
    return joints[-(round(length / FPS * fps) + 1) :] if length >= 1 else joints


def _frames_for(wanted: int, fps: float, model: Completer) -> int:
    """Frames at 20 per second that last as long as `wanted` frames at `fps`."""
    frames = math.ceil((wanted - 1) / fps * FPS) + 1
    return min(max(frames, model.min_frames), model.max_frames)


def _fitted(
    features: Float[np.ndarray, "T 263"], fps: float, num_frames: int, like: Float[np.ndarray, "T2 J 3"]
) -> Float[np.ndarray, "_ J 3"]:
    """Generated features as joints at another frame rate on the body of `like`."""
    clip = clean_clip(features)
    clip = clip if clip.fps == fps else clip.resample(fps)
    return with_bones_of(clip.joints[:num_frames], like)


def _window(fps: float) -> int:
    return max(2, round(JOIN_SECONDS * fps))
