"""Several candidates for each sentence, of which the best is kept.

Half of the candidates start from noise, half from captioned examples if the model has some. For a sentence of several
actions in a row, motions of its parts are also generated and joined; for an action that is repeated, motions that show
it once. The score of a candidate consists of measured criteria (`inference.choice`) and the evaluator's cosine
similarity of sentence and motion.

Legend: T frames, F = 263 feature columns, X values of a latent.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from bimotion.captions.sentence import tidy
from bimotion.evaluators.embedding import Embedder
from bimotion.features import features_to_joints, layout
from bimotion.features.mirror import mirror_features
from bimotion.inference import prompts
from bimotion.inference.choice import MIN_GRADED_FRAMES, Chooser
from bimotion.inference.examples import Example, Examples
from bimotion.inference.feature_model import Cancel, FeatureModel, Progress
from bimotion.inference.joining import JOIN, Candidate, Features, joined
from bimotion.inference.match import contradicted
from bimotion.inference.request import MotionRequest, once, read_request, sentence_of
from bimotion.inference.sentence_score import SentenceScore
from bimotion.inference.settings import Sampling
from bimotion.inference.traits import measure_traits
from bimotion.motion.quality import motion_quality

COSINE_WEIGHT, CONTRADICTION_WEIGHT, SKATING_WEIGHT = 0.5, 0.1, 0.03
"""Weights in the score: evaluator's cosine, each contradiction, foot skating (m/s); the grade has 1."""

MAX_SKATING = 2.0
"""Foot skating is limited to this value in the score, m/s."""

FINALISTS = 4
"""Candidates that are compared again after clean-up, which changes the measurements a little."""

PART_STRIDE = 1000
"""Offset between the candidate numbers of a sentence's parts."""


@dataclass(frozen=True)
class _Task:
    """A sentence, or a part of it, to generate candidates for."""

    entry: int
    part: int
    request: MotionRequest
    length: int | None
    count: int


@dataclass(frozen=True)
class _Draw:
    """One candidate to generate."""

    task: _Task
    number: int
    example: Example | None


@dataclass(frozen=True)
class Tools:
    """What candidates start from and are scored with; both may be missing."""

    examples: Examples | None = None
    """Motions to start from."""
    embedder: Embedder | None = None
    """The evaluator."""


