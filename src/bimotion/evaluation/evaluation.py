"""Contents of a report, and the notes on what limits its scores."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from bimotion.evaluation.first_repeat import Case
from bimotion.evaluation.motion_folder import MotionFolder
from bimotion.evaluation.protocols import HUMANML3D_GROUND_TRUTH
from bimotion.evaluation.retrieval import GROUP_SIZE
from bimotion.evaluation.scores import METRICS, PUBLISHED, REAL, Scores
from bimotion.evaluation.shards import Subject

FLOOR_NOTE_M = 0.1
"""Mean distance from the floor, metres, above which a report notes that motions do not stand on y = 0."""


@dataclass
class Evaluation:
    """Contents of a report."""

    scores: Scores = field(default_factory=dict)
    """All measured scores."""
    by_content: list[dict[str, Any]] = field(default_factory=list)
    """Per content group: number of windows, and top 3 of each row."""
    curves: dict[str, list[float]] = field(default_factory=dict)
    """Share of captions that find their motion among the nearest k, for k = 1, 2, ..."""
    points: dict[str, list[list[float]]] = field(default_factory=dict)
    """Embeddings on the two principal axes of the recorded ones."""
    cases: list[Case] = field(default_factory=list)
    """Best and worst motions."""
    notes: list[str] = field(default_factory=list)
    """Limits of the numbers."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Duration of each part."""

    @contextmanager
    def timed(self, part: str) -> Iterator[None]:
        """Measures how long a part takes."""
        begun = time.perf_counter()
        yield
        self.seconds[part] = round(time.perf_counter() - begun, 1)


def add_published_row(result: Evaluation) -> None:
    """Adds HumanML3D's published scores of recorded motions, and notes where the measured ones differ."""
    table = result.scores["text_to_motion"]
    table[PUBLISHED] = dict(HUMANML3D_GROUND_TRUTH)
    differing = [
        f"{METRICS[name].title} {table[REAL][name].mean:.3f} instead of {expected.mean:.3f}"
        for name, expected in HUMANML3D_GROUND_TRUTH.items()
        if abs(table[REAL][name].mean - expected.mean)
        > table[REAL][name].interval + expected.interval + 0.5e-3
    ]
    if differing:
        result.notes.append(
            "The recorded motions differ from the published row of HumanML3D's test split by more than the intervals "
            f"({'; '.join(differing)}): the data set or the evaluator is not the published one."
        )


def note_limits(result: Evaluation, subject: Subject, repeats: int) -> None:
    """Notes on what limits the scores of text to motion."""
    count = len(subject.evaluation_set)
    width = subject.embedder.embed_motions(subject.evaluation_set.repeat(0).motions[:1]).shape[1]
    notes = result.notes
    if count <= width:
        notes.append(
            f"FID of {count} motions in {width} dimensions: the covariances do not have full rank; compare it only "
            "with FID of as many motions."
        )
    if count < GROUP_SIZE:
        notes.append(
            f"R-precision is among {count} motions, not {GROUP_SIZE}: it is higher than among {GROUP_SIZE}."
        )
    source = subject.source
    if isinstance(source, MotionFolder) and source.num_sets < repeats:
        notes.append(
            f"{repeats} repeats over {source.num_sets} set(s) of motions: the intervals underestimate the variation "
            "of generation."
        )


def note_short_and_floor(result: Evaluation, too_short: int, natural: Mapping[str, float]) -> None:
    """Notes on motions that are not measured, and on motions that stand elsewhere than on y = 0."""
    if too_short:
        result.notes.append(f"{too_short} motion(s) of fewer than 4 frames are not in the quality measures")
    for name, where in (("penetration_mm", "below"), ("floating_mm", "above")):
        if natural.get(name, 0.0) > 1000 * FLOOR_NOTE_M:
            result.notes.append(
                f"The motions are on average {natural[name] / 1000:.2f} m {where} the floor y = 0; skating is measured "
                "for feet within 5 cm above the floor or below it."
            )
