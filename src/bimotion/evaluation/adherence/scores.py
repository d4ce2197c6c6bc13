"""Verdicts on motions: contrasts, requests, two actions, sides; and counts of correct ones."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from bimotion.evaluation.adherence.course import Course
from bimotion.evaluation.adherence.judges import LIMITS, find
from bimotion.evaluation.adherence.measures import MEASURES
from bimotion.evaluation.adherence.prompts import Contrast, Request, SidePrompt
from bimotion.evaluation.adherence.rules import holds, in_order
from bimotion.evaluation.adherence.thresholds import Thresholds

_CLEARLY = 1.5
"""A side is shown where its amount is at least this many times that of the other side."""


@dataclass
class Count:
    """A number of correct verdicts, of how many."""

    right: int = 0
    of: int = 0

    def add(self, right: bool) -> None:
        """Count one more."""
        self.right += right
        self.of += 1

    @property
    def share(self) -> float | None:
        """Share of correct verdicts; None without any."""
        return self.right / self.of if self.of else None

    def to_json(self) -> dict[str, Any]:
        """Counts and share."""
        return {"right": self.right, "of": self.of, "share": self.share}


@dataclass
class Tally:
    """Counts in total and by name, with the details of every verdict."""

    total: Count = field(default_factory=Count)
    by: dict[str, Count] = field(default_factory=dict)
    verdicts: list[dict[str, Any]] = field(default_factory=list)

    def add(self, right: bool, names: Iterable[str], **about: Any) -> None:
        """Count one more under all its names."""
        self.total.add(right)
        for name in names:
            self.by.setdefault(name, Count()).add(right)
        self.verdicts.append({**about, "right": right})

    def to_json(self) -> dict[str, Any]:
        """Counts, and every verdict."""
        return {
            **self.total.to_json(),
            "by": {name: count.to_json() for name, count in self.by.items()},
            "verdicts": self.verdicts,
        }


def differs(contrast: Contrast, a: Course, b: Course, limits: Thresholds = LIMITS) -> bool:
    """Whether two motions differ as their sentences do."""
    kept = all(holds(rule, course, limits) for rule in contrast.both for course in (a, b))
    kept = kept and all(holds(rule, a, limits) for rule in contrast.a_rules)
    kept = kept and all(holds(rule, b, limits) for rule in contrast.b_rules)
    if contrast.a_order:
        kept = kept and in_order(contrast.a_order, a, limits) and in_order(contrast.b_order, b, limits)
    if contrast.measure is None:
        return kept
    first, second = (MEASURES[contrast.measure](course, limits) for course in (a, b))
    return kept and exceeds(contrast, first, second)


def exceeds(contrast: Contrast, first: float, second: float) -> bool:
    """Whether the measures of two motions differ as the contrast says."""
    if contrast.ratio is not None:
        return second >= contrast.ratio * first and second > 0
    assert contrast.margin is not None
    gain = second - first
    return gain >= contrast.margin if contrast.margin > 0 else gain <= contrast.margin


def fulfils(request: Request, course: Course, limits: Thresholds = LIMITS) -> bool:
    """Whether a motion keeps the rules and the order of a request; the activity classifier decides elsewhere."""
    kept = all(holds(rule, course, limits) for rule in request.rules)
    return kept and (not request.order or in_order(request.order, course, limits))


def side_shown(
    judge: str, course: Course, limits: Thresholds = LIMITS
) -> Literal["left", "right", "both", "none"]:
    """The side on which a motion shows the action of a two-sided judge."""
    amounts = [_amount(f"{judge}_{side}", course, limits) for side in ("left", "right")]
    if judge == "raise" and max(amounts) > 0:  # a hand that is up already is not the one being raised
        height = course.hand_over_shoulder
        amounts = list((height - np.minimum.accumulate(height, axis=0)).max(0))
    if judge == "turn":
        net = float(np.degrees(course.yaw[-1] - course.yaw[0]))
        amounts = [max(net, 0.0), max(-net, 0.0)] if max(amounts) > 0 else [0.0, 0.0]
    left, right = amounts
    if max(amounts) == 0:
        return "none"
    if left > _CLEARLY * right:
        return "left"
    return "right" if right > _CLEARLY * left else "both"


def _amount(name: str, course: Course, limits: Thresholds) -> float:
    return sum(phase.seconds + 0.05 for phase in find(name, course, limits))


def shows_side(prompt: SidePrompt, course: Course, limits: Thresholds = LIMITS) -> bool:
    """Whether a motion shows the side that its sentence names."""
    return side_shown(prompt.judge, course, limits) == prompt.side


def shares(counts: Sequence[bool]) -> float | None:
    """Share of True; None without values."""
    return float(np.mean(counts)) if len(counts) else None
