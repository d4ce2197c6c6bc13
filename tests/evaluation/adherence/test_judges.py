"""Each judge accepts a motion that does what it looks for, and rejects one that does not."""

from dataclasses import replace

import numpy as np
import pytest

from bimotion.errors import DataError
from bimotion.evaluation.adherence.course import Course
from bimotion.evaluation.adherence.judges import JUDGES, find
from bimotion.evaluation.adherence.rules import holds, in_order, parse_rule
from bimotion.evaluation.adherence.scores import side_shown
from tests.evaluation.adherence.puppet import (
    ANKLE_UP,
    HANGING,
    HIP_OUT,
    STANDING,
    Puppet,
    jumping,
    ramp,
    walking,
)


def moving(seconds: float, *points: tuple[float, tuple[float, float, float]]) -> np.ndarray:
    """Vectors that run straight between (second, vector) points."""
    return np.stack([ramp(*((t, v[axis]) for t, v in points), seconds=seconds) for axis in range(3)], -1)


def foot(side: str, seconds: float, *points: tuple[float, tuple[float, float]]) -> dict[str, np.ndarray]:
    """A foot that moves (up, ahead) from where it stands."""
    x = HIP_OUT if side == "left" else -HIP_OUT
    path = moving(seconds, *((t, (x, ANKLE_UP + up, ahead)) for t, (up, ahead) in points))
    return {side: path}


def sway(side: str) -> Puppet:
    """A raised forearm that swings to and fro three times."""
    time = np.arange(80) / 20
    hand = np.stack([0.1 + 0.12 * np.sin(2 * np.pi * time), np.full(80, 0.25), np.full(80, 0.15)], -1)
    return Puppet(4, hands={side: hand})


def raised(side: str, height: float = 0.3) -> Puppet:
    up = (0.0, height, 0.1)
    return Puppet(4, hands={side: moving(4, (1, HANGING), (1.8, up), (3, up), (3.6, HANGING))})


def both(a: Puppet, b: Puppet) -> Puppet:
    return replace(a, hands={**a.hands, **b.hands})


def hit(side: str) -> Puppet:
    guard, out = (-0.05, -0.15, 0.15), (-0.05, 0.0, 0.5)
    return Puppet(2, hands={side: moving(2, (0, guard), (1, guard), (1.15, out), (1.3, guard))})


def kick(side: str) -> Puppet:
    return Puppet(2.5, feet=foot(side, 2.5, (1, (0, 0)), (1.25, (0.5, 0.55)), (1.6, (0, 0))))


def knee_up(side: str, seconds: float = 0.6) -> Puppet:
    return Puppet(
        3,
        feet=foot(side, 3, (0.5, (0, 0)), (0.9, (0.42, 0.15)), (0.9 + seconds, (0.42, 0.15)), (2.9, (0, 0))),
    )


def hop(side: str) -> Puppet:
    other = "right" if side == "left" else "left"
    jumps = jumping(2, 0.1)
    count = len(jumps.joints())
    x = HIP_OUT if other == "left" else -HIP_OUT
    return replace(jumps, feet={other: np.tile([x, ANKLE_UP + 0.25, -0.2], (count, 1))})


def run() -> Puppet:
    """A fast walk whose steps are flights: the whole body leaves the floor in each."""
    steps = walking(10, 1.0, step_seconds=0.35)
    time = np.arange(len(steps.joints())) / 20
    lift = np.maximum(0, 0.12 * np.sin(2 * np.pi * (time - 0.5) / 0.35)) * ((time > 0.5) & (time < 4.0))
    return replace(steps, flight=lift)


def seated() -> Puppet:
    y = ramp((1, STANDING), (2, 0.5), seconds=4)
    feet = {
        side: np.tile([x, ANKLE_UP, 0.4], (80, 1)) for side, x in (("left", HIP_OUT), ("right", -HIP_OUT))
    }
    back = ramp((1, 0.4), (2, 0.0), seconds=4)
    return Puppet(4, {"y": y, "z": back}, feet=feet)


def lying() -> Puppet:
    feet = {side: np.tile([x, 0.12, -0.75], (40, 1)) for side, x in (("left", HIP_OUT), ("right", -HIP_OUT))}
    hands = {side: np.tile([0.2, 0.0, -0.4], (40, 1)) for side in ("left", "right")}
    return Puppet(2, {"y": np.full(40, 0.15)}, lean_deg=88.0, feet=feet, hands=hands)


def all_fours() -> Puppet:
    feet = {side: np.tile([x, 0.08, -0.4], (40, 1)) for side, x in (("left", HIP_OUT), ("right", -HIP_OUT))}
    hands = {side: np.tile([0.0, -0.48, 0.1], (40, 1)) for side in ("left", "right")}
    return Puppet(2, {"y": np.full(40, 0.5)}, lean_deg=80.0, feet=feet, hands=hands)


def kneeling() -> Puppet:
    feet = {side: np.tile([x, 0.1, -0.35], (40, 1)) for side, x in (("left", HIP_OUT), ("right", -HIP_OUT))}
    return Puppet(2, {"y": np.full(40, 0.52)}, feet=feet)


