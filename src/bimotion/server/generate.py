"""Text to motion on the server: sentences of several requests go through the network together."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from bimotion.inference.generation import GeneratedClip
from bimotion.inference.model import MotionLanguageModel
from bimotion.models.choices import Sampler
from bimotion.server.answers import MotionAnswer
from bimotion.server.engine import Call, Watch
from bimotion.server.errors import check_at_most
from bimotion.server.requests import GenerateRequest, SamplingRequest
from bimotion.server.service import Service


@dataclass(frozen=True)
class _Sentence:
    """One motion to generate."""

    text: str
    seconds: float | None
    seed: int


@dataclass(frozen=True)
class _Settings:
    """Settings that all sentences of a batch share."""

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
        ConfigError: the model cannot generate the request.
    """
    limits, model = service.limits, service.model
    check_sampling(service, request)
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


def generated_answer(service: Service, clip: GeneratedClip, seed: int) -> MotionAnswer:
    """The answer about a generated motion, with its caption, score and warnings where it was checked."""
    match = clip.match
    answer = service.keep(clip, "prompt")
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


def check_sampling(service: Service, request: SamplingRequest) -> None:
    """Refuse more sampling steps than this server allows.

    Raises:
        ApiError: there are more.
    """
    check_at_most(request.steps or 0, service.limits.max_steps, "steps", "steps")
