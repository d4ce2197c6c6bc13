"""Prediction and in-betweening: new motion after a clip or between two, joined without a jump.

Legend: T frames, J = 22 joints, F = 263 feature columns. The network works at 20 frames per second on its own
skeleton; its motion is brought to the clip's frame rate and bone lengths before it is joined.
"""

import math

import numpy as np
from jaxtyping import Float

from bimotion.errors import ConfigError
from bimotion.features.clips import clip_to_features
from bimotion.features.layout import FPS
from bimotion.inference import prompts
from bimotion.inference.arguments import check_number
from bimotion.inference.candidates import Tools
from bimotion.inference.compose_segments import features_after
from bimotion.inference.constraints import OVERLAP, overlap_constraint
from bimotion.inference.feature_model import Cancel, FeatureModel, Progress, report
from bimotion.inference.guidance import sample_guided, text_request
from bimotion.inference.postprocess.bones import rigid_bones_of, with_bones_of
from bimotion.inference.postprocess.cleanup import clean_clip
from bimotion.inference.postprocess.floor import raise_above_floor
from bimotion.inference.postprocess.joining import bridge
from bimotion.inference.segment_generator import SegmentGenerator
from bimotion.inference.settings import Sampling
from bimotion.motion.clip import Clip

CONTEXT_FRAMES = 40
"""Frames at 20 per second of a clip that the network reads: a fifth of its longest clip, as published."""

JOIN_SECONDS = 0.4
"""Time over which differences at a joint fade."""

MAX_SECONDS = 600.0
"""Longest prediction of one call."""


