"""Long motion from several phrases: transitions, feet, and whether each phrase is recognised in its segment.

A request is a list of captions of test windows with their lengths. It is answered by composing, by chaining (each
phrase is a clip of its own, neighbours are joined by `inbetween`), and compared with recordings of the same length, cut
at the same times.

Legend: T frames, J = 22 joints, B borders between phrases. Metres at 20 frames per second.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float

from bimotion.data.store import Item, MotionStore
from bimotion.errors import ConfigError, DataError
from bimotion.evaluation.distribution import Gaussian, frechet_distance
from bimotion.evaluation.retrieval import filled_groups, retrieval
from bimotion.evaluators.embedding import Embedder
from bimotion.features.clips import clip_to_features, features_to_clip
from bimotion.features.layout import FPS
from bimotion.inference.compose_segments import PhrasePiece, phrase_pieces, written
from bimotion.inference.composing_model import PHRASE_CANDIDATES
from bimotion.inference.model import MotionLanguageModel
from bimotion.inference.postprocess.cleanup import clean_clip
from bimotion.inference.settings import Sampling
from bimotion.inference.timeline import Phrase
from bimotion.models.choices import ComposeMethod
from bimotion.motion.clip import Clip, heading
from bimotion.motion.quality import motion_quality

Joints = Float[np.ndarray, "_ 22 3"]
Track = Callable[[Sequence[int], str], Iterator[int]]

LongWay = Literal["chained", "clips", "segments", "single"]
"""A way to make long motion: clips that are joined, `compose` by clips, by segments, and by one candidate of those."""

WAYS: tuple[LongWay, ...] = get_args(LongWay)
"""All ways."""

MIN_PHRASES, MAX_PHRASES = 3, 6
"""Phrases of a request."""

MIN_SECONDS, MAX_SECONDS = 20.0, 60.0
"""Length of a request."""

MIN_PHRASE_SECONDS = 2.5
"""Shorter windows are no phrase of a request."""

GAP_SECONDS = 0.5
"""Length of the generated transitions of chaining."""

PEAK_SECONDS, AREA_SECONDS, FEET_SECONDS, TURN_SECONDS = 0.5, 0.75, 0.75, 0.5
"""Time on either side of a border in which peak jerk, area under jerk, feet and turning are measured."""


@dataclass(frozen=True)
class Request:
    """The captions and lengths of a motion to compose."""

    captions: tuple[str, ...]
    """The caption of each phrase."""
    lengths: tuple[int, ...]
    """Frames of each phrase."""
    seed: int
    """Seed of the motion."""

    @property
    def phrases(self) -> list[Phrase]:
        """Captions with their lengths."""
        pairs = zip(self.captions, self.lengths, strict=True)
        return [Phrase(caption, length / FPS) for caption, length in pairs]


def long_requests(store: MotionStore, count: int, seed: int) -> list[Request]:
    """Requests of 3 to 6 phrases and 20 to 60 seconds from the captions of the test split.

    Raises:
        DataError: there are too few captioned windows.
    """
    items = [
        item
        for item in store.items("test", mirrored=False, text=True)
        if item.captions and item.seconds >= MIN_PHRASE_SECONDS
    ]
    if len(items) < MAX_PHRASES:
        raise DataError(
            f"{store.folder}: has fewer than {MAX_PHRASES} captioned test windows for long motion"
        )
    rng, requests = np.random.default_rng([seed, 20]), []
    for index in range(100 * count):
        chosen = rng.choice(len(items), int(rng.integers(MIN_PHRASES, MAX_PHRASES + 1)), replace=False)
        windows = [items[row] for row in chosen]
        request = Request(
            tuple(item.captions[0] for item in windows),
            tuple(item.num_frames for item in windows),
            seed + 1000 * index,
        )
        if MIN_SECONDS <= sum(request.lengths) / FPS <= MAX_SECONDS:
            requests.append(request)
        if len(requests) == count:
            return requests
    raise DataError(f"{store.folder}: its test windows are too short for requests of {MIN_SECONDS:g} s")


@dataclass(frozen=True)
class Composed:
    """An answer to a request."""

    joints: Joints
    """The motion."""
    bounds: tuple[int, ...]
    """First frame of each phrase, and the end."""


System = Callable[[Request], Composed]


def composing(model: MotionLanguageModel, method: ComposeMethod, *, clean: bool) -> System:
    """`compose` as a system."""

    def answer(request: Request) -> Composed:
        clip = model.compose(request.phrases, seed=request.seed, clean=clean, method=method)
        return Composed(clip.joints, _bounds(request.lengths))

    return answer


def chaining(model: MotionLanguageModel, *, clean: bool) -> System:
    """Clips of the phrases, each joined to the motion before by `inbetween`; a border is the middle of the gap."""
    gap = round(GAP_SECONDS * FPS)

    def answer(request: Request) -> Composed:
        whole: Clip | None = None
        for index, (caption, length) in enumerate(zip(request.captions, request.lengths, strict=True)):
            frames = length - (gap // 2 if index == 0 else gap)
            seed = request.seed + index
            clip: Clip = model.text_to_motion(caption, frames=frames, seed=seed, clean=clean)
            whole = clip if whole is None else model.inbetween(whole, clip, seconds=GAP_SECONDS, seed=seed)
        assert whole is not None
        return Composed(whole.joints, (*_bounds(request.lengths)[:-1], len(whole)))

    return answer


def by_segments(model: MotionLanguageModel, best: int) -> dict[bool, System]:
    """`compose` by segments as systems, without clean-up and with it, which share what they generate."""
    pieces: dict[Request, list[PhrasePiece]] = {}

    def answering(clean: bool) -> System:
        def answer(request: Request) -> Composed:
            if request not in pieces:
                assert model.segments is not None
                pieces[request] = list(
                    phrase_pieces(
                        model.segments,
                        request.phrases,
                        Sampling(request.seed),
                        best=best,
                        tools=model.tools(best),
                    )
                )
            chunks = written(pieces[request], clean=clean)
            joints = np.concatenate([chunk.clip.joints for chunk in chunks])
            return Composed(joints, _bounds(request.lengths))

        return answer

    return {clean: answering(clean) for clean in (False, True)}


def ways_to_compose(model: MotionLanguageModel, way: LongWay) -> dict[bool, System]:
    """A way to answer requests, without clean-up and with it; "single" is one candidate for each phrase by segments.

    Raises:
        ConfigError: the model has no segments.
    """
    if way in ("segments", "single"):
        if model.segments is None:
            raise ConfigError("this model has no segments")
        return by_segments(model, 1 if way == "single" else PHRASE_CANDIDATES)
    if way == "chained":
        return {clean: chaining(model, clean=clean) for clean in (False, True)}
    return {clean: composing(model, "clips", clean=clean) for clean in (False, True)}


def recorded(store: MotionStore, requests: Sequence[Request], *, clean: bool) -> System:
    """Recordings of the test split, at least as long as the request where there are such, cut at its borders."""
    takes = _takes(store)
    order = {id(request): index for index, request in enumerate(requests)}

    def answer(request: Request) -> Composed:
        bounds = _bounds(request.lengths)
        fitting = [take for take in takes if len(take) >= bounds[-1]] or takes[-1:]
        features = fitting[order[id(request)] % len(fitting)][: bounds[-1]]
        clip = clean_clip(features) if clean else features_to_clip(features)
        inside = [bound for bound in bounds if bound < len(features) - FPS]
        return Composed(clip.joints, (*inside, len(features)))

    return answer


def _takes(store: MotionStore) -> list[Float[np.ndarray, "_ 263"]]:
    """The features of the recordings of the test split whose windows follow each other, shortest first."""
    by_take: dict[str, list[Item]] = {}
    for item in store.items("test", mirrored=False):
        by_take.setdefault(item.take, []).append(item)
    takes = []
    for items in by_take.values():
        run: list[Item] = []
        for item in sorted(items, key=lambda item: item.start):
            if run and item.start != run[-1].start + run[-1].num_frames:
                break
            run.append(item)
        takes.append(np.concatenate([store.features(item) for item in run]))
    return sorted(takes, key=len)


def long_scores(
    systems: dict[str, System],
    requests: Sequence[Request],
    embedder: Embedder,
    real: Gaussian,
    track: Track,
) -> dict[str, dict[str, float]]:
    """The scores of each system.

    `peak_jerk`: mean over borders of the largest jerk of any joint within 0.5 s, m/s³. `jerk_area`: mean over borders
    of the integral, within 0.75 s, of the distance of that jerk from its mean in the recordings, m/s²; needs a system
    named "recorded". `turn_deg`: mean change of heading within 0.5 s of a border. `skating_speed`, `skating_border`:
    speed of feet in contact, everywhere and within 0.75 s of borders. `top_1` to `top_3`, `mm_dist`, `fid`: of the
    segments of phrases, by the evaluator.

    Source: peak jerk and area under jerk of FlowMDM (Barquero et al. 2024).
    """
    answers = {
        name: [system(requests[index]) for index in track(range(len(requests)), name)]
        for name, system in systems.items()
    }
    usual = float(np.mean([jerk(answer.joints).mean() for answer in answers["recorded"]]))
    texts = embedder.embed_texts([caption for request in requests for caption in request.captions])
    scores = {}
    for name, composed in answers.items():
        found = {} if name.startswith("recorded") else _phrase_scores(composed, texts, embedder, real)
        scores[name] = {**transition_scores(composed, usual), **found}
    return scores


def transition_scores(composed: Sequence[Composed], usual_jerk: float) -> dict[str, float]:
    """Jerk, turning and feet around borders, and feet over the whole motions."""
    values: dict[str, list[float]] = {
        name: [] for name in ("peak_jerk", "jerk_area", "turn_deg", "skating_border")
    }
    whole = []
    for one in composed:
        course, yaw = jerk(one.joints), np.degrees(heading(one.joints))
        whole.append(motion_quality(one.joints))
        for border in one.bounds[1:-1]:
            values["peak_jerk"].append(float(_around(course, border, PEAK_SECONDS).max()))
            off = np.abs(_around(course, border, AREA_SECONDS) - usual_jerk)
            values["jerk_area"].append(float(off.sum()) / FPS)
            near = _around(yaw, border, TURN_SECONDS)
            values["turn_deg"].append(abs(float(near[-1] - near[0])))
            quality = motion_quality(_around(one.joints, border, FEET_SECONDS))
            if quality.contact_ratio > 0:
                values["skating_border"].append(quality.skating_speed)
    frames = np.array([one.num_frames * one.contact_ratio for one in whole])
    return {
        **{name: float(np.mean(several)) if several else 0.0 for name, several in values.items()},
        "skating_speed": float(frames @ [one.skating_speed for one in whole] / max(frames.sum(), 1e-9)),
        "speed_drift": float(np.mean([_speed_drift(one.joints) for one in composed])),
        "height_drift": float(np.mean([_height_drift(one.joints) for one in composed])),
    }


def jerk(joints: Joints) -> Float[np.ndarray, "_"]:
    """The largest jerk of any joint at each frame, m/s³; zero for the first two frames and the last one."""
    third = np.linalg.norm(np.diff(joints.astype(np.float64), n=3, axis=0), axis=-1).max(1) * FPS**3
    return np.pad(third, (2, 1))


def _phrase_scores(
    composed: Sequence[Composed], texts: Float[np.ndarray, "N D"], embedder: Embedder, real: Gaussian
) -> dict[str, float]:
    """R-precision, distance to the caption, and FID, of the segments of phrases."""
    segments = [
        clip_to_features(Clip(one.joints[start:stop], float(FPS)))
        for one in composed
        for start, stop in zip(one.bounds[:-1], one.bounds[1:], strict=True)
    ]
    motions = embedder.embed_motions(segments)
    groups, counted = filled_groups(np.random.default_rng(0).permutation(len(motions)))
    found = retrieval(texts, motions, groups, counted=counted)
    return {**found.scores(), "fid": frechet_distance(real, Gaussian.of(motions))}


def _bounds(lengths: Sequence[int]) -> tuple[int, ...]:
    return tuple(int(bound) for bound in np.cumsum([0, *lengths]))


def _around(values: np.ndarray, border: int, seconds: float) -> np.ndarray:
    reach = round(seconds * FPS)
    return values[max(0, border - reach) : border + reach]


def _height_drift(joints: Joints) -> float:
    """Change of the lowest joint's mean height from the first to the last five seconds, metres."""
    lowest, part = joints[..., 1].min(1), 5 * FPS
    return abs(float(lowest[-part:].mean() - lowest[:part].mean()))


def _speed_drift(joints: Joints) -> float:
    """Change of the mean speed along the floor from the first to the last five seconds, m/s."""
    speed = np.linalg.norm(np.diff(joints[:, 0, ::2], axis=0), axis=-1) * FPS
    part = 5 * FPS
    return abs(float(speed[-part:].mean() - speed[:part].mean()))


def evaluate_long(
    model: MotionLanguageModel,
    store: MotionStore,
    embedder: Embedder,
    *,
    count: int,
    seed: int,
    track: Track,
    ways: Sequence[LongWay] = WAYS,
) -> dict[str, dict[str, float]]:
    """The scores of recordings, and of some ways to compose, each as it is and cleaned.

    Raises:
        DataError: the test split has too few captioned windows.
    """
    requests = long_requests(store, count, seed)
    items = store.items("test", mirrored=False, text=True)
    real = Gaussian.of(embedder.embed_motions([store.features(item) for item in items]))
    systems = {
        "recorded": recorded(store, requests, clean=False),
        "recorded, cleaned": recorded(store, requests, clean=True),
    }
    for way in ways:
        own = ways_to_compose(model, way)
        systems[f"{way}, raw"], systems[way] = own[False], own[True]
    return long_scores(systems, requests, embedder, real, track)
