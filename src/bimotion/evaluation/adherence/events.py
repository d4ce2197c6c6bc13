"""Events of a motion and their times: steps, flights, turns, sits, bends, raised hands, kicks, punches, claps.

Each function gives the phases of one kind in the order of time. Legend: T frames.
"""

import numpy as np
from jaxtyping import Bool
from scipy.ndimage import gaussian_filter1d, maximum_filter1d, minimum_filter1d
from scipy.signal import find_peaks

from bimotion.evaluation.adherence.course import Course, Pair, Phase, Series, phases
from bimotion.evaluation.adherence.thresholds import Thresholds
from bimotion.features.layout import FPS

LEFT, RIGHT = 1, -1
SIDES = ((0, LEFT), (1, RIGHT))
"""Column of a pair, and its side."""


def in_time(found: list[Phase]) -> list[Phase]:
    """Phases in the order of their starts."""
    return sorted(found, key=lambda phase: phase.start)


def airborne(course: Course, limits: Thresholds) -> Bool[np.ndarray, " T"]:
    """Frames in which both feet are off the floor."""
    return np.asarray(~course.contact.any(-1))


def steps(course: Course, limits: Thresholds) -> list[Phase]:
    """Steps: one foot moves while the other stands; `amount` is the distance in metres."""
    found = []
    flying = airborne(course, limits)
    for column, side in SIDES:
        foot = gaussian_filter1d(course.pair("foot")[:, column, ::2], 0.7, axis=0, mode="nearest")
        speed = np.linalg.norm(np.gradient(foot, axis=0), axis=-1) * FPS
        for phase in phases(speed > limits.step_speed, gap=0.11):
            start, end = round(phase.start * FPS), min(round(phase.end * FPS), len(foot) - 1)
            length = float(np.linalg.norm(foot[end] - foot[start]))
            if length >= limits.step_length and flying[start:end].mean() < 0.8:
                found.append(Phase(phase.start, phase.end, length, side))
    return in_time(found)


def flights(course: Course, limits: Thresholds, foot_height: float | None = None) -> list[Phase]:
    """Jumps and hops: both feet are off the floor; `amount` is how far the pelvis rises above standing, metres."""
    low = course.foot_height.min(-1)
    least = limits.jump_foot_height if foot_height is None else foot_height
    rise = course.p[:, 0, 1] - min(0.95, float(np.percentile(course.p[:, 0, 1], 90)))
    found = []
    for phase in phases(airborne(course, limits), least=limits.jump_seconds):
        part = slice(round(phase.start * FPS), round(phase.end * FPS))
        if low[part].max() >= least:
            found.append(Phase(phase.start, phase.end, float(rise[part].max())))
    return found


def hops(course: Course, limits: Thresholds, side: int) -> list[Phase]:
    """Flights that start and end on the foot of one side while the other is lifted."""
    same, other = (0, 1) if side == LEFT else (1, 0)
    found = []
    for phase in flights(course, limits, limits.hop_foot_height):
        before, after = round(phase.start * FPS) - 2, round(phase.end * FPS) + 1
        ends = [frame for frame in (before, after) if 0 <= frame < len(course)]
        heights = course.foot_height[ends]
        if len(ends) and (heights[:, other] > heights[:, same] + 0.06).all():
            found.append(Phase(phase.start, phase.end, phase.amount, side))
    return found


def turns(course: Course, limits: Thresholds, gap: float = 0.4) -> list[Phase]:
    """Turns to one side, rests shorter than `gap` seconds within; `amount` is the angle in degrees, + to the left."""
    found = []
    for side in (LEFT, RIGHT):
        rate = side * gaussian_filter1d(course.turn_rate, 2, mode="nearest")
        for phase in phases(rate > limits.turn_rate, gap=gap):
            start, end = round(phase.start * FPS), min(round(phase.end * FPS), len(course) - 1)
            angle = float(np.degrees(course.yaw[end] - course.yaw[start]))
            if side * angle >= limits.turn_degrees:
                found.append(Phase(phase.start, phase.end, angle, side))
    return in_time(found)


