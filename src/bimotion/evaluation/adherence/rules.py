"""Rules of prompt lists, which say what judges must find in a motion.

`judge` (at least once), `judge:3` (so many times), `judge:2..4`, `measure>=1.5`, `measure<=2`; a leading `!` negates,
`|` joins alternatives.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from bimotion.errors import DataError
from bimotion.evaluation.adherence.course import Course
from bimotion.evaluation.adherence.judges import JUDGES, LIMITS, find
from bimotion.evaluation.adherence.measures import MEASURES
from bimotion.evaluation.adherence.thresholds import Thresholds
from bimotion.features.layout import FPS


@dataclass(frozen=True)
class Term:
    """One alternative of a rule: a judge with a number of phases, or a measure with a bound."""

    name: str
    """Of a judge, or of a measure where `is_measure`."""
    is_measure: bool
    """Whether it bounds a measure."""
    low: float
    """Least number of phases, or least value."""
    high: float
    """Most of them."""
    negated: bool
    """Whether it must not hold."""

    def holds(self, course: Course, limits: Thresholds) -> bool:
        """Whether a motion keeps it."""
        value = (
            MEASURES[self.name](course, limits) if self.is_measure else len(find(self.name, course, limits))
        )
        return (self.low <= value <= self.high) != self.negated


_TERM = re.compile(r"(!?)(\w+)(?:(>=|<=)(-?[\d.]+)|:(\d+)(?:(\.\.)(\d*))?)?")


def parse_rule(rule: str) -> list[Term]:
    """The alternatives of a rule.

    Raises:
        DataError: a judge or measure is not known, or a number cannot be read.
    """
    terms = []
    for part in rule.split("|"):
        match = _TERM.fullmatch(part.strip())
        if match is None:
            raise DataError(f"rule {rule!r}: expected judge, judge:2, judge:2..4, measure>=1.5 or !judge")
        negation, name, bound, value, low, dots, high = match.groups()
        if name not in (MEASURES if bound else JUDGES):
            raise DataError(f"rule {rule!r}: there is no {'measure' if bound else 'judge'} {name!r}")
        if bound:
            limits = (float(value), np.inf) if bound == ">=" else (-np.inf, float(value))
        elif low is None:
            limits = (1.0, np.inf)
        else:
            limits = (float(low), float(high) if high else np.inf if dots else float(low))
        terms.append(Term(name, bool(bound), *limits, negated=bool(negation)))
    return terms


def holds(rule: str, course: Course, limits: Thresholds = LIMITS) -> bool:
    """Whether a motion keeps a rule, such as `jump:3`, `walk|run`, `!turn` or `seconds>=4`."""
    return any(term.holds(course, limits) for term in parse_rule(rule))


def in_order(names: Sequence[str], course: Course, limits: Thresholds = LIMITS) -> bool:
    """Whether all judges find their action, one after the other, centred in this order."""
    centres = []
    for name in names:
        found = [phase for part in name.split("|") for phase in find(part, course, limits)]
        if not found:
            return False
        weights = np.array([max(phase.seconds, 1 / FPS) for phase in found])
        centres.append(float(np.average([phase.middle for phase in found], weights=weights)))
    return all(first < second for first, second in pairwise(centres))
