"""Scores of recordings under the same judges, and recorded motions as a reference for motion quality."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from bimotion.captions.content_words import content_of_words
from bimotion.data.store import Event
from bimotion.evaluation.adherence.course import MIN_JUDGED_FRAMES, Course
from bimotion.evaluation.adherence.judges import LIMITS
from bimotion.evaluation.adherence.measures import MEASURES
from bimotion.evaluation.adherence.natural import Sample
from bimotion.evaluation.adherence.phrases import asserts, claims
from bimotion.evaluation.adherence.prompts import Contrast, Request
from bimotion.evaluation.adherence.recordings import Window
from bimotion.evaluation.adherence.rules import in_order
from bimotion.evaluation.adherence.scores import Tally, exceeds, fulfils, side_shown
from bimotion.features.layout import FPS

_PAIRS = 200
_PER_CONTENT = 80
_PER_REQUEST = 30
_SIDED = ("raise", "punch", "kick", "turn", "sidestep", "hop")
_KINDS = {
    "raise": "hands",
    "punch": "hands",
    "kick": "legs",
    "hop": "legs",
    "turn": "turns",
    "sidestep": "steps",
}
_ONE_HAND = re.compile(
    r"^(?:raises|waves|lifts|holds|drinks|points)\b[^,]*\b(left|right) (?:hand|arm)\b(?!.*\b(?:and|both)\b)"
)


def part(window: Window, start: float, end: float) -> Course | None:
    """The motion of a window between two times; None where it is too short to be judged."""
    joints = window.joints[max(0, round(start * FPS)) : round(end * FPS) + 1]
    return Course(joints) if len(joints) >= MIN_JUDGED_FRAMES else None


def recorded_contrasts(contrasts: Sequence[Contrast], windows: Sequence[Window]) -> Tally:
    """Pairs of recorded phrases with the meaning of a contrast's sentences: how many differ as they should."""
    tally = Tally()
    rng = np.random.default_rng(0)
    for contrast in contrasts:
        if not contrast.recorded or contrast.measure is None:
            continue
        sides = []
        for pattern in map(re.compile, contrast.recorded):
            matching = [(w, e) for w in windows for e in w.events if pattern.search(e.text.lower())]
            courses = [part(window, event.start - 0.2, event.end + 0.2) for window, event in matching]
            sides.append([MEASURES[contrast.measure](course, LIMITS) for course in courses if course])
        if all(sides):
            for _ in range(_PAIRS):
                first, second = (values[int(rng.integers(len(values)))] for values in sides)
                tally.add(exceeds(contrast, first, second), (contrast.property, contrast.id), id=contrast.id)
    return tally


def recorded_order(windows: Sequence[Window]) -> Tally:
    """Neighbouring timed phrases that two judges know: how many are judged to follow each other."""
    tally = Tally()
    for window in windows:
        for first, second in pairwise(window.events):
            names = [_judge_of(event) for event in (first, second)]
            if None in names or names[0] == names[1]:
                continue
            course = part(window, first.start - 0.2, second.end + 0.2)
            if course is not None:
                right = in_order([name for name in names if name], course)
                tally.add(
                    right, (f"{names[0]}, {names[1]}",), id=window.id, text=f"{first.text}, {second.text}"
                )
    return tally


def _judge_of(event: Event) -> str | None:
    """The only judge whose action a phrase asserts; None where there are several or none."""
    plain = [name for name in claims() if asserts(name, event.text)]
    actions = [
        name for name in plain if name in ("walk", "run", "sit", "stand_up", "jump", "bend", "squat", "still")
    ]
    return actions[0] if len(actions) == 1 and len(plain) <= 2 else None


def recorded_sides(windows: Sequence[Window]) -> Tally:
    """Timed phrases that name a side: how many show it."""
    tally = Tally()
    for window in windows:
        for event in window.events:
            for judge in _SIDED:
                matching = [side for side in ("left", "right") if _asserts_side(judge, side, event.text)]
                course = part(window, event.start - 0.3, event.end + 0.3) if len(matching) == 1 else None
                if course is not None:
                    right = side_shown(judge, course) == matching[0]
                    tally.add(right, (_KINDS[judge],), id=window.id, text=event.text)
    return tally


def _asserts_side(judge: str, side: str, phrase: str) -> bool:
    other = "right" if side == "left" else "left"
    return f"{judge}_{side}" in claims() and asserts(f"{judge}_{side}", phrase) and other not in phrase


def recorded_requests(
    requests: Sequence[Request], windows: Sequence[Window], activities: Mapping[str, Mapping[str, float]]
) -> Tally:
    """Windows whose short caption matches a request: how many are accepted, at most so many per request.

    Requests for an activity count as many test recordings as the classifier accepts.
    """
    tally = Tally()
    rng = np.random.default_rng(0)
    courses: dict[str, Course] = {}
    for request in requests:
        if request.activity is not None and request.activity in activities:
            score = activities[request.activity]
            accepted = round(score["accepts"] * score["windows"])
            for number in range(int(score["windows"])):
                tally.add(number < accepted, (request.group,), id=request.id)
        if request.recorded is None:
            continue
        pattern = re.compile(request.recorded)
        shown = [
            window
            for window in windows
            if not window.reference and pattern.search(window.captions[0].lower())
        ]
        for index in rng.permutation(len(shown))[:_PER_REQUEST]:
            window = shown[index]
            course = courses.setdefault(window.id, Course(window.joints))
            tally.add(fulfils(request, course), (request.group,), id=request.id, text=window.captions[0])
    return tally


def recorded_samples(windows: Sequence[Window]) -> list[Sample]:
    """Windows of each content, at most so many each, and one-handed gestures with their idle arm."""
    rng = np.random.default_rng(0)
    groups: dict[str, list[Window]] = defaultdict(list)
    samples = []
    for window in windows:
        groups[content_of_words(window.captions)].append(window)
        for event in window.events:
            match = _ONE_HAND.search(event.text.lower())
            course = part(window, event.start, event.end) if match else None
            if match and course is not None and float(course.speed.mean()) < 0.25:
                idle = "right_arm" if match[1] == "left" else "left_arm"
                samples.append(Sample(f"one {match[1]} hand", course.p, idle))
    for content, several in groups.items():
        chosen = rng.permutation(len(several))[:_PER_CONTENT]
        samples += [
            Sample(content, several[index].joints) for index in chosen if len(several[index].joints) >= 20
        ]
    return samples
