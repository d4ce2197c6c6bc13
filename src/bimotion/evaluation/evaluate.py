"""One evaluation: all parts in which a system is scored, next to the recorded motions."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from bimotion.data.splits import Split
from bimotion.engines.local import LocalEngine
from bimotion.errors import BimotionError, ConfigError, DataError
from bimotion.evaluation.checkpoint import Checkpoint
from bimotion.evaluation.completion import Completions, displacement_scores, reconstruction
from bimotion.evaluation.evaluation import Evaluation, add_published_row, note_limits, note_short_and_floor
from bimotion.evaluation.evaluation_set import EvaluationSet
from bimotion.evaluation.first_repeat import FirstRepeat
from bimotion.evaluation.intervals import interval_of
from bimotion.evaluation.motion_folder import MotionFolder
from bimotion.evaluation.motion_statistics import MotionStatistics, length_scores
from bimotion.evaluation.motion_to_text import motion_to_text
from bimotion.evaluation.motions import chunks
from bimotion.evaluation.protocols import PROTOCOLS
from bimotion.evaluation.scores import (
    SYSTEM,
    scores_from_json,
    scores_to_json,
    single,
    summarised,
)
from bimotion.evaluation.shards import Results, Source, Spread, Subject, Track
from bimotion.evaluation.systems import CompletionSystem
from bimotion.evaluation.text_to_motion import TextToMotion
from bimotion.evaluators.embedding import Embedder
from bimotion.features.files import read_clip_or_features

Part = Literal["text-to-motion", "motion-to-text", "reconstruction", "completion", "natural"]
ALL_PARTS: tuple[Part, ...] = get_args(Part)

LENGTH_CAPTIONS = 200
"""Captions for which a motion of the system's own length is generated, to measure length errors."""

COMPLETION_CHUNK = 32
"""Windows predicted and in-betweened between two checkpoints."""


@dataclass(frozen=True)
class EvaluationConfig:
    """What is evaluated, and how."""

    protocol: str = "bimotion-1"
    """`bimotion-1`, or `humanml3d-2022` with the published evaluator."""
    split: Split = "test"
    """Split of the data set."""
    count: int | None = None
    """Number of windows, drawn by the seed; None: all."""
    repeats: int = 20
    """Repeats; each generates motions anew."""
    seed: int = 0
    """Seed of all random draws."""
    parts: tuple[Part, ...] = ALL_PARTS
    """Parts to measure."""
    bert_score: bool = False
    """Whether captions are scored with BERTScore as well."""

    def __post_init__(self) -> None:
        if self.protocol not in PROTOCOLS:
            raise ConfigError(f"protocol: expected one of {', '.join(PROTOCOLS)}, got {self.protocol!r}")
        if self.repeats < 1 or (self.count is not None and self.count < 2):
            raise ConfigError("expected 1 or more repeats, of 2 or more windows")
        if self.seed < 0:
            raise ConfigError(f"seed: expected 0 or more, got {self.seed}")


@dataclass(frozen=True)
class _Run:
    """An evaluation in progress."""

    subject: Subject
    config: EvaluationConfig
    spread: Spread
    checkpoint: Checkpoint
    result: Evaluation


def evaluate(
    evaluation_set: EvaluationSet,
    source: Source,
    embedder: Embedder,
    config: EvaluationConfig,
    track: Track,
    checkpoint: Checkpoint | None = None,
    spread: Spread | None = None,
) -> Evaluation:
    """Scores of a system, of motions in a folder, or (None) of the recorded motions alone.

    With a checkpoint, finished steps are stored and taken from there: an interrupted evaluation continues. `spread`
    computes what the system makes, in other processes perhaps; moments, ranks and tables are reduced in this one.

    Raises:
        ConfigError: the protocol requires another evaluator, or a library is missing.
        DataError: the data set has too few windows for the protocol.
    """
    protocol = evaluation_set.protocol
    if protocol.published_evaluator and embedder.kind != "published":
        raise ConfigError(
            f"{protocol.name} is defined by the published evaluator (`bimotion import-weights` makes its "
            "folder, name it with --evaluator); use bimotion-1 with any other"
        )
    subject = Subject(evaluation_set, source, embedder)
    spread = spread or Spread(LocalEngine(), lambda: subject, track)
    run = _Run(subject, config, spread, checkpoint or Checkpoint(None, {}), Evaluation())
    if {"text-to-motion", "natural"} & set(config.parts):
        with run.result.timed("text-to-motion"):
            _text_to_motion(run)
    if "natural" in config.parts:
        with run.result.timed("lengths"):
            _lengths(run)
    if source is not None and not isinstance(source, MotionFolder):
        if "motion-to-text" in config.parts:
            with run.result.timed("motion-to-text"):
                _motion_to_text(run)
        if isinstance(source, CompletionSystem):
            _completion(run)
    return run.result


