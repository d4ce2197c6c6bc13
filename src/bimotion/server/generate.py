"""Text to motion on the server: sentences of several requests go through the network together."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from bimotion.features.clips import clip_to_features
from bimotion.inference.generation import GeneratedClip
from bimotion.inference.match import Match
from bimotion.inference.model import MotionLanguageModel
from bimotion.models.choices import Sampler
from bimotion.motion.clip import Clip
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
    best: int | None


@dataclass(frozen=True)
class _Checked:
    """A motion to compare with its sentence."""

    text: str
    seconds: float | None
    clip: Clip
    caption: str


def _generate(
    model: MotionLanguageModel, settings: _Settings, items: Sequence[_Sentence], watch: Watch
) -> list[GeneratedClip]:
    """The motions of sentences, through the network together."""
    return model.text_to_motion(
        [item.text for item in items],
        seconds=[item.seconds for item in items],
        seed=[item.seed for item in items],
        **vars(settings),
        cancel=watch.cancelled,
    )


def _match(model: MotionLanguageModel, items: Sequence[_Checked], watch: Watch) -> list[Match]:
    """How well motions match their sentences."""
    return model.matches(
        [item.text for item in items],
        [item.clip for item in items],
        [item.caption for item in items],
        [item.seconds for item in items],
    )


async def check_clip(
    service: Service,
    text: str,
    clip: Clip,
    watch: Watch,
    seconds: float | None = None,
    on_captioned: Callable[[], None] = lambda: None,
) -> Match:
    """The caption of a motion of at most the model's longest, and how well it matches a sentence.

    `seconds` is the length that was requested.
    """
    features = await asyncio.to_thread(clip_to_features, clip)
    (caption,) = await service.captions([features], watch, follows=True)
    on_captioned()
    checked = _Checked(text, seconds, clip, caption)
    return await service.engine.submit(
        Call("match", checked, partial(_match, service.model), "match"), watch, follows=True
    )


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
    check_at_most(request.best or 0, limits.max_candidates, "best", "candidates")
    model.frames_of(request.seconds, None)
    assert request.seed is not None
    sentences = [_Sentence(request.text, request.seconds, request.seed + i) for i in range(request.variants)]
    settings = _Settings(request.guidance_scale, request.steps, request.sampler, request.clean, request.best)
    alone = request.exact and not model.batch_invariant
    total, done = (3 if request.check else 1) * len(sentences), 0

    def advance() -> None:
        nonlocal done
        done += 1
        watch.progress(done, total)

    async def one(sentence: _Sentence) -> GeneratedClip:
        batch = Call("generate", sentence, partial(_generate, model, settings), None if alone else settings)
        clip = await service.engine.submit(batch, watch)
        advance()
        if not request.check:
            return clip
        match = await check_clip(service, sentence.text, clip, watch, sentence.seconds, advance)
        advance()
        return replace(clip, match=match)

    watch.progress(0, total)
    return await asyncio.gather(*map(one, sentences))


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
            "unknown_words": list(match.unknown_words),
        }
    )


def check_sampling(service: Service, request: SamplingRequest) -> None:
    """Refuse more sampling steps than this server allows.

    Raises:
        ApiError: there are more.
    """
    check_at_most(request.steps or 0, service.limits.max_steps, "steps", "steps")