def locomotion(course: Course, limits: Thresholds, *, running: bool) -> list[Phase]:
    """Walks (or runs): the body travels on its feet; `amount` is the mean speed."""
    travelling = course.speed > (limits.run_min_speed if running else limits.moving_speed)
    walked = [] if running else steps(course, limits)
    found = []
    for phase in phases(travelling, least=0.4 if running else limits.gait_seconds, gap=0.3):
        part = slice(round(phase.start * FPS), round(phase.end * FPS))
        speed = float(course.speed[part].mean())
        upright = float(np.median(course.pelvis[part])) > 0.55
        on_foot = sum(phase.start - 0.3 < step.middle < phase.end + 0.3 for step in walked) >= 2
        if upright and (on_foot or running) and _runs(course, part, limits) == running:
            found.append(Phase(phase.start, phase.end, speed))
    return found


def _runs(course: Course, part: slice, limits: Thresholds) -> bool:
    """Whether travel is a run: fast, with flights, or brisk without a time on both feet."""
    speed = float(course.speed[part].mean())
    contact = course.contact[part]
    flight, double = float((~contact.any(-1)).mean()), float(contact.all(-1).mean())
    brisk = speed >= limits.run_min_speed and double < limits.run_double_share
    flies = speed >= limits.jog_speed and flight >= limits.run_flight_share
    return brisk or flies or speed >= limits.walk_max_speed


def directed(course: Course, limits: Thresholds, *, forward: int = 0, leftward: int = 0) -> list[Phase]:
    """Travel of which most goes to one side of the body: forward +1 or back -1, left +1 or right -1."""
    left, _, ahead = gaussian_filter1d(course.velocity, 3, axis=0, mode="nearest").T
    same, across = (forward * ahead, np.abs(left)) if forward else (leftward * left, np.abs(ahead))
    mask = (same > 0.6 * limits.moving_speed) & (same > (0.8 if forward else 0.9) * across)
    return phases(mask, least=0.4, gap=0.3, amounts=same)


def still(course: Course, limits: Thresholds) -> list[Phase]:
    """Times in which nothing moves much."""
    return phases(course.limb_speed < limits.still_speed, least=limits.still_seconds, gap=0.2)


def oscillations(series: Series, least: float) -> list[float]:
    """Times in seconds of the highs of a series that rise by `least` above the lows beside them."""
    padded = np.pad(gaussian_filter1d(series, 0.7, mode="nearest"), 1, constant_values=series.min())
    return [float(peak - 1) / FPS for peak in find_peaks(padded, prominence=least)[0]]


def strikes(course: Course, speed: Pair, reach: Pair, limits: tuple[float, float]) -> list[Phase]:
    """Bursts of speed of a limb that end farther out: `limits` are the least speed and the least gain of reach."""
    least_speed, least_gain = limits
    found = []
    for column, side in SIDES:
        for peak in find_peaks(np.pad(speed[:, column], 1), height=least_speed, distance=4)[0] - 1:
            around = slice(max(0, peak - 6), min(len(course), peak + 7))
            before = reach[max(0, peak - 6) : peak + 1, column].min()
            after = reach[peak : around.stop, column].max()
            if after - before >= least_gain:
                start, end = max(0, peak - 4) / FPS, min(len(course), peak + 4) / FPS
                found.append(Phase(start, end, float(speed[peak, column]), side))
    return in_time(found)


def kicks(course: Course, limits: Thresholds) -> list[Phase]:
    """Kicks: a foot rises fast and far from its hip; `amount` is its speed."""
    feet = course.pair("ankle") - course.pair("hip")
    found = _swung_kicks(course, limits)
    for phase in strikes(course, course.foot_speed, course.foot_height, (limits.kick_speed, 0.1)):
        column = 0 if phase.side == LEFT else 1
        part = slice(round(phase.start * FPS), round(phase.end * FPS) + 4)
        height = course.foot_height[part, column]
        foot = course.in_body(feet[:, column])[part]
        forward, outward = foot[:, 2], phase.side * foot[:, 0]
        out = np.maximum(forward, outward) > limits.kick_reach
        out |= (height > limits.high_kick) & (np.hypot(forward, outward) > 0.8 * limits.kick_reach)
        stands = course.contact[part, 1 - column].any()
        known = any(abs(phase.middle - other.middle) < 0.4 and phase.side == other.side for other in found)
        if stands and not known and (out & (height >= limits.kick_height)).any():
            found.append(phase)
    return in_time(found)


