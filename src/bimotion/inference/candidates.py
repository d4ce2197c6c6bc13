"""Several candidates for each sentence, of which the best is kept.

Half of the candidates start from noise, half from captioned examples if the model has some. For a sentence of several
actions in a row, motions of its parts are also generated and joined. The score of a candidate consists of measured
criteria (`inference.choice`) and the evaluator's cosine similarity of sentence and motion.

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
from bimotion.inference.choice import MIN_GRADED_FRAMES, Chooser, phrases_of
from bimotion.inference.examples import Example, Examples
from bimotion.inference.feature_model import Cancel, FeatureModel, Progress
from bimotion.inference.match import contradicted
from bimotion.inference.piece_writer import blend
from bimotion.inference.request import MotionRequest, read_request, sentence_of
from bimotion.inference.settings import Sampling
from bimotion.inference.traits import measure_traits
from bimotion.motion.quality import motion_quality

Features = Float[np.ndarray, "_ 263"]

COSINE_WEIGHT, CONTRADICTION_WEIGHT, SKATING_WEIGHT, GAP_WEIGHT = 0.5, 0.1, 0.03, 0.5
"""Weights in the score: evaluator's cosine, each contradiction, foot skating (m/s), pose gaps (m); the grade has 1."""

JOIN = 8
"""Frames over which the motions of a sentence's parts are blended."""

MAX_SKATING = 2.0
"""Foot skating is limited to this value in the score, m/s."""

FINALISTS = 4
"""Candidates that are compared again after clean-up, which changes the measurements a little."""

PART_STRIDE = 1000
"""Offset between the candidate numbers of a sentence's parts."""


@dataclass(frozen=True)
class Candidate:
    """A generated motion of a sentence."""

    features: Features
    """Its features, mirrored if that fits the sentence better."""
    score: float = 0.0
    """How well it matches the sentence; higher is better."""
    cosine: float = 0.0
    """The evaluator's cosine of motion and sentence, weighted in `score`; 0 without an evaluator."""
    examples: tuple[str, ...] = ()
    """Captions of the examples that it started from."""


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
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> list[list[Candidate]]:
    """The best few of `count` candidates of each request, the best first; one is the network's own, not scored.

    Raises:
        ConfigError: settings out of their range.
        Cancelled: `cancel` returned True.
    """
    choosers = [Chooser(request) for request in requests]
    tasks = [
        task
        for entry, (request, length) in enumerate(zip(requests, lengths, strict=True))
        for task in _tasks(
            model, entry, request, length, count, in_parts=count > 1 and bool(choosers[entry].parts)
        )
    ]
    draws = [draw for task in tasks for draw in _draws(task, sampling, tools)]
    generated = _generated(model, draws, sampling, progress, cancel)
    pools: dict[tuple[int, int], list[Candidate]] = {}
    for draw, features in zip(draws, generated, strict=True):
        captions = () if draw.example is None else (draw.example.caption,)
        pool = pools.setdefault((draw.task.entry, draw.task.part), [])
        pool.append(Candidate(features, examples=captions))
    best = []
    for entry, request in enumerate(requests):
        if count == 1:
            best.append(pools[entry, 0])
            continue
        pool = scored(pools[entry, 0], request, choosers[entry], tools.embedder)
        parts = [
            scored(pools[task.entry, task.part], task.request, Chooser(task.request), tools.embedder)
            for task in tasks
            if task.entry == entry and task.part
        ]
        if parts:
            joined = _joined(parts, lengths[entry])
            pool += scored([joined], request, choosers[entry], tools.embedder)
        best.append(sorted(pool, key=lambda candidate: -candidate.score)[:FINALISTS])
    return best