def finalists(
    model: FeatureModel,
    requests: Sequence[MotionRequest],
    lengths: Sequence[int | None],
    count: int,
    sampling: Sampling,
    tools: Tools,
    *,
    more: bool = False,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> list[list[Candidate]]:
    """The best few of `count` candidates of each request, the best first; one is the network's own, not scored.

    With `more` a request whose best candidate hardly meets one of its criteria gets `count` more.

    Raises:
        ConfigError: settings out of their range.
        Cancelled: `cancel` returned True.
    """
    choosers = [Chooser(request) for request in requests]
    drawing = _Drawing(model, requests, lengths, choosers, sampling, tools, progress, cancel)
    best = drawing.pools(range(len(requests)), count)
    if more and count > 1:
        doubtful = [
            entry
            for entry, pool in enumerate(best)
            if set(choosers[entry].unmet(_joints(pool[0].features)))
            - ({"seconds"} if lengths[entry] is not None else set())  # no other candidate is longer
        ]
        for entry, pool in zip(doubtful, drawing.pools(doubtful, count, first=count), strict=True):
            best[entry] = _best_first([*best[entry], *pool])
    return best


@dataclass(frozen=True)
class _Drawing:
    """Draws candidates of requests."""

    model: FeatureModel
    requests: Sequence[MotionRequest]
    lengths: Sequence[int | None]
    choosers: Sequence[Chooser]
    sampling: Sampling
    tools: Tools
    progress: Progress | None
    cancel: Cancel | None

    def pools(self, entries: Sequence[int], count: int, first: int = 0) -> list[list[Candidate]]:
        """The best few of the candidates `first` to `first` + `count` of each of some requests, the best first."""
        tasks = [
            task
            for entry in entries
            for task in _tasks(
                self.model,
                entry,
                self.requests[entry],
                self.lengths[entry],
                count,
                self.choosers[entry] if count > 1 else None,
            )
        ]
        draws = [draw for task in tasks for draw in _draws(task, self.sampling, self.tools, first)]
        if not draws:
            return []
        progress = self.progress if first == 0 else None
        generated = _generated(self.model, draws, self.sampling, progress, self.cancel)
        drawn: dict[tuple[int, int], list[Candidate]] = {}
        for draw, features in zip(draws, generated, strict=True):
            captions = () if draw.example is None else (draw.example.caption,)
            pool = drawn.setdefault((draw.task.entry, draw.task.part), [])
            pool.append(Candidate(features, examples=captions))
        if count == 1:
            return [drawn[entry, 0] for entry in entries]
        return [
            self._best_of(entry, drawn, [task for task in tasks if task.entry == entry]) for entry in entries
        ]

    def _best_of(
        self, entry: int, drawn: dict[tuple[int, int], list[Candidate]], tasks: Sequence[_Task]
    ) -> list[Candidate]:
        """The best few candidates of one request; one of them may be joined from parts."""
        request, chooser, embedder = self.requests[entry], self.choosers[entry], self.tools.embedder
        pool = scored(drawn[entry, 0], request, chooser, embedder)
        parts = [
            scored(drawn[entry, task.part], task.request, Chooser(task.request), embedder)
            for task in tasks
            if task.part
        ]
        ways = [parts * chooser.repeats] if parts else []
        if chooser.repeats > 1:  # also each alone: one that ends as it begins can be repeated
            ways += [[[each]] * chooser.repeats for part in parts for each in _best_first(part)]
        if ways:
            length = self.lengths[entry]
            pool += scored([joined(way, length) for way in ways], request, chooser, embedder)
        return _best_first(pool)


def _best_first(pool: Sequence[Candidate]) -> list[Candidate]:
    return sorted(pool, key=lambda candidate: -candidate.score)[:FINALISTS]


def _joints(features: Features) -> Float[np.ndarray, "T 22 3"]:
    return np.asarray(features_to_joints(features), np.float32)


def _tasks(
    model: FeatureModel,
    entry: int,
    request: MotionRequest,
    length: int | None,
    count: int,
    chooser: Chooser | None,
) -> Iterator[_Task]:
    """The request itself and, where it has several actions, each of its parts; a repeated action once.

    Without a chooser only the request itself.
    """
    yield _Task(entry, 0, request, length, count)
    if chooser is None or not (chooser.parts or chooser.repeats > 1):
        return
    phrases = chooser.phrases if chooser.parts else [once(request.prompt)]
    parts = [read_request(sentence_of(phrase)) for phrase in phrases]
    num = len(parts) * chooser.repeats
    for number, part in enumerate(parts, 1):
        frames = _frames_of_part(model, part)
        total = length or (model.max_frames if chooser.repeats > 2 else None)
        if total is not None:
            frames = (total + (num - 1) * JOIN) // num
            frames = min(max(frames, model.min_frames), model.max_frames)
        yield _Task(entry, number, part, frames, max(count // 2, 1))


def _frames_of_part(model: FeatureModel, part: MotionRequest) -> int | None:
    seconds = part.estimated_seconds()
    if seconds is None:
        return None
    return min(max(round(seconds * layout.FPS), model.min_frames), model.max_frames)


def _draws(task: _Task, sampling: Sampling, tools: Tools, first: int) -> list[_Draw]:
    """The candidates of a task, numbered from `first`; every second one starts from an example."""
    examples: list[Example] = []
    if tools.examples is not None and task.count > 1:
        prompt = task.request.prompt
        embedding = None if tools.embedder is None else tools.embedder.embed_texts([tidy(prompt)])[0]
        noise = sampling.numpy_generator(task.entry, task.part + PART_STRIDE * first)
        examples = tools.examples.draw(prompt, task.count // 2, noise, embedding, task.length)
    own = task.count - len(examples)
    started: list[Example | None] = [*[None] * own, *examples]
    return [_Draw(task, number, example) for number, example in enumerate(started, first)]


def _generated(
    model: FeatureModel,
    draws: Sequence[_Draw],
    sampling: Sampling,
    progress: Progress | None,
    cancel: Cancel | None,
) -> list[Features]:
    sequences = [
        prompts.motion_of_text(
            model.tokenizer,
            draw.task.request.prompt,
            model.max_tokens,
            draw.task.length if model.length_in_prompt else None,
        )
        for draw in draws
    ]
    lengths = [draw.task.length or (None if draw.example is None else draw.example.frames) for draw in draws]
    starts = [None if draw.example is None else draw.example.latent for draw in draws]
    return model.sample_features(
        sequences,
        [],
        lengths,
        sampling,
        draws=[(draw.task.entry, draw.task.part * PART_STRIDE + draw.number) for draw in draws],
        starts=starts if any(start is not None for start in starts) else None,
        progress=progress,
        cancel=cancel,
    )


def scored(
    pool: Sequence[Candidate],
    request: MotionRequest,
    chooser: Chooser,
    embedder: Embedder | None,
    *,
    mirrored: bool = True,
) -> list[Candidate]:
    """Candidates with their scores; with `mirrored` also their mirror images where the request names a side."""
    variants = list(pool)
    if mirrored and chooser.names_side:
        variants += [replace(candidate, features=mirror_features(candidate.features)) for candidate in pool]
    cosines = SentenceScore(embedder, request.prompt)([candidate.features for candidate in variants])
    return [
        replace(
            candidate,
            score=measured_score(_joints(candidate.features), request, chooser) + COSINE_WEIGHT * cosine,
            cosine=cosine,
        )
        for candidate, cosine in zip(variants, cosines.tolist(), strict=True)
    ]


def measured_score(joints: Float[np.ndarray, "T 22 3"], request: MotionRequest, chooser: Chooser) -> float:
    """The part of a score that is measured without a network."""
    if len(joints) < MIN_GRADED_FRAMES:
        return 0.0
    traits = measure_traits(joints)
    contradictions = len(contradicted(request, traits.facts))
    skating = min(motion_quality(joints).skating_speed, MAX_SKATING)
    return chooser.grade(joints, traits) - CONTRADICTION_WEIGHT * contradictions - SKATING_WEIGHT * skating
