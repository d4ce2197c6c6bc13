"""One evaluation: every part that a system can be scored in, beside the recorded motions."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np

from bimotion.data.splits import Split
from bimotion.data.window_features import Features
from bimotion.errors import ConfigError
from bimotion.evaluation.completion import completion, reconstruction
from bimotion.evaluation.evaluation_set import Asked
from bimotion.evaluation.motion_folder import MotionFolder
from bimotion.evaluation.motion_to_text import motion_to_text
from bimotion.evaluation.natural import Natural, length_scores, side_accuracy
from bimotion.evaluation.protocols import PROTOCOLS
from bimotion.evaluation.retrieval import GROUP_SIZE, Retrieval
from bimotion.evaluation.scores import REAL, SYSTEM, Scores, single
from bimotion.evaluation.systems import Completes, TextMotionSystem
from bimotion.evaluation.text_to_motion import FirstRepeat, Track, text_to_motion
from bimotion.evaluators.embedding import Embedder
from bimotion.features import features_to_joints
from bimotion.features.clips import features_to_clip
from bimotion.motion.clip import Clip

Part = Literal["text-to-motion", "motion-to-text", "reconstruction", "completion", "natural"]
ALL_PARTS: tuple[Part, ...] = get_args(Part)

LENGTHS_ASKED = 200
"""Captions of which a motion of the system's own length is made, to see how far lengths are off."""

CASES = 3
"""Best and worst motions that a report shows of each."""

POINTS = 500
"""Embeddings of each kind that a report draws."""


@dataclass(frozen=True)
class EvaluationConfig:
    """What is evaluated, and how."""

    protocol: str = "bimotion-1"
    """`bimotion-1`, or `humanml3d-2022` with the published evaluator."""
    split: Split = "test"
    """Split of the data set."""
    count: int | None = None
    """Windows of it, the same for the same seed; None: all."""
    repeats: int = 20
    """Repeats; each generates anew."""
    seed: int = 0
    """Seed of every draw."""
    parts: tuple[Part, ...] = ALL_PARTS
    """What is measured."""
    bert_score: bool = False
    """Score captions with BERTScore as well."""

    def __post_init__(self) -> None:
        if self.protocol not in PROTOCOLS:
            raise ConfigError(f"protocol: expected one of {', '.join(PROTOCOLS)}, got {self.protocol!r}")
        if self.repeats < 1 or (self.count is not None and self.count < 2):
            raise ConfigError("expected 1 or more repeats, of 2 or more windows")
        if self.seed < 0:
            raise ConfigError(f"seed: expected 0 or more, got {self.seed}")


@dataclass(frozen=True)
class Case:
    """A motion that a report shows."""

    kind: Literal["best", "worst"]
    """How near its caption it is, among all."""
    id: str
    """The window that it is about."""
    caption: str
    """What was asked."""
    distance: float
    """From the caption, in the evaluator's space."""
    clip: Clip
    """The motion."""


@dataclass
class Evaluation:
    """Everything that a report tells."""

    scores: Scores = field(default_factory=dict)
    """What was measured."""
    by_content: list[dict[str, Any]] = field(default_factory=list)
    """Per content group: how many windows, and top 3 of the recorded and the system's motions."""
    curves: dict[str, list[float]] = field(default_factory=dict)
    """Share of captions that find their motion among the nearest k, for k = 1, 2, ..."""
    points: dict[str, list[list[float]]] = field(default_factory=dict)
    """Embeddings on the two axes on which the recorded ones differ most."""
    cases: list[Case] = field(default_factory=list)
    """The best and the worst motions."""
    notes: list[str] = field(default_factory=list)
    """What a reader of the numbers should know."""
    seconds: dict[str, float] = field(default_factory=dict)
    """How long each part took."""

    @contextmanager
    def timed(self, part: str) -> Iterator[None]:
        """Notes how long a part takes."""
        begun = time.perf_counter()
        yield
        self.seconds[part] = round(time.perf_counter() - begun, 1)


def evaluate(
    asked: Asked,
    source: TextMotionSystem | MotionFolder | None,
    embedder: Embedder,
    config: EvaluationConfig,
    track: Track,
) -> Evaluation:
    """Scores of a system, of motions in a folder, or (None) of the recorded motions alone.

    Raises:
        ConfigError: the protocol is not for this evaluator, or a library is missing.
        DataError: the data set has too few windows for the protocol.
    """
    if asked.protocol.published_evaluator and embedder.kind != "published":
        raise ConfigError(
            f"{asked.protocol.name} is defined by the published evaluator (`bimotion import-weights` makes its "
            "folder, name it with --evaluator); with any other use bimotion-1"
        )
    done = Evaluation()
    if {"text-to-motion", "natural"} & set(config.parts):
        scored = "text-to-motion" in config.parts
        with done.timed("text-to-motion"):
            repeats = config.repeats if scored else 1
            measured = text_to_motion(asked, source, embedder, repeats, track)
        if scored:
            done.scores["text_to_motion"] = measured.scores
            _picture(done, asked, measured.first)
            _caution(done, asked, source, config, measured.first)
        if "natural" in config.parts:
            with done.timed("natural"):
                _natural(done, asked, source, measured.first)
    if "motion-to-text" in config.parts and source is not None and not isinstance(source, MotionFolder):
        with done.timed("motion-to-text"):
            words = motion_to_text(
                asked,
                source,
                embedder,
                config.repeats,
                track,
                tagged=embedder.tagged,
                with_bert_score=config.bert_score,
            )
        done.scores |= {
            "motion_to_text": words.retrieval,
            "captions_raw": words.raw,
            "captions_tokens": words.tokens,
        }
    _complete(done, asked, source, embedder, config, track)
    return done


