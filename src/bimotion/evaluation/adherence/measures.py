"""Amounts of a motion as single numbers, for bounds in rules and for contrasts; by name in `MEASURES`.

Metres are of a body with legs of 0.82 m.
"""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from bimotion.evaluation.adherence import events, posture
from bimotion.evaluation.adherence.course import Course, Phase
from bimotion.evaluation.adherence.thresholds import Thresholds
from bimotion.features.layout import FPS

Measure = Callable[[Course, Thresholds], float]


def _longest(found: list[Phase]) -> float:
    return max((phase.seconds for phase in found), default=0.0)


def _travel_speed(course: Course, limits: Thresholds) -> float:
    moving = course.speed > limits.moving_speed
    return float(course.speed[moving].mean()) if moving.any() else 0.0


def _flight_distance(course: Course, limits: Thresholds) -> float:
    displacements = [
        course.p[min(round(flight.end * FPS), len(course) - 1), 0] - course.p[round(flight.start * FPS), 0]
        for flight in events.flights(course, limits)
    ]
    return max(
        (float(np.hypot(displacement[0], displacement[2])) for displacement in displacements), default=0.0
    )


def _step_amount(course: Course, limits: Thresholds) -> float:
    lengths = [step.amount for step in events.steps(course, limits)]
    return float(np.percentile(lengths, 75)) if lengths else 0.0


def _raised(course: Course, limits: Thresholds) -> float:
    up = (course.hand_over_shoulder > limits.raised_hand).any(-1)
    return float(up.sum() / FPS)


def _carry(course: Course, limits: Thresholds, *, both: bool) -> float:
    """Seconds in which hands are held in front of the body between hips and shoulders."""
    _, up, ahead = np.moveaxis(course.hands, -1, 0)
    held = (ahead > limits.held_ahead) & (up > limits.held_up[0]) & (up < limits.held_up[1])
    return float((held.all(-1) if both else held.any(-1)).sum() / FPS)


MEASURES: Mapping[str, Measure] = {
    "seconds": lambda course, limits: course.seconds,
    "speed": _travel_speed,
    "path": lambda course, limits: course.base.path,
    "net": lambda course, limits: course.base.net,
    "forward": lambda course, limits: course.base.forward,
    "leftward": lambda course, limits: course.base.leftward,
    "turned": lambda course, limits: float(np.degrees(np.ptp(course.yaw))),
    "turned_left": lambda course, limits: float(np.degrees(course.yaw[-1] - course.yaw[0])),
    "turn_rate": lambda course, limits: float(np.percentile(np.abs(course.turn_rate), 95)),
    "steps": lambda course, limits: float(len(events.steps(course, limits))),
    "step_length": _step_amount,
    "foot_height": lambda course, limits: float(course.foot_height.max()),
    "foot_speed": lambda course, limits: float(course.foot_speed.max()),
    "jump_height": lambda course, limits: max(
        (flight.amount for flight in events.flights(course, limits)), default=0.0
    ),
    "jump_distance": _flight_distance,
    "hand_height": lambda course, limits: float(course.hand_over_head.max()),
    "hand_speed": lambda course, limits: float(np.percentile(course.hand_speed, 90, axis=0).max()),
    "hand_range": lambda course, limits: max(course.base.left.hand_range, course.base.right.hand_range),
    "raised_seconds": _raised,
    "carry_seconds": partial(_carry, both=True),
    "carry_one_seconds": partial(_carry, both=False),
    "lean": lambda course, limits: float(np.median(course.lean_forward)),
    "lean_sideways": lambda course, limits: float(np.ptp(course.lean_left)),
    "bend": lambda course, limits: float(np.percentile(course.tilt, 97)),
    "pelvis_low": lambda course, limits: float(1 - np.percentile(course.pelvis, 3)),
    "pelvis_mean_low": lambda course, limits: float(1 - np.median(course.pelvis)),
    "pelvis_speed": lambda course, limits: float(np.percentile(np.abs(course.velocity[:, 1]), 95)),
    "knee_lift": lambda course, limits: float(np.percentile(course.thighs.max(-1), 95)),
    "still_share": lambda course, limits: float((course.limb_speed < limits.still_speed).mean()),
    "still_seconds": lambda course, limits: _longest(events.still(course, limits)),
    "sit_seconds": lambda course, limits: _longest(posture.sits(course, limits)),
    "swings": lambda course, limits: max((wave.amount for wave in events.waves(course, limits)), default=0.0),
    "energy": lambda course, limits: float(course.limb_speed.mean()),
    "circle": lambda course, limits: abs(course.base.travel_turn),
}
"""Every measure by its name."""