def squats(count: int) -> Puppet:
    points = [(0.0, STANDING)]
    for number in range(count):
        points += [(1.0 + 2 * number, STANDING), (1.7 + 2 * number, 0.55), (2.4 + 2 * number, STANDING)]
    seconds = 2.0 * count + 1.5
    return Puppet(seconds, {"y": ramp(*points, seconds=seconds)})


def turning(degrees: float, seconds: float = 2.0) -> Puppet:
    return Puppet(seconds + 1, yaw_deg=ramp((0.5, 0), (seconds + 0.5, degrees), seconds=seconds + 1))


def stairs(sign: int) -> Puppet:
    """Each foot in turn goes a step up or down."""
    start = 0.0 if sign > 0 else 0.8
    feet = {}
    for number, (side, x) in enumerate((("left", HIP_OUT), ("right", -HIP_OUT))):
        points = [(0.5, (x, ANKLE_UP + start, 0.0))]
        for step in range(2):
            at = 0.5 + step * 1.6 + number * 0.8
            level = start + sign * 0.2 * (2 * step + 1 + number)
            ahead = 0.3 * (2 * step + 1 + number)
            points += [(at, points[-1][1]), (at + 0.5, (x, ANKLE_UP + level, ahead))]
        feet[side] = moving(4, *points)
    middle = (feet["left"] + feet["right"]) / 2
    return Puppet(4, {"y": middle[:, 1] + STANDING - 0.2, "z": middle[:, 2]}, feet=feet)


def claps() -> Puppet:
    hand = [(0.0, HANGING)]
    for number in range(3):
        hand += [(1.0 + number * 0.5, (0.0, -0.2, 0.35)), (1.25 + number * 0.5, (-0.15, -0.2, 0.35))]
    path = moving(4, *hand, (3.2, HANGING))
    return Puppet(4, hands={"left": path, "right": path})


def jumping_jacks() -> Puppet:
    out = (0.25, 0.42, 0.0)
    hands = moving(4, (0.5, HANGING), (0.8, out), (1.1, HANGING), (1.6, HANGING), (1.9, out), (2.2, HANGING))
    feet = {}
    for side, x in (("left", HIP_OUT), ("right", -HIP_OUT)):
        wide = (3.2 * x, ANKLE_UP, 0.0)
        close = (x, ANKLE_UP, 0.0)
        feet[side] = moving(
            4, (0.5, close), (0.8, wide), (1.1, close), (1.6, close), (1.9, wide), (2.2, close)
        )
    return Puppet(4, {"y": np.full(80, STANDING - 0.05)}, hands={"left": hands, "right": hands}, feet=feet)


def upside_down() -> Puppet:
    return Puppet(2, {"y": np.full(40, 1.3)}, lean_deg=180.0, flight=0.0)


def pick_up() -> Puppet:
    low = ramp((1, STANDING), (2, 0.6), (3, STANDING), seconds=4)
    return Puppet(4, {"y": low}, lean_deg=ramp((1, 0), (2, 60), (3, 0), seconds=4))


def tiptoe() -> Puppet:
    joints = walking(6)
    return replace(
        joints, on_toes=True, feet={side: path + [0, 0.07, 0] for side, path in joints.feet.items()}
    )


STILL = Puppet(3)
SPREAD = np.tile([0.5, 0.0, 0.0], (60, 1))
FACE = np.tile([-0.1, 0.12, 0.1], (60, 1))

