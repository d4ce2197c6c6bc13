"""Judges: each finds the phases of a motion that show one action, such as a jump or a turn to the left.

Prompt lists name them in rules (`rules`). Limits are in `thresholds`.
"""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from bimotion.errors import DataError
from bimotion.evaluation.adherence import events, posture
from bimotion.evaluation.adherence.course import Course, Phase, phases
from bimotion.evaluation.adherence.events import LEFT, RIGHT
from bimotion.evaluation.adherence.thresholds import Thresholds
from bimotion.features.layout import FPS

Judge = Callable[[Course, Thresholds], list[Phase]]

LIMITS = Thresholds()
"""The thresholds that the judges were checked with."""


def _walk(course: Course, limits: Thresholds) -> list[Phase]:
    return events.locomotion(course, limits, running=False)


def _run(course: Course, limits: Thresholds) -> list[Phase]:
    return events.locomotion(course, limits, running=True)


def _walk_to(course: Course, limits: Thresholds, *, forward: int = 0, leftward: int = 0) -> list[Phase]:
    return events.directed(course, limits, forward=forward, leftward=leftward)


def _turn(
    course: Course, limits: Thresholds, *, side: int = 0, degrees: tuple[float, float] = (0.0, 1e9)
) -> list[Phase]:
    low, high = degrees
    return [
        phase
        for phase in events.turns(course, limits)
        if side in (0, phase.side) and low <= abs(phase.amount) <= high
    ]


def _turn_around(course: Course, limits: Thresholds, *, side: int = 0) -> list[Phase]:
    return _turn(course, limits, side=side, degrees=limits.turn_around_degrees)


def _quarter_turn(course: Course, limits: Thresholds, *, side: int = 0) -> list[Phase]:
    return _turn(course, limits, side=side, degrees=limits.quarter_degrees)


def _spin(course: Course, limits: Thresholds, *, side: int = 0) -> list[Phase]:
    return [
        phase
        for phase in events.turns(course, limits, gap=1.2)
        if side in (0, phase.side) and abs(phase.amount) >= limits.full_degrees[0]
    ]


def _of_side(finder: Judge, side: int) -> Judge:
    """The phases of one side that a finder gives for both."""
    return lambda course, limits: [phase for phase in finder(course, limits) if phase.side == side]


def _jump_forward(course: Course, limits: Thresholds) -> list[Phase]:
    return [
        phase
        for phase in events.flights(course, limits)
        if _travelled(course, phase) @ np.array([0.0, 1.0]) > 0.25
    ]


def _travelled(course: Course, phase: Phase) -> np.ndarray:
    """Left and forward distance of the pelvis in a phase and 0.1 s on both sides, seen from its start."""
    start = max(0, round(phase.start * FPS) - 2)
    end = min(len(course) - 1, round(phase.end * FPS) + 2)
    displacement = course.p[end, 0] - course.p[start, 0]
    c, s = np.cos(course.yaw[start]), np.sin(course.yaw[start])
    return np.array([displacement[0] * c - displacement[2] * s, displacement[0] * s + displacement[2] * c])


def _raise(course: Course, limits: Thresholds, *, hand: str) -> list[Phase]:
    up = [
        events.raises(course, limits, column, over=course.hand_over_shoulder, level=limits.raised_hand)
        for column in (0, 1)
    ]
    return _both_or_one(up[0], up[1], hand)


def _overhead(course: Course, limits: Thresholds, *, hand: str) -> list[Phase]:
    up = [
        phases(course.hand_over_head[:, column] > limits.over_head, gap=0.2, side=1 - 2 * column)
        for column in (0, 1)
    ]
    return _both_or_one(up[0], up[1], hand)


def _both_or_one(left: list[Phase], right: list[Phase], hand: str) -> list[Phase]:
    if hand == "left":
        return left
    if hand == "right":
        return right
    if hand == "any":
        return events.in_time(left + right)
    together = [
        Phase(max(a.start, b.start), min(a.end, b.end), min(a.amount, b.amount))
        for a in left
        for b in right
        if max(a.start, b.start) < min(a.end, b.end)
    ]
    return events.in_time(together)


def _hand_at(course: Course, limits: Thresholds, *, hand: str) -> list[Phase]:
    at = [posture.hand_at_head(course, limits, column) for column in (0, 1)]
    return _both_or_one(at[0], at[1], hand)


def _jack(course: Course, limits: Thresholds) -> list[Phase]:
    """Jumping jacks: feet apart and both hands up, between feet together and hands down."""
    ankles = course.pair("ankle")
    apart = np.linalg.norm(ankles[:, 0] - ankles[:, 1], axis=-1)
    up = phases((apart > 0.35) & (course.hand_over_shoulder > 0.0).all(-1), gap=0.15)
    down = phases((apart < 0.35) & (course.hand_over_shoulder < -0.2).all(-1))
    return [
        one
        for one in up
        if any(0 <= one.start - low.end < 1.0 for low in down)
        and any(0 <= low.start - one.end < 1.0 for low in down)
    ]


