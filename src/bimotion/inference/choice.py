"""Choice among generated candidates: the one that fulfils the sentence best by what is measured of it.

A sentence of several actions in a row is judged part by part, at the borders between its parts that suit it best.

Legend: T frames.
"""

import re
from collections.abc import Sequence
from functools import cache
from itertools import combinations, pairwise

import numpy as np
from jaxtyping import Float

from bimotion.inference.criteria import Criterion, criteria_of
from bimotion.inference.request import MotionRequest, read_request, sentence_of
from bimotion.inference.traits import Traits, measure_traits

_THEN = re.compile(
    r"(?:,? (?:and )?(?:then|afterwards|after that|before|followed by)\b|;|(?<=\w)\. (?=\w))", re.IGNORECASE
)

_COMMA = re.compile(r", (?:and )?")

MIN_PART = 8
"""Frames of the shortest part of a motion that is judged by itself."""

GRID = 6
"""Parts of equal length between which a motion of several actions is cut."""

UNMET = 0.4
"""Grades below it are doubted."""

MAX_PARTS = 4
"""Actions in a row that are told apart; more are judged as a whole."""


def phrases_of(prompt: str) -> list[str]:
    """The parts of a sentence that follow each other in time: after "then" and the like, else between commas."""
    parts = _parts(_THEN, prompt)
    return parts if len(parts) > 1 else _parts(_COMMA, prompt)


def _parts(border: re.Pattern[str], prompt: str) -> list[str]:
    return [part.strip(" ,.;") for part in border.split(prompt) if part.strip(" ,.;")]


class Chooser:
    """Grades motions by one request."""

    def __init__(self, request: MotionRequest) -> None:
        phrases = phrases_of(request.prompt)
        self.names_side = (
            re.search(r"\b(?:left|right|(?:anti|counter)?-?clockwise)", request.prompt.lower()) is not None
        )
        """Whether the mirror image of a motion may suit the sentence better."""
        self.criteria = criteria_of(request)
        self.parts: list[tuple[Criterion, ...]] = []
        if 2 <= len(phrases) <= MAX_PARTS:
            parts = [criteria_of(read_request(sentence_of(phrase))) for phrase in phrases]
            if all(any(each.is_action for each in part) for part in parts):
                self.parts = parts
                self.criteria = tuple(each for each in self.criteria if each.name in ("seconds",))

    def grade(self, joints: Float[np.ndarray, "T 22 3"], traits: Traits | None = None) -> float:
        """0 to 1: the weighted mean of the grades of all criteria; 0.5 where the sentence has none.

        `traits` are those of the whole motion where they were measured before.
        """
        if len(joints) < MIN_PART:
            return 0.0
        grades = [_mean(part) for part in self._graded(joints, traits)]
        whole = grades[:1] if self.criteria else []
        parts = [float(np.mean(grades[len(whole) :]))] if self.parts else []
        return float(np.mean([*whole, *parts])) if whole or parts else 0.5

    def unmet(self, joints: Float[np.ndarray, "T 22 3"]) -> list[str]:
        """Names of the criteria that a motion hardly meets; none of a motion too short to be measured."""
        if len(joints) < MIN_PART:
            return []
        graded = [pair for part in self._graded(joints) for pair in part]
        return list(dict.fromkeys(criterion.name for criterion, grade in graded if grade < UNMET))

    def _graded(
        self, joints: Float[np.ndarray, "T 22 3"], traits: Traits | None = None
    ) -> list[list[tuple[Criterion, float]]]:
        """The criteria of the whole sentence with their grades, if it has some, then those of each part."""
        whole = [_grades(self.criteria, traits or measure_traits(joints))] if self.criteria else []
        return whole + (self._in_order(joints) if self.parts else [])

    def _in_order(self, joints: Float[np.ndarray, "T 22 3"]) -> list[list[tuple[Criterion, float]]]:
        """The grades of the parts at the places to cut that give the best mean."""
        marks = [round(part * len(joints) / GRID) for part in range(GRID + 1)]

        @cache
        def traits(start: int, stop: int) -> Traits:
            return measure_traits(joints[start:stop])

        best = [[(criterion, 0.0) for criterion in part] for part in self.parts]
        for cut in combinations(range(1, GRID), len(self.parts) - 1):
            spans = list(pairwise(marks[index] for index in (0, *cut, GRID)))
            if min(stop - start for start, stop in spans) < MIN_PART:
                continue
            graded = [_grades(part, traits(*span)) for part, span in zip(self.parts, spans, strict=True)]
            if sum(map(_mean, graded)) > sum(map(_mean, best)):
                best = graded
        return best


def _grades(criteria: Sequence[Criterion], traits: Traits) -> list[tuple[Criterion, float]]:
    return [(criterion, criterion.grade(traits)) for criterion in criteria]


def _mean(graded: Sequence[tuple[Criterion, float]]) -> float:
    total = sum(criterion.weight for criterion, _ in graded)
    return sum(criterion.weight * grade for criterion, grade in graded) / total
