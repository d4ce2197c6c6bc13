"""`TextToMotionModel`: motion from sentences, and how well it matches them."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import overload

from bimotion.errors import ConfigError
from bimotion.inference.arguments import (
    check_clip,
    check_entries,
    check_flag,
    check_integer,
    check_text,
    check_texts,
)
from bimotion.inference.candidates import Tools
from bimotion.inference.clip_model import ClipModel
from bimotion.inference.doubt import evidence_of
from bimotion.inference.feature_model import Cancel, Progress
from bimotion.inference.generation import (
    GeneratedClip,
    frames_in,
    generate_clips,
    raise_doubts,
    sentence_doubts,
)
from bimotion.inference.known_words import KnownWords
from bimotion.inference.match import Match, Matcher, match_of, request_contradictions
from bimotion.inference.request import MotionRequest, read_request
from bimotion.inference.settings import Sampling
from bimotion.models.choices import Sampler
from bimotion.motion.clip import Clip

logger = logging.getLogger("bimotion")

CANDIDATES = 16
"""Candidates for each sentence of a model with examples."""

MAX_CANDIDATES = 100
"""Bound of `best`."""

MAX_TEXTS = 10_000
"""Bound of the sentences of one call."""


class TextToMotionModel(ClipModel):
    """Motion from sentences, compared with them on request."""

    known_words: KnownWords | None = None
    """Words of its training captions, where its folder has them."""

    @property
    def candidates(self) -> int:
        """Motions that are generated for each sentence unless `best` gives another number."""
        return 1 if self.examples is None else CANDIDATES

    @overload
    def text_to_motion(
        self,
        text: str,
        *,
        seconds: float | None = ...,
        frames: int | None = ...,
        seed: int | None = ...,
        guidance_scale: float | None = ...,
        steps: int | None = ...,
        sampler: Sampler | None = ...,
        clean: bool = ...,
        best: int | None = ...,
        check: bool = ...,
        strict: bool = ...,
        progress: Progress | None = ...,
        cancel: Cancel | None = ...,
    ) -> GeneratedClip: ...
    @overload
    def text_to_motion(
        self,
        text: list[str] | tuple[str, ...],
        *,
        seconds: float | list[float | None] | tuple[float | None, ...] | None = ...,
        frames: int | None = ...,
        seed: int | list[int] | tuple[int, ...] | None = ...,
        guidance_scale: float | None = ...,
        steps: int | None = ...,
        sampler: Sampler | None = ...,
        clean: bool = ...,
        best: int | None = ...,
        check: bool = ...,
        strict: bool = ...,
        progress: Progress | None = ...,
        cancel: Cancel | None = ...,
    ) -> list[GeneratedClip]: ...
    def text_to_motion(
        self,
        text: str | list[str] | tuple[str, ...],
        *,
        seconds: float | list[float | None] | tuple[float | None, ...] | None = None,
        frames: int | None = None,
        seed: int | list[int] | tuple[int, ...] | None = None,
        guidance_scale: float | None = None,
        steps: int | None = None,
        sampler: Sampler | None = None,
        clean: bool = True,
        best: int | None = None,
        check: bool = False,
        strict: bool = False,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
    ) -> GeneratedClip | list[GeneratedClip]:
        """The motion that a sentence describes: 20 frames per second, on the floor, from the origin, facing +Z.

        The length is `seconds` or `frames`, else it comes from the sentence ("for three seconds", "ten steps"), else
        the model predicts it. `guidance_scale` (1: none), `steps` and `sampler` default to the model's. `clean` makes
        bone lengths constant, locks standing feet, keeps joints above the floor, and mirrors a motion that shows the
        other side than the sentence names (`named_side`).

        With several sentences `seconds` and `seed` may be lists with an entry for each.

        `best` generates as many candidates for each sentence and returns the one that fulfils it best by measured
        criteria; None takes the model's number (`candidates`), and as many again where the best of them hardly meets a
        criterion. Half of several candidates start from captioned training motions where the model has some
        (`examples`); with 1 the motion is the network's alone.

        With `check` each clip has a `match`: a caption of it (`motion_to_text`), a score and warnings; `strict` raises
        an error where it has a warning. Without `check`, doubts about the sentence itself are logged.

        `progress` is called with the numbers of finished and of all motions, `cancel` is called between batches.

        Raises:
            ConfigError: an empty sentence, a length that the model cannot generate, or an argument of a wrong type or
                out of range.
            MatchError: `strict`, and a motion does not match its sentence.
            Cancelled: `cancel` returned True.
        """
        single = isinstance(text, str)
        texts = [check_text(text)] if isinstance(text, str) else check_texts(text)
        if len(texts) > MAX_TEXTS:
            raise ConfigError(f"text: expected at most {MAX_TEXTS} sentences in one call, got {len(texts)}")
        if best is not None:
            best = check_integer(best, "best", 1, MAX_CANDIDATES)
        for name, flag in (("clean", clean), ("check", check), ("strict", strict)):
            check_flag(flag, name)
        seeds = check_entries(seed, "seed", len(texts)) if isinstance(seed, (list, tuple)) else None
        sampling = Sampling(
            None if isinstance(seed, (list, tuple)) else seed, guidance_scale, steps, sampler, seeds
        )
        each_seconds = (
            check_entries(seconds, "seconds", len(texts))
            if isinstance(seconds, (list, tuple))
            else (seconds,) * len(texts)
        )
        fixed = [self.frames_of(each, frames) for each in each_seconds]
        requests = [read_request(each) for each in texts]
        doubts = [self._doubts(*each) for each in zip(requests, fixed, strict=True)]
        lengths = [own or frames_in(self, request) for own, request in zip(fixed, requests, strict=True)]
        if self.network.length is None and None in lengths:
            raise ConfigError("this model does not predict lengths; give seconds or frames")
        count = self.candidates if best is None else best
        tools = self.tools(count)
        clips = generate_clips(
            *(self, requests, lengths, count, sampling, tools),
            clean=clean,
            more=best is None,
            progress=progress,
            cancel=cancel,
        )
        if check or strict:
            matches = self._matches(requests, clips, doubts)
            clips = [replace(clip, match=match) for clip, match in zip(clips, matches, strict=True)]
            if strict:
                raise_doubts(clips)
        else:
            for doubt in (doubt for several in doubts for doubt in several):
                logger.warning("%s", doubt)
        return clips[0] if single else clips

    def tools(self, candidates: int) -> Tools:
        """What so many candidates are drawn from and compared with; one is neither."""
        return Tools(self.examples, self._matcher.embedder) if candidates > 1 else Tools()

    def match(self, text: str, clip: Clip) -> Match:
        """How well a clip matches a sentence: a caption of it, a score, and what contradicts the sentence.

        Raises:
            ConfigError: an empty sentence, or an argument of a wrong type.
            MotionFileError: the clip is shorter than two frames at 20 per second.
        """
        request = read_request(check_text(text))
        return self._matches([request], [check_clip(clip)], [self._doubts(request, None)])[0]

    def matches(
        self,
        texts: Sequence[str],
        clips: Sequence[Clip],
        captions: Sequence[str],
        seconds: Sequence[float | None],
    ) -> list[Match]:
        """`match` of clips that already have captions; `seconds` are the requested lengths, or None."""
        requests = [read_request(check_text(text)) for text in texts]
        doubts = [
            self._doubts(request, self.frames_of(length, None))
            for request, length in zip(requests, seconds, strict=True)
        ]
        return self._matches(requests, clips, doubts, captions)

    @cached_property
    def _matcher(self) -> Matcher:
        return Matcher(self.embedder)

    def _doubts(self, request: MotionRequest, fixed: int | None) -> list[str]:
        return sentence_doubts(self, request, self.known_words, fixed)

    def _matches(
        self,
        requests: Sequence[MotionRequest],
        clips: Sequence[Clip],
        doubts: Sequence[Sequence[str]],
        captions: Sequence[str] | None = None,
    ) -> list[Match]:
        captions = self.motion_to_text(clips) if captions is None else captions
        scores = self._scores(requests, clips, captions)
        below = None if self.doubt is None or self.embedder is None else self.doubt.limit
        known = self.known_words
        unknown = [() if known is None else known.unknown(request.prompt) for request in requests]
        return [
            match_of(request, clip, caption, score, several, words, doubt_below=below)
            for request, clip, caption, score, several, words in zip(
                requests, clips, captions, scores, doubts, unknown, strict=True
            )
        ]

    def _scores(
        self, requests: Sequence[MotionRequest], clips: Sequence[Clip], captions: Sequence[str]
    ) -> Sequence[float | None]:
        """How well each clip matches its request, 0 to 1; None without an evaluator."""
        doubt, embedder = self.doubt, self.embedder
        if doubt is None or embedder is None:
            scores = self._matcher.scores([request.prompt for request in requests], clips)
            return [None] * len(clips) if scores is None else scores
        return [
            doubt.probability(
                evidence_of(
                    request, clip, caption, request_contradictions(request, clip), embedder, self.examples
                )
            )
            for request, clip, caption in zip(requests, clips, captions, strict=True)
        ]
