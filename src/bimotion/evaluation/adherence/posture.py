"""Postures of a motion and their times: squats, sits, kneels, lies, crawls, leans, hands at the head or the floor, one
leg.

Each function gives the phases of one kind. Legend: T frames.
"""

import numpy as np

from bimotion.evaluation.adherence.course import Course, Phase, Series, phases
from bimotion.evaluation.adherence.events import LEFT, RIGHT, SIDES, in_time, standing_level
from bimotion.evaluation.adherence.thresholds import Thresholds
from bimotion.features.layout import FPS


def behind_feet(course: Course) -> Series:
    """How far the pelvis is behind the middle of the ankles, metres."""
    ankles = course.pair("ankle").mean(1) - course.joint("pelvis")
    return np.asarray(course.in_body(ankles)[:, 2])


def crouches(course: Course, limits: Thresholds) -> list[Phase]:
    """Squats and crouches: bent knees and a low pelvis over the feet; `amount` is the lowest share of the pelvis."""
    low = (course.pelvis < limits.crouch_pelvis) & (course.knees.min(-1) > 30) & (course.tilt < 75)
    on_feet = np.abs(behind_feet(course)) < 0.45
    return phases(low & on_feet, least=0.1, gap=0.2, amounts=1 - course.pelvis)


def sits(course: Course, limits: Thresholds) -> list[Phase]:
    """Sitting on a seat or the floor, with the trunk upright."""
    thighs = course.thighs.mean(-1) > limits.sit_thigh
    seat = thighs & (behind_feet(course) > limits.sit_behind)
    floor = (course.pelvis < limits.floor_pelvis) & (course.thighs.max(-1) > limits.sit_thigh)
    rests = course.speed < 0.5
    return phases((seat | floor) & rests & (course.tilt < 60), least=limits.sit_seconds, gap=0.4)


def rises_up(course: Course, limits: Thresholds) -> list[Phase]:
    """Standing up: the pelvis comes from low to standing height; `amount` is the rise as a share of that height."""
    found, lowest = [], 0
    for frame, height in enumerate(course.pelvis):
        if height <= course.pelvis[lowest] + 0.01:
            lowest = frame
        if height > limits.upright_pelvis and height - course.pelvis[lowest] > limits.rise_of_pelvis:
            found.append(Phase(lowest / FPS, (frame + 1) / FPS, float(height - course.pelvis[lowest])))
            lowest = frame
    return found


def kneels(course: Course, limits: Thresholds) -> list[Phase]:
    """At least one knee on the floor, pelvis above it, trunk not lying."""
    knees, ankles = course.pair("knee")[..., 1], course.pair("ankle")[..., 1]
    knee = ((knees < limits.knee_floor) & (knees - ankles < limits.knee_over_ankle)).any(-1)
    return phases(knee & (course.pelvis > 0.22) & (course.tilt < 70), least=0.3, gap=0.3)


def lies(course: Course, limits: Thresholds) -> list[Phase]:
    """Lying: the trunk near the horizontal, head and feet about as high as the pelvis."""
    pelvis = course.joint("pelvis")[:, 1]
    level = (np.abs(course.joint("head")[:, 1] - pelvis) < 0.45) & (
        pelvis - course.pair("ankle")[..., 1].mean(-1) < 0.3
    )
    return phases(level & (course.tilt > limits.lie_tilt), least=0.3, gap=0.3)


def on_all_fours(course: Course, limits: Thresholds) -> list[Phase]:
    """Hands and knees or feet on the floor, the trunk near the horizontal, facing down."""
    hands = course.hand_height.max(-1) < limits.floor_hand
    return phases(
        hands & (course.lean_forward > 45) & (course.pelvis < 0.95) & (course.pelvis > 0.2),
        least=0.4,
        gap=0.5,
    )


def upside_down(course: Course, limits: Thresholds) -> list[Phase]:
    """Hands on the floor and hips above the head: cartwheels, handstands, flips."""
    return phases(course.joint("pelvis")[:, 1] > course.joint("head")[:, 1] + 0.05, least=0.1, gap=0.3)


def bends(course: Course, limits: Thresholds) -> list[Phase]:
    """Bends forward; `amount` is the deepest angle."""
    lean = np.where(course.tilt > 100, 180.0, course.lean_forward)
    return phases(lean > limits.bend_forward, least=0.2, gap=0.2, amounts=course.tilt)


def leans(course: Course, limits: Thresholds, direction: str) -> list[Phase]:
    """Leaning `forward`, `back`, `left` or `right`; `amount` is the largest angle."""
    angle, least = {
        "forward": (course.lean_forward, limits.lean_forward),
        "back": (-course.lean_forward, limits.lean_back),
        "left": (course.lean_left, limits.lean_side),
        "right": (-course.lean_left, limits.lean_side),
    }[direction]
    return phases(angle > least, least=0.2, gap=0.2, amounts=angle)


def reaches_floor(course: Course, limits: Thresholds) -> list[Phase]:
    """A hand near the floor, from a body that stands or crouches: picking up, putting down, touching the toes."""
    low = course.hand_height.min(-1) < limits.floor_hand
    return phases(low & (course.pelvis > 0.35), least=0.1, gap=0.3, amounts=-course.hand_height.min(-1))


def hand_at_head(course: Course, limits: Thresholds, column: int) -> list[Phase]:
    """A hand at the mouth, the ear or the head."""
    near = course.hand_to_head[:, column] < limits.hand_at_head
    return phases(near, least=0.5, gap=0.3, side=LEFT if column == 0 else RIGHT)


def arms_spread(course: Course, limits: Thresholds) -> list[Phase]:
    """Both arms held out to the sides."""
    high = (np.abs(course.hand_over_shoulder) < 0.42).all(-1)
    return phases(high & (course.hands_apart > limits.arms_spread), least=0.2, gap=0.3)


def on_one_leg(course: Course, limits: Thresholds) -> list[Phase]:
    """One foot is lifted for some time while the other stands; `side` is the standing leg's."""
    found = []
    for column, side in SIDES:
        stands = course.foot_height[:, column] < 0.06
        lifted = course.foot_height[:, 1 - column] > limits.lifted_foot
        found += phases(stands & lifted, least=limits.balance_seconds, gap=0.1, side=side)
    return in_time(found)


def knee_lifts(course: Course, limits: Thresholds) -> list[Phase]:
    """A thigh lifted high while the body stands on the other leg; `amount` is its angle, `side` the lifted leg's."""
    found = []
    for column, side in SIDES:
        high = (course.thighs[:, column] > limits.high_knee) & (course.thighs[:, 1 - column] < 40)
        found += phases(high & (course.pelvis > 0.8), gap=0.1, amounts=course.thighs[:, column], side=side)
    return in_time(found)


def climbs(course: Course, limits: Thresholds, sign: int) -> list[Phase]:
    """What the feet stand on rises (+1) or falls (-1): stairs, ladders, stools; `amount` is by how much."""
    level = standing_level(course)
    change = sign * (level - level[np.maximum(np.arange(len(level)) - round(1.5 * FPS), 0)])
    return phases(change > limits.climb_height, least=0.1, gap=0.3, amounts=change)


def tiptoe(course: Course, limits: Thresholds) -> list[Phase]:
    """Heels off the floor in every stance."""
    heel = course.pair("ankle")[..., 1].min(-1) - 0.06
    ball = course.pair("foot")[..., 1].min(-1)
    return phases((heel > limits.tiptoe_heel) & (ball < 0.06), least=0.4, gap=0.3)
