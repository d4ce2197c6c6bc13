"""Time series, events and measures of motions whose facts are known in closed form."""

import numpy as np
import pytest

from bimotion.errors import DataError
from bimotion.evaluation.adherence import events
from bimotion.evaluation.adherence.course import Course, phases
from bimotion.evaluation.adherence.judges import LIMITS
from bimotion.evaluation.adherence.measures import MEASURES
from tests.evaluation.adherence.puppet import STANDING, Puppet, jumping, ramp, walking


def measure(name: str, puppet: Puppet) -> float:
    return MEASURES[name](Course(puppet.joints()), LIMITS)


@pytest.mark.parametrize(("steps", "length"), [(2, 0.5), (5, 0.6), (8, 0.4)])
def test_steps_are_counted_with_their_lengths_and_sides(steps: int, length: float) -> None:
    found = events.steps(Course(walking(steps, length).joints()), LIMITS)
    assert [step.side for step in found] == [1, -1] * (steps // 2) + [1] * (steps % 2)
    expected = [length] + [2 * length] * (
        steps - 1
    )  # a foot passes the other one, the first comes from beside it
    assert [step.amount for step in found] == pytest.approx(expected, rel=0.12)


def test_speed_and_path_of_a_walk_are_those_of_the_pelvis() -> None:
    walk = walking(8, 0.6, step_seconds=0.5)
    assert measure("path", walk) == pytest.approx(0.6 * 7.5, rel=0.05)
    assert measure("net", walk) == pytest.approx(0.6 * 7.5, rel=0.05)
    assert measure("speed", walk) == pytest.approx(1.2, rel=0.12)
    assert measure("forward", walk) == pytest.approx(0.6 * 7.5, rel=0.05)
    assert measure("leftward", walk) == pytest.approx(0.0, abs=0.02)


def test_facts_do_not_depend_on_place_facing_or_size() -> None:
    joints = walking(5, step_seconds=0.55).joints()
    c, s = np.cos(1.0), np.sin(1.0)
    turned = joints @ np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]]) * 1.3 + [3.0, 0.2, -2.0]
    for name, function in MEASURES.items():
        before, after = (function(Course(each), LIMITS) for each in (joints, turned))
        assert after == pytest.approx(before, rel=1e-3, abs=2e-3), name


@pytest.mark.parametrize("degrees", [90.0, -90.0, 180.0, -360.0, 720.0])
def test_a_turn_has_its_angle_and_side(degrees: float) -> None:
    seconds = max(2.0, abs(degrees) / 240) + 1
    yaw = ramp((0.5, 0), (seconds - 0.5, degrees), seconds=seconds)
    (turn,) = events.turns(Course(Puppet(seconds, yaw_deg=yaw).joints()), LIMITS)
    assert turn.amount == pytest.approx(degrees, rel=0.1)
    assert turn.side == np.sign(degrees)


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("height", [0.15, 0.4])
def test_jumps_are_counted_with_their_height(count: int, height: float) -> None:
    flights = events.flights(Course(jumping(count, height).joints()), LIMITS)
    assert len(flights) == count
    assert [flight.amount for flight in flights] == pytest.approx([height] * count, abs=0.04)
    assert flights[0].seconds == pytest.approx(2 * np.sqrt(2 * height / 9.81), abs=0.11)


@pytest.mark.parametrize("degrees", [-20.0, 10.0, 45.0])
def test_lean_is_the_angle_of_the_trunk(degrees: float) -> None:
    assert measure("lean", Puppet(1, lean_deg=degrees)) == pytest.approx(degrees, abs=0.5)
    assert measure("bend", Puppet(1, lean_deg=degrees)) == pytest.approx(abs(degrees), abs=0.5)
    sideways = Course(Puppet(1, lean_left_deg=degrees).joints())
    assert sideways.lean_left == pytest.approx(np.full(20, degrees), abs=0.5)


def test_hand_heights_are_relative_to_shoulder_and_head() -> None:
    up = np.tile([0.0, 0.45, 0.0], (20, 1))
    course = Course(Puppet(1, hands={"left": up}).joints())
    assert course.hand_over_shoulder[:, 0] == pytest.approx(np.full(20, 0.45), abs=0.01)
    assert course.hand_over_head[:, 0] == pytest.approx(np.full(20, 0.45 - 0.14), abs=0.01)
    assert (course.hand_over_shoulder[:, 1] < -0.4).all()


def test_pelvis_and_thighs_tell_how_low_a_squat_is() -> None:
    low = ramp((0.5, STANDING), (1.5, 0.5), (2.5, STANDING), seconds=3)
    course = Course(Puppet(3, {"y": low}).joints())
    assert course.pelvis.min() == pytest.approx(0.5 / 0.95, abs=0.02)
    assert course.thighs.max() > 50
    assert course.knees.max() > 90


def test_stillness_is_the_share_of_frames_in_which_nothing_moves() -> None:
    assert measure("still_share", Puppet(3)) == 1.0
    wave = 0.2 * np.sin(np.arange(60) * 0.6)
    moving = np.stack([wave, np.full(60, 0.3), np.full(60, 0.1)], -1)
    assert measure("still_share", Puppet(3, hands={"left": moving})) < 0.25


def test_phases_close_gaps_and_leave_out_what_is_short() -> None:
    mask = np.array([1, 1, 1, 0, 1, 1, 1, 1, 0, 0, 0, 0, 1, 0], bool)
    assert [(p.start, p.end) for p in phases(mask, least=0.2, gap=0.1)] == [(0.0, 0.4)]
    assert len(phases(mask)) == 3


def test_too_short_a_motion_is_refused() -> None:
    with pytest.raises(DataError, match="at least 8 frames"):
        Course(np.zeros((5, 22, 3)))