def predict_clip(
    model: FeatureModel,
    clip: Clip,
    seconds: float,
    sampling: Sampling,
    *,
    text: str | None = None,
    segments: SegmentGenerator | None = None,
    best: int = 1,
    tools: Tools | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> Clip:
    """The clip with `seconds` of new motion after it; with `text` it shows what the sentence describes.

    With `segments` the segment model generates it, with `text` the best of `best` candidates. Motion longer than the
    network's longest is generated in pieces,
    each from the end of the one before.
    """
    reach = CONTEXT_FRAMES if segments is None else segments.reach
    new_frames = _frame_count(seconds, clip.fps, MAX_SECONDS)
    joints = clip.joints
    longest = math.floor((model.max_frames - CONTEXT_FRAMES - 1) / FPS * clip.fps)
    for piece, done in enumerate(range(0, new_frames, longest)):
        report(progress, cancel, done, new_frames)
        num_frames = min(new_frames - done, longest)
        context = clip_to_features(Clip(_tail(joints, clip.fps, reach), clip.fps))
        frames = _model_frames(num_frames, clip.fps, model)
        own = sampling.for_piece(piece)
        if segments is None:
            features = _next_features(model, context, frames, own, text)
        elif text is None:
            features = segments.after(context, frames, own)
        else:
            features = features_after(segments, context, text, frames, own, best=best, tools=tools)
        floor = np.array([0, joints[..., 1].min(), 0], dtype=np.float32)
        new = _fit(features, clip.fps, num_frames, joints)
        new, _ = bridge(joints - floor, new, window=_window(clip.fps))
        new = rigid_bones_of(new, joints)
        joints = np.concatenate([joints, raise_above_floor(new, clip.fps) + floor])
    report(progress, None, new_frames, new_frames)
    return Clip(joints, clip.fps, name=clip.name)


def inbetween_clip(
    model: FeatureModel,
    first: Clip,
    last: Clip,
    seconds: float,
    sampling: Sampling,
    *,
    fixed_end: bool,
    text: str | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> Clip:
    """`first`, `seconds` of new motion, and `last`; with `text` the new motion shows what the sentence describes."""
    last = last if last.fps == first.fps else last.resample(first.fps)
    before = clip_to_features(Clip(_tail(first.joints, first.fps), first.fps))
    after = clip_to_features(Clip(last.joints[: _context(last.fps)], last.fps))
    if text is not None:
        before, after = before[-OVERLAP:], after[:OVERLAP]
    longest = (model.max_frames - len(before) - len(after)) / FPS
    gap = _frame_count(seconds, first.fps, longest)
    inner = math.ceil((gap - 1) / first.fps * FPS) + 1
    frames = len(before) + inner + len(after)
    if frames < model.min_frames:
        inner += model.min_frames - frames
        frames = model.min_frames
    frames = min(frames, model.max_frames)
    report(progress, cancel, 0, 1)
    if text is None:
        request = prompts.motion_between(model.tokenizer, frames if model.length_in_prompt else None)
        features = model.sample_features([request], [before, after], frames, sampling)[0]
    else:
        # Guidance holds where the new motion starts and what it leads to; the bridge bends its path to a fixed end.
        held = [overlap_constraint(before), overlap_constraint(after, start=frames - len(after))]
        features = sample_guided(model, text_request(model, text, frames), frames, held, sampling).features
    report(progress, cancel, 1, 1)
    middle = features[len(before) : len(before) + inner]
    floor = np.array([0, first.joints[..., 1].min(), 0], dtype=np.float32)
    last_floor = floor if fixed_end else np.array([0, last.joints[..., 1].min(), 0], np.float32)
    target = last.joints - last_floor
    new, moved = bridge(
        first.joints - floor,
        _fit(middle, first.fps, gap, first.joints),
        target if fixed_end else with_bones_of(target, first.joints),
        window=_window(first.fps),
        fixed_end=fixed_end,
    )
    assert moved is not None
    new = raise_above_floor(rigid_bones_of(new, first.joints), first.fps, fixed_end=True)
    return Clip(np.concatenate([first.joints, new + floor, moved + floor]), first.fps, name=first.name)


def _next_features(
    model: FeatureModel,
    context: Float[np.ndarray, "_ 263"],
    frames: int,
    sampling: Sampling,
    text: str | None,
) -> Float[np.ndarray, "_ 263"]:
    """The `frames` after a context: the model's prediction, or what a sentence describes."""
    if text is None:
        request = prompts.next_motion(model.tokenizer, frames if model.length_in_prompt else None)
        return model.sample_features([request], [context], frames, sampling)[0]
    held = context[-OVERLAP:]
    total = frames + len(held)
    request = text_request(model, text, total)
    return sample_guided(model, request, total, [overlap_constraint(held)], sampling).features[len(held) :]


def _frame_count(seconds: object, fps: float, longest: float) -> int:
    """Frames at `fps` that `seconds` last, at least one.

    Raises:
        ConfigError: `seconds` is no number above 0 and up to `longest`.
    """
    number = check_number(seconds, "seconds", 0, longest)
    if number == 0:
        raise ConfigError(f"seconds: expected a number above 0 and up to {longest:g}, got 0")
    return max(1, round(number * fps))


def _context(fps: float, frames: int = CONTEXT_FRAMES) -> int:
    """Frames that make `frames` steps at 20 per second."""
    return math.ceil(frames / FPS * fps) + 1


def _tail(
    joints: Float[np.ndarray, "T J 3"], fps: float, frames: int = CONTEXT_FRAMES
) -> Float[np.ndarray, "T2 J 3"]:
    """The last frames, as many as resampling to 20 per second needs to keep the last of them."""
    if fps <= FPS:
        return joints[-_context(fps, frames) :]
    length = math.floor((min(len(joints), _context(fps, frames)) - 1) / fps * FPS)
    return joints[-(round(length / FPS * fps) + 1) :] if length >= 1 else joints


def _model_frames(num_frames: int, fps: float, model: FeatureModel) -> int:
    """Frames at 20 per second that last as long as `num_frames` at `fps`."""
    frames = math.ceil((num_frames - 1) / fps * FPS) + 1
    return min(max(frames, model.min_frames), model.max_frames)


def _fit(
    features: Float[np.ndarray, "T 263"], fps: float, num_frames: int, body: Float[np.ndarray, "T2 J 3"]
) -> Float[np.ndarray, "_ J 3"]:
    """Generated features as joints at another frame rate, with the bone lengths of `body`."""
    clip = clean_clip(features)
    clip = clip if clip.fps == fps else clip.resample(fps)
    return with_bones_of(clip.joints[:num_frames], body)


def _window(fps: float) -> int:
    return max(2, round(JOIN_SECONDS * fps))