def _tasks(
    model: FeatureModel,
    entry: int,
    request: MotionRequest,
    length: int | None,
    count: int,
    *,
    in_parts: bool,
) -> Iterator[_Task]:
    """The request itself and, where it has several actions, each of its parts."""
    yield _Task(entry, 0, request, length, count)
    if not in_parts:
        return
    parts = [read_request(sentence_of(phrase)) for phrase in phrases_of(request.prompt)]
    for number, part in enumerate(parts, 1):
        frames = _frames_of_part(model, part)
        if length is not None:
            frames = (length + (len(parts) - 1) * JOIN) // len(parts)
            frames = min(max(frames, model.min_frames), model.max_frames)
        yield _Task(entry, number, part, frames, max(count // 2, 1))


def _frames_of_part(model: FeatureModel, part: MotionRequest) -> int | None:
    seconds = part.estimated_seconds()
    if seconds is None:
        return None
    return min(max(round(seconds * layout.FPS), model.min_frames), model.max_frames)


def _draws(task: _Task, sampling: Sampling, tools: Tools) -> list[_Draw]:
    """The candidates of a task; every second one starts from an example."""
    examples: list[Example] = []
    if tools.examples is not None and task.count > 1:
        prompt = task.request.prompt
        embedding = None if tools.embedder is None else tools.embedder.embed_texts([tidy(prompt)])[0]
        noise = sampling.numpy_generator(task.entry, task.part)
        examples = tools.examples.draw(prompt, task.count // 2, noise, embedding, task.length)
    own = task.count - len(examples)
    started: list[Example | None] = [*[None] * own, *examples]
    return [_Draw(task, number, example) for number, example in enumerate(started)]


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
    cosines = _cosines(embedder, request.prompt, [candidate.features for candidate in variants])
    return [
        replace(
            candidate,
            score=measured_score(features_to_joints(candidate.features), request, chooser)
            + COSINE_WEIGHT * cosine,
            cosine=cosine,
        )
        for candidate, cosine in zip(variants, cosines, strict=True)
    ]


def measured_score(joints: Float[np.ndarray, "T 22 3"], request: MotionRequest, chooser: Chooser) -> float:
    """The part of a score that is measured without a network."""
    if len(joints) < MIN_GRADED_FRAMES:
        return 0.0
    joints = np.asarray(joints, np.float32)
    traits = measure_traits(joints)
    contradictions = len(contradicted(request, traits.facts))
    skating = min(motion_quality(joints).skating_speed, MAX_SKATING)
    return chooser.grade(joints, traits) - CONTRADICTION_WEIGHT * contradictions - SKATING_WEIGHT * skating


def _cosines(embedder: Embedder | None, prompt: str, motions: Sequence[Features]) -> Sequence[float]:
    if embedder is None:
        return [0.0] * len(motions)
    text = embedder.embed_texts([tidy(prompt)])[0]
    embedded = embedder.embed_motions(motions)
    norms = np.linalg.norm(embedded, axis=1) * np.linalg.norm(text)
    cosines: list[float] = (embedded @ text / np.maximum(norms, 1e-12)).tolist()
    return cosines


def _joined(parts: Sequence[Sequence[Candidate]], length: int | None) -> Candidate:
    """One candidate of each part, joined: those that score well and whose poses fit at the joins."""
    best: list[tuple[float, tuple[Candidate, ...]]] = [(each.score, (each,)) for each in parts[0]]
    for pool in parts[1:]:
        reached = []
        for each in pool:
            before, chain = max(
                ((score - GAP_WEIGHT * _gap(chain[-1], each), chain) for score, chain in best),
                key=lambda pair: pair[0],
            )
            reached.append((before + each.score, (*chain, each)))
        best = reached
    chain = max(best, key=lambda pair: pair[0])[1]
    features = chain[0].features
    for following in chain[1:]:
        features = _appended(features, following.features)
    if length is not None:
        features = features[:length]
    return Candidate(features, examples=tuple(caption for each in chain for caption in each.examples))


def _gap(before: Candidate, after: Candidate) -> float:
    """Mean distance of joints between the last pose of a motion and the first of another, in metres."""
    poses = (before.features[-1, layout.RIC], after.features[0, layout.RIC])
    return float(np.linalg.norm((poses[0] - poses[1]).reshape(-1, 3), axis=-1).mean())


def _appended(before: Features, after: Features) -> Features:
    num = min(JOIN, len(before) - 1, len(after) - 1)
    overlap = blend(before[-num:], after[:num])
    return np.concatenate([before[:-num], overlap, after[num:]])