def natural_alone(clips: Sequence[Clip]) -> Evaluation:
    """What can be said of motions without a data set: how natural they move."""
    done, natural = Evaluation(), Natural()
    for clip in clips:
        natural.add(clip.canonical().joints, clip.fps)
    done.scores["natural"] = {SYSTEM: single(natural.scores())}
    if len(natural.qualities) < len(clips):
        done.notes.append(f"{len(clips) - len(natural.qualities)} motions are too short to be measured")
    return done


def _complete(
    done: Evaluation, asked: Asked, source: object, embedder: Embedder, config: EvaluationConfig, track: Track
) -> None:
    """Reconstruction, prediction and in-betweening, by systems that can do that."""
    if not isinstance(source, Completes):
        return
    if "reconstruction" in config.parts:
        with done.timed("reconstruction"):
            values = reconstruction(asked, source, embedder, track)
        done.scores["reconstruction"] = {SYSTEM: single(values)}
    if "completion" in config.parts:
        with done.timed("completion"):
            tasks = completion(asked, source, track, flat=asked.protocol.flat_displacement)
        done.scores |= {task: {SYSTEM: single(found)} for task, found in tasks.items()}


def _natural(
    done: Evaluation, asked: Asked, source: TextMotionSystem | MotionFolder | None, first: FirstRepeat
) -> None:
    """Quality and side of the recorded motions and of the first repeat's."""
    rows: dict[str, Sequence[Features]] = {REAL: first.round.motions}
    if first.made is not None:
        rows[SYSTEM] = first.made
    done.scores |= {"natural": {}, "asked": {}}
    for row, motions in rows.items():
        natural, joints = Natural(), []
        for features in motions:
            joints.append(np.asarray(features_to_joints(features), dtype=np.float32))
            natural.add(joints[-1])
        done.scores["natural"][row] = single(natural.scores())
        side = side_accuracy(first.round.captions, joints)
        done.scores["asked"][row] = {} if side is None else single({"side": side})
    if source is None or isinstance(source, MotionFolder):
        return
    chosen = np.sort(np.random.default_rng([asked.seed, 7]).permutation(len(asked))[:LENGTHS_ASKED])
    try:
        made = source.text_to_features([first.round.captions[place] for place in chosen], None, asked.seed)
    except ConfigError:
        done.notes.append("The system chooses no lengths: their error is not measured.")
        return
    wanted = [first.round.frames[place] for place in chosen]
    done.scores["asked"][SYSTEM] |= single(length_scores([len(each) for each in made], wanted))


def _picture(done: Evaluation, asked: Asked, first: FirstRepeat) -> None:
    """Curves, points and cases of the first repeat."""
    found: dict[str, Retrieval] = {REAL: first.retrieval_of_real}
    points = {REAL: first.real}
    if first.retrieval_of_made is not None and first.embedded is not None:
        found[SYSTEM], points[SYSTEM] = first.retrieval_of_made, first.embedded
    done.curves = {
        row: [round(hits.found(k), 4) for k in range(1, GROUP_SIZE + 1)] for row, hits in found.items()
    }
    axes = np.linalg.svd(first.real - first.real.mean(0), full_matrices=False)[2][:2].T
    chosen = np.random.default_rng([asked.seed, 8]).permutation(len(asked))[:POINTS]
    done.points = {
        row: np.round((rows[chosen] - first.real.mean(0)) @ axes, 3).tolist() for row, rows in points.items()
    }
    contents = np.array([item.content for item in asked.items])
    for content in sorted(set(contents)):
        line: dict[str, Any] = {"content": content}
        for row, hits in found.items():
            inside = contents[hits.items] == content
            line["count"] = int(inside.sum())
            line[row] = float((hits.ranks[inside] < 3).mean()) if inside.any() else None
        done.by_content.append(line)
    done.cases = _cases(asked, first, found.get(SYSTEM, found[REAL]))


def _cases(asked: Asked, first: FirstRepeat, found: Retrieval) -> list[Case]:
    """The motions nearest to and farthest from their captions, each caption once."""
    motions = first.round.motions if first.made is None else first.made
    order = np.argsort(found.apart, kind="stable")
    kinds: tuple[tuple[Literal["best", "worst"], np.ndarray], ...] = (
        ("best", order),
        ("worst", order[::-1]),
    )
    cases = []
    for kind, places in kinds:
        chosen: dict[str, int] = {}
        for place in places:
            chosen.setdefault(first.round.captions[int(found.items[place])], int(place))
            if len(chosen) == CASES:
                break
        for caption, place in chosen.items():
            item = int(found.items[place])
            clip = features_to_clip(motions[item], caption=caption)
            distance = round(float(found.apart[place]), 3)
            cases.append(Case(kind, asked.items[item].id, caption, distance, clip))
    return cases


def _caution(
    done: Evaluation,
    asked: Asked,
    source: TextMotionSystem | MotionFolder | None,
    config: EvaluationConfig,
    first: FirstRepeat,
) -> None:
    """Notes on what makes numbers weak."""
    count, width = first.real.shape
    if count <= width:
        done.notes.append(
            f"FID of {count} motions in {width} columns: the covariances have no full rank; compare it with FID of as "
            "many motions only."
        )
    if count < GROUP_SIZE:
        done.notes.append(
            f"R-precision is among {count} motions, not {GROUP_SIZE}: it is higher than it would be."
        )
    if isinstance(source, MotionFolder) and source.num_sets < config.repeats:
        done.notes.append(
            f"{config.repeats} repeats over {source.num_sets} set(s) of motions: intervals hold less of the noise of "
            "generation than they would with a set for each."
        )
