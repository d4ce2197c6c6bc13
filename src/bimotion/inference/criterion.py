"""A criterion: one thing that a sentence says of a motion, graded from 0 to 1 by what is measured."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from bimotion.captions.facts import MotionFacts
from bimotion.inference.traits import Traits

Grade = Callable[[Traits], float]


@dataclass(frozen=True)
class Criterion:
    """One thing that a sentence says."""

    name: str
    """What is measured."""
    grade: Grade
    """0 if a motion does not show it, 1 if it clearly does."""
    weight: float = 1.0
    """Weight in the mean of all grades."""
    is_action: bool = False
    """Whether it is an action, not a manner."""


def ramp(value: float, low: float, high: float) -> float:
    """0 up to `low`, 1 from `high` on; `low` may be the larger one."""
    return min(max((value - low) / (high - low), 0.0), 1.0)


def more_than(value: float, typical: float) -> float:
    """0 to 1, 0.5 where a value is the typical one, 0.88 at twice and 0.12 at half of it."""
    return 1 / (1 + math.pow(typical / max(value, 1e-3 * typical), 2.9))


def hands_over_shoulders(facts: MotionFacts) -> tuple[float, float]:
    """Greatest height of the left and the right wrist over its shoulder."""
    return facts.left.hand_over_shoulder, facts.right.hand_over_shoulder


def turned(facts: MotionFacts) -> float:
    """Degrees between the furthest turns to the left and to the right."""
    return facts.turn_most_left - facts.turn_most_right
