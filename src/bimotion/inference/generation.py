"""Generation of clips from requests: lengths, doubts about a sentence, candidates and the best of them.

Legend: T frames.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from bimotion.errors import MatchError
from bimotion.features.clips import features_to_clip
from bimotion.features.layout import FPS
from bimotion.features.mirror import mirror_features
from bimotion.inference import prompts
from bimotion.inference.feature_model import Cancel, FeatureModel, Progress
from bimotion.inference.known_words import KnownWords, word_warnings
from bimotion.inference.match import Match
from bimotion.inference.named_side import on_named_side
from bimotion.inference.postprocess.cleanup import clean_clip
from bimotion.inference.request import MotionRequest
from bimotion.inference.settings import Sampling
from bimotion.motion.clip import Clip


@dataclass(frozen=True, eq=False)
class GeneratedClip(Clip):
    """A clip that was generated from a sentence, which is its `caption`."""

    match: Match | None = None
    """How well the motion matches the sentence, where that was checked."""


def frames_in(model: FeatureModel, request: MotionRequest) -> int | None:
    """The length that a sentence gives, within what the model can generate."""
    seconds = request.estimated_seconds()
    return None if seconds is None else min(max(round(seconds * FPS), model.min_frames), model.max_frames)


def sentence_doubts(
    model: FeatureModel, request: MotionRequest, known_words: KnownWords | None, fixed: int | None
) -> list[str]:
    """Warnings that a sentence gives rise to before anything is generated."""
    doubts = word_warnings(request.prompt, known_words)
    cut = prompts.unread_part(model.tokenizer, request.prompt, model.max_tokens, fixed)
    if cut:
        words = cut.split()
        end = " ".join(words if len(words) <= 12 else [*words[:6], "...", *words[-6:]])
        doubts.append(f"the sentence is too long; the model ignores its last {len(words)} words: {end!r}")
    low, high = model.min_frames / FPS, model.max_frames / FPS
    if fixed is None and request.seconds is not None and not low <= request.seconds <= high:
        doubts.append(f"the model generates {low:g} to {high:g} s at a time, not {request.seconds:g}")
    return doubts


def generate_clips(
    model: FeatureModel,
    requests: Sequence[MotionRequest],
    lengths: Sequence[int | None],
    best: int,
    sampling: Sampling,
    *,
    clean: bool,
    progress: Progress | None,
    cancel: Cancel | None,
) -> list[GeneratedClip]:
    """`best` candidates for each request, one after the other."""
    sequences = [
        prompts.motion_of_text(
            model.tokenizer, request.prompt, model.max_tokens, length if model.length_in_prompt else None
        )
        for request, length in zip(requests, lengths, strict=True)
    ]
    generated = model.sample_features(
        [sequence for sequence in sequences for _ in range(best)],
        [],
        [length for length in lengths for _ in range(best)],
        sampling,
        candidates=best,
        progress=progress,
        cancel=cancel,
    )
    return [
        _generated(features, requests[index // best], clean=clean) for index, features in enumerate(generated)
    ]


def best_clips(
    clips: Sequence[GeneratedClip], matches: Sequence[Match], candidates: int
) -> list[GeneratedClip]:
    """Of every `candidates` clips in a row the one with the fewest contradictions, then the highest score."""
    best = []
    for start in range(0, len(clips), candidates):
        rows = range(start, start + candidates)
        row = min(rows, key=lambda row: (len(matches[row].contradictions), -(matches[row].score or 0.0)))
        best.append(replace(clips[row], match=matches[row]))
    return best


def raise_doubts(clips: Sequence[GeneratedClip]) -> None:
    """Refuse clips that give rise to a warning.

    Raises:
        MatchError: the first warning of the first such clip.
    """
    for clip in clips:
        if clip.match is not None and clip.match.warnings:
            raise MatchError(f"{clip.caption!r}: {clip.match.warnings[0]}")


def _generated(features: Float[np.ndarray, "T 263"], request: MotionRequest, *, clean: bool) -> GeneratedClip:
    """The clip of generated features; cleaned ones show the side that the request names."""
    if clean:
        clip = clean_clip(features, request.text)
        clip = on_named_side(
            request.prompt, clip, lambda: clean_clip(mirror_features(features), request.text)
        )
    else:
        clip = features_to_clip(features, caption=request.text)
    return GeneratedClip(clip.joints, clip.fps, clip.rotations, clip.name, clip.caption)
