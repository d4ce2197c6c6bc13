"""Details of the first repeat for the report: curves, embeddings, scores by content, quality, best and worst cases."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from bimotion.evaluation.evaluation_set import EvaluationSet
from bimotion.evaluation.motion_statistics import MotionStatistics
from bimotion.evaluation.motions import Motion, motion_clip
from bimotion.evaluation.retrieval import GROUP_SIZE, Retrieval
from bimotion.evaluation.scores import REAL, SYSTEM
from bimotion.evaluators.embedding import Embeddings
from bimotion.motion.clip import Clip

CASES = 3
"""Best and worst cases that a report shows of each kind."""

POINTS = 500
"""Embeddings of each row that a report plots."""

Kind = Literal["best", "worst"]


@dataclass(frozen=True)
class Case:
    """A motion that a report shows."""

    kind: Kind
    """Among the nearest to their captions, or the farthest."""
    id: str
    """Window of the data set."""
    caption: str
    """Text of the request."""
    distance: float
    """Distance between motion and caption in the evaluator's space."""
    clip: Clip
    """The motion."""

    def to_json(self) -> dict[str, Any]:
        """Everything, with joints as nested lists."""
        values = {name: getattr(self, name) for name in ("kind", "id", "caption", "distance")}
        return {**values, "fps": self.clip.fps, "joints": self.clip.joints.tolist()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Case":
        """The case that `to_json` wrote."""
        joints = np.array(values["joints"], dtype=np.float32)
        clip = Clip(joints, values["fps"], caption=values["caption"])
        return cls(values["kind"], values["id"], values["caption"], values["distance"], clip)


class CaseSelection:
    """Keeps the motions nearest to and farthest from their captions while they stream by, one per caption."""

    def __init__(self) -> None:
        self._kept: dict[Kind, dict[str, tuple[float, int, float, Motion]]] = {"best": {}, "worst": {}}

    def add(self, caption: str, index: int, distance: float, motion: Motion) -> None:
        """Consider a motion of window `index`."""
        for sign, kept in zip((1.0, -1.0), self._kept.values(), strict=True):
            if caption in kept and kept[caption][0] <= sign * distance:
                continue
            kept[caption] = (sign * distance, index, distance, motion)
            if len(kept) > CASES:
                del kept[max(kept, key=lambda each: kept[each][0])]

    def merge(self, other: "CaseSelection") -> None:
        """Consider all motions that another selection has kept."""
        for kept in other._kept.values():
            for caption, (_, index, distance, motion) in kept.items():
                self.add(caption, index, distance, motion)

    def cases(self, evaluation_set: EvaluationSet) -> list[Case]:
        """The selected motions: best first by increasing, then worst by decreasing distance."""
        selected = []
        for kind, kept in self._kept.items():
            for caption, (_, index, distance, motion) in sorted(kept.items(), key=lambda row: row[1][0]):
                clip = motion_clip(motion, caption)
                item = evaluation_set.items[index]
                selected.append(Case(kind, item.id, caption, round(distance, 3), clip))
        return selected


@dataclass(frozen=True)
class FirstRepeat:
    """Contents of a report that come from the first repeat."""

    curves: dict[str, list[float]]
    """Per row: share of captions that find their motion among the nearest k, for k = 1, 2, ..."""
    points: dict[str, list[list[float]]]
    """Per row: embeddings on the two principal axes of the recorded ones."""
    by_content: list[dict[str, Any]]
    """Per content group: number of windows, and top 3 of each row."""
    cases: list[Case]
    """Best and worst motions."""
    natural: dict[str, dict[str, float]]
    """Per row: motion quality."""
    adherence: dict[str, dict[str, float]]
    """Per row: agreement with what captions name."""
    too_short: int
    """Motions too short for the quality measures."""

    def to_json(self) -> dict[str, Any]:
        """Everything as JSON values."""
        return {**asdict(self), "cases": [case.to_json() for case in self.cases]}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "FirstRepeat":
        """What `to_json` wrote."""
        return cls(**{**values, "cases": [Case.from_json(case) for case in values["cases"]]})


def describe_first_repeat(
    evaluation_set: EvaluationSet,
    embeddings: Mapping[str, Embeddings],
    found: Mapping[str, Retrieval],
    statistics: Mapping[str, MotionStatistics],
    cases: CaseSelection,
) -> FirstRepeat:
    """Plots, tables and cases of the first repeat, by row (`real`, `system`)."""
    real = embeddings[REAL]
    axes = np.linalg.svd(real - real.mean(0), full_matrices=False)[2][:2].T
    plotted = np.random.default_rng([evaluation_set.seed, 8]).permutation(len(evaluation_set))[:POINTS]
    contents = np.array([item.content for item in evaluation_set.items])
    by_content = []
    for content in sorted(set(contents)):
        line: dict[str, Any] = {"content": content}
        for row, hits in found.items():
            inside = contents[hits.items] == content
            line["count"] = int(inside.sum())
            line[row] = float((hits.ranks[inside] < 3).mean()) if inside.any() else None
        by_content.append(line)
    return FirstRepeat(
        curves={
            row: [round(hits.recall(k), 4) for k in range(1, GROUP_SIZE + 1)] for row, hits in found.items()
        },
        points={
            row: np.round((rows[plotted] - real.mean(0)) @ axes, 3).tolist()
            for row, rows in embeddings.items()
        },
        by_content=by_content,
        cases=cases.cases(evaluation_set),
        natural={row: each.scores() for row, each in statistics.items() if each.qualities},
        adherence={row: each.adherence() for row, each in statistics.items()},
        too_short=statistics.get(SYSTEM, statistics[REAL]).too_short,
    )
