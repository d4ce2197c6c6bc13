"""What the API does: each operation takes its request and gives back its answer.

Legend: T frames, F = 263 feature columns.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Float

from bimotion.features.clips import clip_to_features
from bimotion.features.layout import FPS
from bimotion.inference.caption_guard import join_captions
from bimotion.inference.compose import ComposedClip
from bimotion.inference.generation import GeneratedClip
from bimotion.inference.model import MotionLanguageModel
from bimotion.inference.timeline import Phrase
from bimotion.models.choices import Sampler
from bimotion.motion.clip import Clip
from bimotion.render.page import clip_data
from bimotion.server.engine import Call, Watch
from bimotion.server.errors import ApiError
from bimotion.server.schemas import (
    CaptionAnswer,
    CaptionRequest,
    CaptionSpan,
    ComposeRequest,
    GenerateRequest,
    InbetweenRequest,
    MotionAnswer,
    MotionsAnswer,
    PredictRequest,
    SamplingRequest,
    Schema,
    SearchAnswer,
    SearchHit,
    SearchRequest,
    ViewData,
)
from bimotion.server.service import Service, drawn_seed

Operation = Callable[[Service, Any, Watch], Awaitable[Any]]


@dataclass(frozen=True)
class _Sentence:
    """One motion to generate."""

    text: str
    seconds: float | None
    seed: int


@dataclass(frozen=True)
class _Settings:
    """What sentences of one batch have in common."""

    guidance_scale: float | None
    steps: int | None
    sampler: Sampler | None
    clean: bool
    check: bool


def _generate(
    model: MotionLanguageModel, settings: _Settings, items: Sequence[_Sentence], watch: Watch
) -> list[GeneratedClip]:
    """The motions of sentences, through the network together."""
    return model.text_to_motion(
        [item.text for item in items],
        seconds=[item.seconds for item in items],
        seed=[item.seed for item in items],
        **vars(settings),
        progress=watch.progress,
        cancel=watch.cancelled,
    )


def _generate_alone(
    model: MotionLanguageModel, settings: _Settings, items: Sequence[list[_Sentence]], watch: Watch
) -> list[list[GeneratedClip]]:
    """The motions of sentences, each through the network by itself."""
    (sentences,) = items
    clips = []
    for done, sentence in enumerate(sentences):
        watch.progress(done, len(sentences))
        clips += _generate(model, settings, [sentence], Watch() if not watch.cancelled() else watch)
    watch.progress(len(sentences), len(sentences))
    return [clips]


async def generate_clips(service: Service, request: GenerateRequest, watch: Watch) -> Sequence[GeneratedClip]:
    """The motions that a sentence describes, for a seed that has been drawn.

    Raises:
        ApiError: a setting is above a limit of this server.
        ConfigError: the model cannot generate what is asked for.
    """
    limits, model = service.limits, service.model
    _check_sampling(service, request)
    check_at_most(len(request.text), limits.max_text_chars, "text", "characters")
    check_at_most(request.variants, limits.max_variants, "variants", "motions")
    model.frames_of(request.seconds, None)
    assert request.seed is not None
    sentences = [_Sentence(request.text, request.seconds, request.seed + i) for i in range(request.variants)]
    settings = _Settings(request.guidance_scale, request.steps, request.sampler, request.clean, request.check)
    if request.exact:
        run = partial(_generate_alone, model, settings)
        return await service.engine.submit(Call("generate", sentences, run), watch)
    batch = partial(_generate, model, settings)
    calls = [Call("generate", each, batch, ("generate", settings)) for each in sentences]
    return await asyncio.gather(*(service.engine.submit(call, watch) for call in calls))


async def generate(service: Service, request: GenerateRequest, watch: Watch) -> MotionsAnswer:
    """The motions that a sentence describes."""
    seed = drawn_seed(request.seed)
    clips = await generate_clips(service, request.model_copy(update={"seed": seed}), watch)
    answers = [_generated(service, clip, seed + i) for i, clip in enumerate(clips)]
    return _motions(service, request, seed, answers)


def _generated(service: Service, clip: GeneratedClip, seed: int) -> MotionAnswer:
    match = clip.match
    answer = motion_answer(service, clip, "prompt")
    if match is None:
        return answer.model_copy(update={"seed": seed, "text": clip.caption})
    score = None if match.score is None else round(match.score, 4)
    return answer.model_copy(
        update={
            "seed": seed,
            "text": clip.caption,
            "caption": match.caption,
            "score": score,
            "warnings": list(match.warnings),
        }
    )


async def compose_clip(service: Service, request: ComposeRequest, watch: Watch) -> ComposedClip:
    """One motion of several phrases, for a seed that has been drawn.

    Raises:
        ApiError: a setting is above a limit of this server.
        ConfigError: a phrase is too short for the model.
    """
    limits, model = service.limits, service.model
    _check_sampling(service, request)
    check_at_most(len(request.phrases), limits.max_phrases, "phrases", "phrases")
    for index, phrase in enumerate(request.phrases):
        check_at_most(len(phrase.text), limits.max_text_chars, f"phrases.{index}.text", "characters")
    given = sum(phrase.seconds or 0 for phrase in request.phrases)
    check_at_most(given, limits.max_new_seconds, "phrases", "seconds in all")
    phrases = [Phrase(phrase.text, phrase.seconds) for phrase in request.phrases]

    def run(items: Sequence[list[Phrase]], batch: Watch) -> list[ComposedClip]:
        return [
            model.compose(
                each,
                seed=request.seed,
                guidance_scale=request.guidance_scale,
                steps=request.steps,
                sampler=request.sampler,
                clean=request.clean,
                progress=batch.progress,
                cancel=batch.cancelled,
            )
            for each in items
        ]

    return await service.engine.submit(Call("compose", phrases, run), watch)


async def compose(service: Service, request: ComposeRequest, watch: Watch) -> MotionsAnswer:
    """One motion of several phrases."""
    seed = drawn_seed(request.seed)
    clip = await compose_clip(service, request.model_copy(update={"seed": seed}), watch)
    answer = motion_answer(service, clip, "prompt").model_copy(
        update={"seed": seed, "text": clip.caption, "phrases": [vars(phrase) for phrase in clip.phrases]}
    )
    return _motions(service, request, seed, [answer])


Pieces = list[Float[np.ndarray, "_ 263"]]
"""Features of a motion, in parts that the network can read."""


def _captions(model: MotionLanguageModel, items: Sequence[Clip], watch: Watch) -> list[list[CaptionSpan]]:
    """Captions of clips, in spans; the parts of all clips go through the network together."""
    features = [clip_to_features(clip) for clip in items]
    pieces: list[Pieces] = [np.array_split(each, -(-len(each) // model.max_frames)) for each in features]
    texts = iter(
        model.features_to_text(
            [part for parts in pieces for part in parts], progress=watch.progress, cancel=watch.cancelled
        )
    )
    spans = []
    for parts in pieces:
        ends = np.cumsum([len(part) for part in parts]) / FPS
        starts = [0.0, *ends[:-1]]
        spans.append(
            [
                CaptionSpan(start=round(float(start), 2), end=round(float(end), 2), text=next(texts))
                for start, end in zip(starts, ends, strict=True)
            ]
        )
    return spans


async def caption(service: Service, request: CaptionRequest, watch: Watch) -> CaptionAnswer:
    """A motion in words, as a whole and part by part."""
    model = service.model
    clip, _ = await service.clip(request.motion, "motion")
    call = Call("caption", clip, partial(_captions, model), "caption")
    spans = await service.engine.submit(call, watch)
    return CaptionAnswer(
        model=service.info, caption=join_captions([span.text for span in spans]), spans=spans
    )


async def predict(service: Service, request: PredictRequest, watch: Watch) -> MotionsAnswer:
    """A motion and what comes next."""
    model = service.model
    _check_sampling(service, request)
    check_at_most(request.seconds, service.limits.max_new_seconds, "seconds", "seconds")
    clip, _ = await service.clip(request.motion, "motion")
    check_at_most(
        len(clip) + request.seconds * clip.fps, service.limits.max_frames, "seconds", "frames in all"
    )
    seed = drawn_seed(request.seed)

    def run(items: Sequence[Clip], batch: Watch) -> list[Clip]:
        return [
            model.predict(
                each,
                seconds=request.seconds,
                seed=seed,
                guidance_scale=request.guidance_scale,
                steps=request.steps,
                sampler=request.sampler,
                progress=batch.progress,
                cancel=batch.cancelled,
            )
            for each in items
        ]

    new = await service.engine.submit(Call("predict", clip, run), watch)
    answer = motion_answer(service, replace(new, caption=clip.caption), "").model_copy(
        update={"seed": seed, "new_from": round(clip.duration, 3), "new_to": round(new.duration, 3)}
    )
    return _motions(service, request, seed, [answer])


async def inbetween(service: Service, request: InbetweenRequest, watch: Watch) -> MotionsAnswer:
    """Two motions joined by new motion."""
    model = service.model
    _check_sampling(service, request)
    first, _ = await service.clip(request.first, "first")
    last, _ = await service.clip(request.last, "last")
    frames = len(first) + (request.seconds + last.duration) * first.fps
    check_at_most(frames, service.limits.max_frames, "last", "frames in all")
    seed = drawn_seed(request.seed)

    def run(items: Sequence[tuple[Clip, Clip]], batch: Watch) -> list[Clip]:
        return [
            model.inbetween(
                before,
                after,
                seconds=request.seconds,
                seed=seed,
                guidance_scale=request.guidance_scale,
                steps=request.steps,
                sampler=request.sampler,
                fixed_end=request.fixed_end,
            )
            for before, after in items
        ]

    new = await service.engine.submit(Call("inbetween", (first, last), run), watch)
    start = first.duration
    answer = motion_answer(service, new, "").model_copy(
        update={"seed": seed, "new_from": round(start, 3), "new_to": round(start + request.seconds, 3)}
    )
    return _motions(service, request, seed, [answer])


async def search(service: Service, request: SearchRequest, watch: Watch) -> SearchAnswer:
    """Recordings of the library that match a sentence or an example."""
    library = service.library
    if (request.text is None) == (request.motion is None):
        raise ApiError("invalid_request", "text: give either a sentence or a motion", field="text")
    query: str | Clip
    if request.motion is not None:
        query, _ = await service.clip(request.motion, "motion")
    else:
        assert request.text is not None
        check_at_most(len(request.text), service.limits.max_text_chars, "text", "characters")
        query = request.text

    def run(items: Sequence[str | Clip], batch: Watch) -> list[list[tuple[SearchHit, Clip]]]:
        return [_hits(service, each, request) for each in items]

    found = await service.engine.submit(Call("search", query, run), watch)
    hits = [hit.model_copy(update={"motion": motion_answer(service, clip, "")}) for hit, clip in found]
    return SearchAnswer(model=service.info, calibrated=library.calibrated, hits=hits)


def _hits(service: Service, query: str | Clip, request: SearchRequest) -> list[tuple[SearchHit, Clip]]:
    library = service.library
    return [
        (
            SearchHit.model_construct(
                name=hit.path.relative_to(library.folder).as_posix(),
                start=hit.start,
                end=hit.stop,
                score=hit.score,
            ),
            hit.clip(),
        )
        for hit in library.search(query, request.count, min_score=request.min_score)
    ]


def motion_answer(service: Service, clip: Clip, label: str) -> MotionAnswer:
    """A motion, kept for download, with what the viewer needs."""
    return describe(service.motions.add(clip).id, clip, label)


def describe(id: str, clip: Clip, label: str = "") -> MotionAnswer:
    """A motion that is kept under an id."""
    return MotionAnswer(
        id=id,
        seconds=round(clip.duration, 3),
        frames=len(clip),
        fps=clip.fps,
        view=ViewData.model_validate(clip_data(clip, label)),
    )


def _motions(service: Service, request: Schema, seed: int, motions: list[MotionAnswer]) -> MotionsAnswer:
    settings = request.model_dump(exclude={"motion", "first", "last"}) | {"seed": seed}
    return MotionsAnswer(model=service.info, settings=settings, motions=motions)


def _check_sampling(service: Service, request: SamplingRequest) -> None:
    check_at_most(request.steps or 0, service.limits.max_steps, "steps", "steps")


def check_at_most(value: float, limit: float, field: str, unit: str) -> None:
    """Refuse what is above a limit of this server.

    Raises:
        ApiError: it is.
    """
    if value > limit:
        raise ApiError(
            "invalid_request", f"{field}: expected at most {limit:g} {unit}, got {value:g}", field=field
        )


OPERATIONS: dict[str, tuple[type[Schema], Operation]] = {
    "generate": (GenerateRequest, generate),
    "compose": (ComposeRequest, compose),
    "caption": (CaptionRequest, caption),
    "predict": (PredictRequest, predict),
    "inbetween": (InbetweenRequest, inbetween),
    "search": (SearchRequest, search),
}
"""Operations whose answer is JSON, which jobs can run as well."""
