"""Generation of clips from requests: lengths, doubts about a sentence, candidates and the best of them.

Legend: T frames.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bimotion.errors import MatchError
from bimotion.features.clips import features_to_clip
from bimotion.features.layout import FPS
from bimotion.features.mirror import mirror_features
from bimotion.inference import prompts
from bimotion.inference.candidates import COSINE_WEIGHT, Tools, finalists, measured_score
from bimotion.inference.choice import Chooser
from bimotion.inference.feature_model import Cancel, FeatureModel, Progress
from bimotion.inference.joining import Candidate
from bimotion.inference.known_words import KnownWords, word_warnings
from bimotion.inference.match import Match
from bimotion.inference.named_side import on_named_side
from bimotion.inference.postprocess.cleanup import clean_clip, clean_clips
from bimotion.inference.postprocess.ending import full_step
from bimotion.inference.request import MotionRequest
from bimotion.inference.settings import Sampling
from bimotion.motion.clip import Clip


@dataclass(frozen=True, eq=False)
class GeneratedClip(Clip):
    """A clip that was generated from a sentence, which is its `caption`."""

    match: Match | None = None
    """How well the motion matches the sentence, where that was checked."""
    examples: tuple[str, ...] = ()
    """Captions of the training motions that it started from; empty where it is the model's alone."""


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
    count: int,
    sampling: Sampling,
    tools: Tools,
    *,
    clean: bool,
    more: bool,
    progress: Progress | None,
    cancel: Cancel | None,
) -> list[GeneratedClip]:
    """The best of `count` candidates of each request; with `more` of twice as many where the best is doubtful."""
    pools = finalists(
        model, requests, lengths, count, sampling, tools, more=more, progress=progress, cancel=cancel
    )
    if not clean:
        return [
            _generated(pool[0], features_to_clip(pool[0].features, caption=request.text))
            for pool, request in zip(pools, requests, strict=True)
        ]
    cleaned = iter(
        clean_clips(
            [candidate.features for pool in pools for candidate in pool],
            [request.text for pool, request in zip(pools, requests, strict=True) for _ in pool],
        )
    )
    clips = [
        _best(pool, [next(cleaned) for _ in pool], request)
        for pool, request in zip(pools, requests, strict=True)
    ]
    return [
        clip if length is not None else _ending_well(clip)
        for clip, length in zip(clips, lengths, strict=True)
    ]


def _ending_well(clip: GeneratedClip) -> GeneratedClip:
    """The clip up to its last full step."""
    end = full_step(clip.joints)
    rotations = None if clip.rotations is None else clip.rotations[:end]
    return replace(clip, joints=clip.joints[:end], rotations=rotations)


def _best(pool: Sequence[Candidate], cleaned: Sequence[Clip], request: MotionRequest) -> GeneratedClip:
    """The clip of the best of some candidates, showing the side that the request names."""
    clips = [_on_side(*pair, request) for pair in zip(pool, cleaned, strict=True)]
    if len(pool) == 1:
        return clips[0]
    chooser = Chooser(request)
    scores = [
        measured_score(clip.joints, request, chooser) + COSINE_WEIGHT * candidate.cosine
        for clip, candidate in zip(clips, pool, strict=True)
    ]
    return clips[max(range(len(clips)), key=scores.__getitem__)]


def raise_doubts(clips: Sequence[GeneratedClip]) -> None:
    """Refuse clips that give rise to a warning.

    Raises:
        MatchError: the first warning of the first such clip.
    """
    for clip in clips:
        if clip.match is not None and clip.match.warnings:
            raise MatchError(f"{clip.caption!r}: {clip.match.warnings[0]}")


def _on_side(candidate: Candidate, cleaned: Clip, request: MotionRequest) -> GeneratedClip:
    def mirrored() -> Clip:
        return clean_clip(mirror_features(candidate.features), request.text)

    return _generated(candidate, on_named_side(request.prompt, cleaned, mirrored))


def _generated(candidate: Candidate, clip: Clip) -> GeneratedClip:
    """The clip of a candidate with what it started from."""
    return GeneratedClip(
        clip.joints, clip.fps, clip.rotations, clip.name, clip.caption, examples=candidate.examples
    )