def _squat(course: Course, limits: Thresholds) -> list[Phase]:
    """A crouch from which the body comes up again or in which it stays; not the landing of a jump."""
    jumps = events.flights(course, limits)
    return [
        phase
        for phase in posture.crouches(course, limits)
        if not any(-0.3 < phase.start - jump.end < 0.25 for jump in jumps)
    ]


JUDGES: Mapping[str, Judge] = {
    "walk": _walk,
    "walk_forward": partial(_walk_to, forward=1),
    "walk_backward": partial(_walk_to, forward=-1),
    "sidestep_left": partial(_walk_to, leftward=1),
    "sidestep_right": partial(_walk_to, leftward=-1),
    "run": _run,
    "still": events.still,
    "step": events.steps,
    "step_left": _of_side(events.steps, LEFT),
    "step_right": _of_side(events.steps, RIGHT),
    "turn": _turn,
    "turn_left": partial(_turn, side=LEFT),
    "turn_right": partial(_turn, side=RIGHT),
    "turn_around": _turn_around,
    "turn_around_left": partial(_turn_around, side=LEFT),
    "turn_around_right": partial(_turn_around, side=RIGHT),
    "quarter_turn_left": partial(_quarter_turn, side=LEFT),
    "quarter_turn_right": partial(_quarter_turn, side=RIGHT),
    "spin": _spin,
    "jump": events.flights,
    "jump_forward": _jump_forward,
    "hop_left": partial(events.hops, side=LEFT),
    "hop_right": partial(events.hops, side=RIGHT),
    "squat": _squat,
    "sit": posture.sits,
    "stand_up": posture.rises_up,
    "kneel": posture.kneels,
    "lie": posture.lies,
    "all_fours": posture.on_all_fours,
    "upside_down": posture.upside_down,
    "bend": posture.bends,
    "lean_forward": partial(posture.leans, direction="forward"),
    "lean_back": partial(posture.leans, direction="back"),
    "lean_left": partial(posture.leans, direction="left"),
    "lean_right": partial(posture.leans, direction="right"),
    "hand_to_floor": posture.reaches_floor,
    "raise_left": partial(_raise, hand="left"),
    "raise_right": partial(_raise, hand="right"),
    "raise_both": partial(_raise, hand="both"),
    "raise_any": partial(_raise, hand="any"),
    "overhead_left": partial(_overhead, hand="left"),
    "overhead_right": partial(_overhead, hand="right"),
    "overhead_both": partial(_overhead, hand="both"),
    "overhead_any": partial(_overhead, hand="any"),
    "wave": events.waves,
    "wave_left": _of_side(events.waves, LEFT),
    "wave_right": _of_side(events.waves, RIGHT),
    "clap": events.claps,
    "punch": events.punches,
    "punch_left": _of_side(events.punches, LEFT),
    "punch_right": _of_side(events.punches, RIGHT),
    "throw": events.throws,
    "throw_left": _of_side(events.throws, LEFT),
    "throw_right": _of_side(events.throws, RIGHT),
    "kick": events.kicks,
    "kick_left": _of_side(events.kicks, LEFT),
    "kick_right": _of_side(events.kicks, RIGHT),
    "hand_at_head": partial(_hand_at, hand="any"),
    "left_hand_at_head": partial(_hand_at, hand="left"),
    "right_hand_at_head": partial(_hand_at, hand="right"),
    "arms_spread": posture.arms_spread,
    "one_leg": posture.on_one_leg,
    "one_leg_left": _of_side(posture.on_one_leg, LEFT),
    "one_leg_right": _of_side(posture.on_one_leg, RIGHT),
    "knee_lift": posture.knee_lifts,
    "knee_lift_left": _of_side(posture.knee_lifts, LEFT),
    "knee_lift_right": _of_side(posture.knee_lifts, RIGHT),
    "climb_up": partial(posture.climbs, sign=1),
    "climb_down": partial(posture.climbs, sign=-1),
    "tiptoe": posture.tiptoe,
    "jumping_jack": _jack,
}
"""Every judge by its name."""


def find(name: str, course: Course, limits: Thresholds = LIMITS) -> list[Phase]:
    """The phases in which a motion shows what the judge of this name looks for.

    Raises:
        DataError: there is no such judge.
    """
    if name not in JUDGES:
        raise DataError(f"there is no judge {name!r}; judges are {', '.join(JUDGES)}")
    if (name, limits) not in course.found:
        course.found[name, limits] = JUDGES[name](course, limits)
    return course.found[name, limits]