CASES: dict[str, tuple[Puppet, Puppet]] = {
    "walk": (walking(6), run()),
    "walk_forward": (walking(6), walking(6, direction=(0, -1))),
    "walk_backward": (walking(6, direction=(0, -1)), walking(6)),
    "sidestep_left": (walking(4, 0.4, direction=(1, 0)), walking(4, 0.4, direction=(-1, 0))),
    "sidestep_right": (walking(4, 0.4, direction=(-1, 0)), walking(4)),
    "run": (run(), walking(6)),
    "still": (STILL, sway("left")),
    "step": (walking(2), STILL),
    "step_left": (walking(1), STILL),
    "step_right": (walking(2), walking(1)),
    "turn": (turning(90), walking(6)),
    "turn_left": (turning(90), turning(-90)),
    "turn_right": (turning(-90), turning(90)),
    "turn_around": (turning(180), turning(70)),
    "turn_around_left": (turning(180), turning(-180)),
    "turn_around_right": (turning(-180), turning(180)),
    "quarter_turn_left": (turning(90), turning(200)),
    "quarter_turn_right": (turning(-90), turning(90)),
    "spin": (turning(400), turning(180)),
    "jump": (jumping(1), walking(4)),
    "jump_forward": (
        replace(jumping(1), pelvis={"z": ramp((1, 0), (1.5, 0.8), seconds=2.5)}),
        jumping(1),
    ),
    "hop_left": (hop("left"), hop("right")),
    "hop_right": (hop("right"), jumping(2)),
    "squat": (squats(1), STILL),
    "sit": (seated(), squats(1)),
    "stand_up": (squats(1), STILL),
    "kneel": (kneeling(), squats(1)),
    "lie": (lying(), all_fours()),
    "all_fours": (all_fours(), lying()),
    "upside_down": (upside_down(), STILL),
    "bend": (pick_up(), walking(4)),
    "lean_forward": (Puppet(2, lean_deg=20.0), STILL),
    "lean_back": (Puppet(2, lean_deg=-20.0), Puppet(2, lean_deg=20.0)),
    "lean_left": (Puppet(2, lean_left_deg=20.0), Puppet(2, lean_left_deg=-20.0)),
    "lean_right": (Puppet(2, lean_left_deg=-20.0), STILL),
    "hand_to_floor": (pick_up(), STILL),
    "raise_left": (raised("left"), raised("right")),
    "raise_right": (raised("right"), raised("left")),
    "raise_both": (both(raised("left"), raised("right")), raised("left")),
    "raise_any": (raised("left"), walking(4)),
    "overhead_left": (raised("left", 0.45), raised("left", 0.1)),
    "overhead_right": (raised("right", 0.45), raised("left", 0.45)),
    "overhead_both": (both(raised("left", 0.45), raised("right", 0.45)), raised("left", 0.45)),
    "overhead_any": (raised("left", 0.45), raised("left", 0.1)),
    "wave": (sway("left"), STILL),
    "wave_left": (sway("left"), sway("right")),
    "wave_right": (sway("right"), raised("left")),
    "clap": (claps(), STILL),
    "punch": (hit("left"), raised("left", 0.0)),
    "punch_left": (hit("left"), hit("right")),
    "punch_right": (hit("right"), hit("left")),
    "throw": (hit("right"), raised("right")),
    "throw_left": (hit("left"), hit("right")),
    "throw_right": (hit("right"), hit("left")),
    "kick": (kick("left"), walking(6)),
    "kick_left": (kick("left"), kick("right")),
    "kick_right": (kick("right"), kick("left")),
    "hand_at_head": (Puppet(3, hands={"left": FACE}), raised("left", 0.45)),
    "left_hand_at_head": (Puppet(3, hands={"left": FACE}), Puppet(3, hands={"right": FACE})),
    "right_hand_at_head": (Puppet(3, hands={"right": FACE}), STILL),
    "arms_spread": (Puppet(3, hands={"left": SPREAD, "right": SPREAD}), STILL),
    "one_leg": (knee_up("left", 1.5), walking(6)),
    "one_leg_left": (knee_up("right", 1.5), knee_up("left", 1.5)),
    "one_leg_right": (knee_up("left", 1.5), STILL),
    "knee_lift": (knee_up("left"), walking(6)),
    "knee_lift_left": (knee_up("left"), knee_up("right")),
    "knee_lift_right": (knee_up("right"), knee_up("left")),
    "climb_up": (stairs(1), walking(4)),
    "climb_down": (stairs(-1), walking(4)),
    "tiptoe": (tiptoe(), walking(6)),
    "jumping_jack": (jumping_jacks(), both(raised("left"), raised("right"))),
}
"""By judge: a motion that shows it, and one that does not."""


def test_every_judge_is_tested() -> None:
    assert set(CASES) == set(JUDGES)


@pytest.mark.parametrize("name", CASES)
def test_a_judge_accepts_what_shows_it_and_rejects_what_does_not(name: str) -> None:
    shows, lacks = CASES[name]
    assert find(name, Course(shows.joints()))
    assert not find(name, Course(lacks.joints()))


def test_rules_count_bound_negate_and_join() -> None:
    squatting = Course(squats(3).joints())
    assert holds("squat:3", squatting)
    assert holds("squat:2..4", squatting)
    assert holds("squat:2..", squatting)
    assert not holds("squat:2", squatting)
    assert holds("!jump", squatting)
    assert holds("jump|squat", squatting)
    assert holds("seconds>=7", squatting)
    assert not holds("seconds<=7", squatting)


@pytest.mark.parametrize("rule", ["fly", "jump:x", "speed", "jump>=2", "seconds>="])
def test_a_rule_that_cannot_be_read_is_named(rule: str) -> None:
    with pytest.raises(DataError, match="rule"):
        parse_rule(rule)


def test_order_is_that_of_the_middles() -> None:
    hands = moving(6, (1, HANGING), (1.5, (0, 0.4, 0.1)), (2.0, HANGING))
    first_raise = Puppet(
        6, {"y": ramp((3, STANDING), (4, 0.55), (5, STANDING), seconds=6)}, hands={"left": hands}
    )
    course = Course(first_raise.joints())
    assert in_order(("raise_left", "squat"), course)
    assert not in_order(("squat", "raise_left"), course)
    assert not in_order(("raise_left", "jump"), course)


def test_the_side_shown_is_the_one_that_does_clearly_more() -> None:
    assert side_shown("raise", Course(raised("left").joints())) == "left"
    assert side_shown("raise", Course(both(raised("left"), raised("right")).joints())) == "both"
    assert side_shown("turn", Course(turning(-90).joints())) == "right"
    assert side_shown("kick", Course(STILL.joints())) == "none"