def _swung_kicks(course: Course, limits: Thresholds) -> list[Phase]:
    """Kicks at something low, such as a ball: the foot shoots forward far faster than the body travels."""
    found = []
    for column, side in SIDES:
        foot = course.pair("ankle")[:, column] - course.pair("hip")[:, column]
        forward = course.in_body(foot)[:, 2]
        speed = np.gradient(gaussian_filter1d(forward, 0.7, mode="nearest")) * FPS
        for phase in phases(speed > limits.swing_speed, amounts=speed, side=side):
            after = slice(round(phase.end * FPS), round(phase.end * FPS) + 4)
            stands = course.contact[round(phase.start * FPS) : after.stop, 1 - column].any()
            if stands and forward[after].max(initial=0.0) > limits.kick_reach + 0.1:
                found.append(phase)
    return found


def punches(course: Course, limits: Thresholds) -> list[Phase]:
    """Punches: a fist shoots forward from the shoulder; `amount` is its speed."""
    forward = course.pair("wrist") - course.pair("shoulder")
    reach = np.stack([course.in_body(forward[:, column])[:, 2] for column in (0, 1)], -1)
    found = []
    for phase in strikes(course, course.hand_speed, reach, (limits.punch_speed, 0.2)):
        column = 0 if phase.side == LEFT else 1
        part = slice(round(phase.start * FPS), round(phase.end * FPS))
        if course.hand_over_shoulder[part, column].max() > -0.35:
            found.append(phase)
    return found


def throws(course: Course, limits: Thresholds) -> list[Phase]:
    """Throws: a hand moves fast; `amount` is its speed against the chest."""
    return [
        phase
        for column, side in SIDES
        for phase in phases(
            course.hand_speed[:, column] > limits.throw_speed,
            gap=0.3,
            amounts=course.hand_speed[:, column],
            side=side,
        )
    ]


def claps(course: Course, limits: Thresholds) -> list[Phase]:
    """Claps: the hands part and meet; `amount` is how near the wrists come."""
    apart = gaussian_filter1d(course.hands_apart, 0.5, mode="nearest")
    found = []
    for frame in find_peaks(-apart, prominence=0.1)[0]:
        if apart[frame] < limits.hands_together:
            found.append(Phase(max(0, frame - 1) / FPS, (frame + 1) / FPS, float(apart[frame])))
    return found


def raises(course: Course, limits: Thresholds, column: int, *, over: Pair, level: float) -> list[Phase]:
    """Times in which a hand is up, after a rise: `over` is its height above what `level` counts from."""
    found = []
    side = LEFT if column == 0 else RIGHT
    for phase in phases(over[:, column] > level, least=0.25, gap=0.2, amounts=over[:, column], side=side):
        start = round(phase.start * FPS)
        before = over[max(0, start - 30) : start + 1, column].min()
        if phase.amount - before >= limits.rise_of_hand or start == 0:
            found.append(phase)
    return found


def waves(course: Course, limits: Thresholds) -> list[Phase]:
    """Waves: a raised forearm sways to and fro; `amount` is the number of full swings."""
    found = []
    for column, side in SIDES:
        forearm = course.pair("wrist")[:, column] - course.pair("elbow")[:, column]
        body = course.in_body(forearm)
        up = course.hand_over_shoulder[:, column] > -0.22
        for phase in phases(up, least=0.5, gap=0.3):
            part = body[round(phase.start * FPS) : round(phase.end * FPS)]
            sway = part - part.mean(0)
            main = sway @ np.linalg.svd(sway, full_matrices=False)[2][0]
            swings = min(len(oscillations(sign * main, limits.wave_swing)) for sign in (1, -1))
            if swings >= 1:
                found.append(Phase(phase.start, phase.end, float(swings), side))
    return in_time(found)


def standing_level(course: Course) -> Series:
    """Height of what the feet stand on: the lower foot, held while both are in the air."""
    low = course.foot_height.min(-1)
    return np.asarray(maximum_filter1d(minimum_filter1d(low, 11, mode="nearest"), 11, mode="nearest"))