def evaluate_files(files: Iterable[Path]) -> Evaluation:
    """Quality of motions in files, without a data set; files that cannot be used are named in the notes.

    Raises:
        DataError: no file can be measured.
    """
    result, statistics = Evaluation(), MotionStatistics()
    for path in files:
        try:
            statistics.add(read_clip_or_features(path))
        except BimotionError as error:
            result.notes.append(f"not measured: {error}")
    if not statistics.qualities:
        raise DataError("; ".join(result.notes) or "no motion is long enough to be measured")
    scores = statistics.scores()
    result.scores["natural"] = {SYSTEM: single(scores)}
    note_short_and_floor(result, statistics.too_short, scores)
    return result


def _text_to_motion(run: _Run) -> None:
    """Scores of all repeats, and what the report shows of the first."""
    config, result = run.config, run.result
    scored = "text-to-motion" in config.parts
    task = TextToMotion(run.subject, run.spread.track)
    rows: dict[str, list[dict[str, float]]] = {}
    first: FirstRepeat | None = None
    names = {number: f"text-to-motion-{number:04d}" for number in range(config.repeats if scored else 1)}
    missing = [number for number, name in names.items() if not run.checkpoint.has(name)]
    results = run.spread.run([part for number in missing for part in task.parts(number)], "text to motion")
    for number, name in names.items():
        step = run.checkpoint.step(name, lambda number=number: _step(task, number, results))  # type: ignore[misc]
        for row, values in step["rows"].items():
            rows.setdefault(row, []).append(values)
        if step["first"] is not None:
            first = FirstRepeat.from_json(step["first"])
    assert first is not None
    if scored:
        interval = interval_of(normal=run.subject.evaluation_set.protocol.normal_interval)
        result.scores["text_to_motion"] = {row: summarised(values, interval) for row, values in rows.items()}
        result.curves, result.points, result.cases = first.curves, first.points, first.cases
        result.by_content = first.by_content
        note_limits(result, run.subject, config.repeats)
        if run.subject.evaluation_set.protocol.published_evaluator:
            add_published_row(result)
    if "natural" in config.parts:
        result.scores["natural"] = {row: single(values) for row, values in first.natural.items()}
        result.scores["adherence"] = {row: single(values) for row, values in first.adherence.items()}
        shown = first.natural.get(SYSTEM, {})
        note_short_and_floor(result, first.too_short, shown)


def _step(task: TextToMotion, number: int, results: Results) -> dict[str, Any]:
    rows, first = task.repeat(number, results.take(task.parts(number)))
    return {"rows": rows, "first": first and first.to_json()}


def _lengths(run: _Run) -> None:
    """Error of the lengths that the system chooses."""
    source, evaluation_set = run.subject.source, run.subject.evaluation_set
    if source is None or isinstance(source, MotionFolder):
        return
    system = run.subject.system

    def compute() -> dict[str, Any]:
        chosen = np.random.default_rng([evaluation_set.seed, 7]).permutation(len(evaluation_set))
        chosen = np.sort(chosen[:LENGTH_CAPTIONS])
        repeat = evaluation_set.repeat(0)
        try:
            generated = system.text_to_motions(
                [repeat.captions[index] for index in chosen], None, evaluation_set.seed
            )
        except ConfigError:
            return {}
        recorded = [repeat.frames[index] for index in chosen]
        return length_scores([len(each) for each in generated], recorded)

    scores = run.checkpoint.step("lengths", compute)
    if scores:
        run.result.scores["adherence"][SYSTEM] |= single(scores)
    else:
        run.result.notes.append("The system chooses no lengths: length errors are not measured.")


def _motion_to_text(run: _Run) -> None:
    """Scores of generated captions."""

    def compute() -> dict[str, Any]:
        return scores_to_json(
            motion_to_text(run.subject, run.config.repeats, run.spread, with_bert_score=run.config.bert_score)
        )

    run.result.scores |= scores_from_json(run.checkpoint.step("motion-to-text", compute), "motion-to-text")


def _completion(run: _Run) -> None:
    """Reconstruction, prediction and in-betweening."""
    result = run.result
    if "reconstruction" in run.config.parts:
        with result.timed("reconstruction"):
            values = run.checkpoint.step("reconstruction", lambda: reconstruction(run.subject, run.spread))
        result.scores["reconstruction"] = {SYSTEM: single(values)}
    if "completion" not in run.config.parts:
        return
    errors: dict[str, list[tuple[float, float]]] = {}
    with result.timed("completion"):
        parts = {
            f"completion-{rows.start:06d}": Completions(rows)
            for rows in chunks(len(run.subject.evaluation_set), COMPLETION_CHUNK)
        }
        missing = [part for name, part in parts.items() if not run.checkpoint.has(name)]
        results = run.spread.run(missing, "prediction and in-betweening")
        for name, part in parts.items():
            step = run.checkpoint.step(name, lambda part=part: results.take([part])[0])  # type: ignore[misc]
            for task, each in step.items():
                errors.setdefault(task, []).extend(each)
    result.scores |= {task: {SYSTEM: single(displacement_scores(each))} for task, each in errors.items()}
