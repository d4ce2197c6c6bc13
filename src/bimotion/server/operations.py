"""What the API does: each operation takes its request and gives back its answer."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import fields as dataclass_fields
from dataclasses import replace
from typing import Any

import numpy as np

from bimotion.features.clips import clip_to_features
from bimotion.features.layout import FPS
from bimotion.inference.caption_guard import join_captions
from bimotion.inference.compose import ComposedClip
from bimotion.inference.describe import story
from bimotion.inference.timeline import Phrase, TimedPhrase
from bimotion.motion.clip import Clip
from bimotion.search.filters import Filters
from bimotion.search.library import Hit
from bimotion.server.answers import (
    CaptionAnswer,
    CaptionSpan,
    MotionAnswer,
    MotionsAnswer,
    SearchAnswer,
    SearchHit,
)
from bimotion.server.engine import Call, Watch
from bimotion.server.errors import ApiError, check_at_most
from bimotion.server.generate import check_sampling, generate_clips, generated_answer
from bimotion.server.requests import (
    CaptionRequest,
    ComposeRequest,
    GenerateRequest,
    InbetweenRequest,
    PredictRequest,
    Schema,
    SearchRequest,
)
from bimotion.server.service import Service, drawn_seed

Operation = Callable[[Service, Any, Watch], Awaitable[Any]]


async def generate(service: Service, request: GenerateRequest, watch: Watch) -> MotionsAnswer:
    """The motions that a sentence describes."""
    seed = drawn_seed(request.seed)
    clips = await generate_clips(service, request.model_copy(update={"seed": seed}), watch)
    answers = [generated_answer(service, clip, seed + i) for i, clip in enumerate(clips)]
    return _motions(service, request, seed, answers)


async def compose_clip(service: Service, request: ComposeRequest, watch: Watch) -> ComposedClip:
    """One motion of several phrases, for a seed that has been drawn.

    Raises:
        ApiError: a setting is above a limit of this server.
        ConfigError: a phrase is too short for the model.
    """
    limits, model = service.limits, service.model
    check_sampling(service, request)
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
                **request.settings(),
                clean=request.clean,
                check=request.check,
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
    warnings = [
        f"{phrase.text}: {warning}"
        for phrase, match in zip(
            clip.phrases, clip.matches, strict=False
        )  # no matches where none were asked for
        for warning in match.warnings
    ]
    answer = service.keep(clip, "prompt").model_copy(
        update={
            "seed": seed,
            "text": clip.caption,
            "phrases": [vars(phrase) for phrase in clip.phrases],
            "warnings": warnings,
        }
    )
    return _motions(service, request, seed, [answer])


async def caption(service: Service, request: CaptionRequest, watch: Watch) -> CaptionAnswer:
    """The caption of a motion, as a whole and part by part."""
    model = service.model
    clip, _ = await service.clip(request.motion, "motion")
    features = await asyncio.to_thread(clip_to_features, clip)
    if len(features) > model.max_frames and model.moment_tools:
        return await _caption_of_moments(service, clip, watch)
    parts = np.array_split(features, -(-len(features) // model.max_frames))
    texts = await service.captions(parts, watch)
    ends = np.cumsum([len(part) for part in parts]) / FPS
    spans = [
        CaptionSpan(start=round(float(start), 2), end=round(float(end), 2), text=text)
        for start, end, text in zip([0.0, *ends[:-1]], ends, texts, strict=True)
    ]
    return CaptionAnswer(model=service.info, caption=join_captions(texts), spans=spans)


async def _caption_of_moments(service: Service, clip: Clip, watch: Watch) -> CaptionAnswer:
    """One text of the phrases of a long motion's moments."""
    model = service.model

    def run(clips: Sequence[Clip], batch: Watch) -> list[list[TimedPhrase]]:
        return [model.describe(each, cancel=batch.cancelled) for each in clips]

    phrases = await service.engine.submit(Call("caption", clip, run), watch)
    spans = [
        CaptionSpan(start=round(phrase.start, 2), end=round(phrase.end, 2), text=phrase.text)
        for phrase in phrases
    ]
    return CaptionAnswer(model=service.info, caption=story(phrases), spans=spans)


async def predict(service: Service, request: PredictRequest, watch: Watch) -> MotionsAnswer:
    """A motion with its predicted continuation."""
    model = service.model
    check_sampling(service, request)
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
                **request.settings(),
                progress=batch.progress,
                cancel=batch.cancelled,
            )
            for each in items
        ]

    new = await service.engine.submit(Call("predict", clip, run), watch)
    answer = service.keep(replace(new, caption=clip.caption), "").model_copy(
        update={"seed": seed, "new_from": round(clip.duration, 3), "new_to": round(new.duration, 3)}
    )
    return _motions(service, request, seed, [answer])


async def inbetween(service: Service, request: InbetweenRequest, watch: Watch) -> MotionsAnswer:
    """Two motions joined by generated motion."""
    model = service.model
    check_sampling(service, request)
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
                **request.settings(),
                fixed_end=request.fixed_end,
                progress=batch.progress,
                cancel=batch.cancelled,
            )
            for before, after in items
        ]

    new = await service.engine.submit(Call("inbetween", (first, last), run), watch)
    start = first.duration
    answer = service.keep(new, "").model_copy(
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
    names = [each.name for each in dataclass_fields(Filters)]
    filters = Filters(**{name: getattr(request, name) for name in names})

    def run(items: Sequence[str | Clip], batch: Watch) -> list[list[Hit]]:
        batch.progress(0, request.count + 1)
        return [
            service.library.search(each, request.count, min_score=request.min_score, filters=filters)
            for each in items
        ]

    found = await service.engine.submit(Call("search", query, run), watch)
    hits = []
    for done, hit in enumerate(found, 1):
        watch.progress(done, len(found) + 1)
        clip = await asyncio.to_thread(hit.clip)
        name = hit.path.relative_to(library.folder).as_posix()
        motion = service.keep(clip, "")
        hits.append(SearchHit(name=name, start=hit.start, end=hit.stop, score=hit.score, motion=motion))
    return SearchAnswer(model=service.info, calibrated=library.calibrated, hits=hits)


def _motions(service: Service, request: Schema, seed: int, motions: list[MotionAnswer]) -> MotionsAnswer:
    settings = request.model_dump(exclude={"motion", "first", "last"}) | {"seed": seed}
    return MotionsAnswer(model=service.info, settings=settings, motions=motions)


OPERATIONS: dict[str, tuple[type[Schema], Operation]] = {
    "generate": (GenerateRequest, generate),
    "compose": (ComposeRequest, compose),
    "caption": (CaptionRequest, caption),
    "predict": (PredictRequest, predict),
    "inbetween": (InbetweenRequest, inbetween),
    "search": (SearchRequest, search),
}
"""Operations whose answer is JSON, which jobs can run as well."""
