"""Grades of generated candidates: how well measurements of a motion match the sentence.

A sentence of several actions in a row is graded part by part, with the motion cut where the grades are best.

Legend: T frames.
"""

import re
from collections.abc import Sequence
from functools import cache
from itertools import combinations, pairwise

import numpy as np
from jaxtyping import Float

from bimotion.captions import vocabulary
from bimotion.inference.criteria import criteria_of
from bimotion.inference.criterion import Criterion
from bimotion.inference.named_side import sides_of
from bimotion.inference.request import MotionRequest, read_request, sentence_of
from bimotion.inference.traits import Traits, measure_traits

_THEN = re.compile(rf"(?:,? (?:and )?(?:{vocabulary.THEN}|before)\b|;|(?<=\w)\. (?=\w))", re.IGNORECASE)

_COMMA = re.compile(r", (?:and )?")

_AND = re.compile(r"(?<=\w) and (?=\w+(?:s|ing)\b)")
"""Before another verb: "bows and walks off", but not "left and right"."""

MIN_GRADED_FRAMES = 8
"""Frames of the shortest motion, or part of one, that is graded."""

GRID = 6
"""A motion of several actions is cut at multiples of this fraction of its length."""

UNMET = 0.4
"""A criterion with a lower grade counts as not met."""

FLOOR = 0.05
"""Grades count as at least this, so that a criterion that is not met at all does not hide the others."""

MAX_PARTS = 4
"""A sentence of more actions in a row is graded as a whole."""


def phrases_of(prompt: str, *, commas: bool = True) -> list[str]:
    """The parts of a sentence that follow each other in time: after "then" and the like, else between commas.

    Not every comma is an order ("he lies on his back, asleep"); without `commas` none is.
    """
    parts = _parts(_THEN, prompt)
    return parts if len(parts) > 1 or not commas else _parts(_COMMA, prompt)


def phrases_of_verbs(prompt: str) -> list[str]:
    """The parts of a sentence with an "and" between two verbs, which may follow each other or be done at once."""
    return _parts(_AND, prompt)


def _parts(border: re.Pattern[str], prompt: str) -> list[str]:
    return [part.strip(" ,.;") for part in border.split(prompt) if part.strip(" ,.;")]


class Chooser:
    """Grades motions by one request."""

    def __init__(self, request: MotionRequest) -> None:
        self.names_side = bool(sides_of(request.prompt))
        """Whether the mirror image of a motion may match the sentence better."""
        self.criteria = criteria_of(request)
        self.at_once: tuple[Criterion, ...] = ()
        """Criteria of the whole sentence, where it is open whether its parts follow each other."""
        self.phrases = phrases_of(request.prompt)
        """The parts of the sentence that follow each other, where `parts` has criteria of each."""
        self.parts = _criteria_of_parts(self.phrases)
        if not self.parts:
            self.phrases = phrases_of_verbs(request.prompt)
            self.parts = _criteria_of_parts(self.phrases)
            self.at_once = self.criteria if self.parts else ()
        if self.parts:
            self.criteria = tuple(each for each in self.criteria if each.name in ("seconds",))
        times = request.times or 1
        counted = any(each.name == "times" for each in self.criteria)
        self.repeats = times if counted and 2 <= times <= MAX_PARTS else 1
        """How often the action of the sentence is repeated; 1 where that is not counted."""

    def grade(self, joints: Float[np.ndarray, "T 22 3"], traits: Traits | None = None) -> float:
        """0 to 1: the weighted geometric mean of the grades of all criteria; 0.5 where the sentence has none.

        `traits` are those of the whole motion where they were measured before.
        """
        if len(joints) < MIN_GRADED_FRAMES:
            return 0.0
        return grade_of(self._graded(joints, traits))

    def unmet(self, joints: Float[np.ndarray, "T 22 3"]) -> list[str]:
        """Names of the criteria that a motion hardly meets; none of a motion too short to be measured."""
        if len(joints) < MIN_GRADED_FRAMES:
            return []
        graded = [pair for part in self._graded(joints) for pair in part]
        return list(dict.fromkeys(criterion.name for criterion, grade in graded if grade < UNMET))

    def _graded(
        self, joints: Float[np.ndarray, "T 22 3"], traits: Traits | None = None
    ) -> list[list[tuple[Criterion, float]]]:
        """The criteria of the whole sentence with their grades, if it has some, then those of each part.

        Of a sentence whose actions may also be done at once the reading with the better grade.
        """
        if self.criteria or self.at_once:
            traits = traits or measure_traits(joints)
        found = [_grades(self.criteria, traits)] if self.criteria and traits else []
        if self.parts:
            found += self._in_order(joints)
        if self.at_once and traits:
            return max(found, [_grades(self.at_once, traits)], key=grade_of)
        return found

    def _in_order(self, joints: Float[np.ndarray, "T 22 3"]) -> list[list[tuple[Criterion, float]]]:
        """The grades of the parts at the cuts that give the best mean."""
        marks = [round(part * len(joints) / GRID) for part in range(GRID + 1)]

        @cache
        def traits(start: int, stop: int) -> Traits:
            return measure_traits(joints[start:stop])

        best = [[(criterion, 0.0) for criterion in part] for part in self.parts]
        for cut in combinations(range(1, GRID), len(self.parts) - 1):
            spans = list(pairwise(marks[index] for index in (0, *cut, GRID)))
            if min(stop - start for start, stop in spans) < MIN_GRADED_FRAMES:
                continue
            graded = [_grades(part, traits(*span)) for part, span in zip(self.parts, spans, strict=True)]
            if sum(map(_mean, graded)) > sum(map(_mean, best)):
                best = graded
        return best


def _grades(criteria: Sequence[Criterion], traits: Traits) -> list[tuple[Criterion, float]]:
    return [(criterion, criterion.grade(traits)) for criterion in criteria]


def _mean(graded: Sequence[tuple[Criterion, float]]) -> float:
    return _geometric_mean([grade for _, grade in graded], [criterion.weight for criterion, _ in graded])


def grade_of(groups: Sequence[Sequence[tuple[Criterion, float]]]) -> float:
    """One grade for criteria in groups, each with its grade: 0 to 1, 0.5 without any."""
    return _geometric_mean([_mean(group) for group in groups]) if groups else 0.5


def _geometric_mean(grades: Sequence[float], weights: Sequence[float] | None = None) -> float:
    """One grade that is not met outweighs several that are."""
    return float(np.exp(np.average(np.log(np.maximum(grades, FLOOR)), weights=weights)))


def _criteria_of_parts(phrases: Sequence[str]) -> list[tuple[Criterion, ...]]:
    """The criteria of each part, if there are several and each has an action; else none."""
    if not 2 <= len(phrases) <= MAX_PARTS:
        return []
    parts = [criteria_of(read_request(sentence_of(phrase))) for phrase in phrases]
    return parts if all(any(each.is_action for each in part) for part in parts) else []
