"""What sentences say that can be measured, and whether measured motions are graded accordingly."""

import numpy as np
import pytest

from bimotion.inference.criteria import criteria_of
from bimotion.inference.criterion import more_than, ramp
from bimotion.inference.request import read_request
from bimotion.inference.traits import measure_traits
from bimotion.motion.skeleton import joint_indices
from tests.data.made_up import make_motion


def names(sentence: str) -> set[str]:
    return {criterion.name for criterion in criteria_of(read_request(sentence))}


def grade(sentence: str, name: str, joints: np.ndarray) -> float:
    criteria = {criterion.name: criterion for criterion in criteria_of(read_request(sentence))}
    return criteria[name].grade(measure_traits(joints))


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("a person walks slowly", {"walk", "slow"}),
        ("She sprints across the field", {"run", "fast"}),
        ("somebody kicks high with the left foot", {"kick", "large", "side", "other leg"}),
        ("he walks backwards", {"walk", "backward"}),
        ("a person takes four steps forward", {"walk", "steps", "forward"}),
        ("jump three times", {"jump", "times"}),
        ("a quarter turn to the right", {"turn", "angle", "side"}),
        ("turns about 90 degrees", {"turn", "angle"}),
        ("sitting down and getting straight up again", {"down and up"}),
        ("runs on the spot", {"run", "in place"}),
        ("leans to the left", {"lean left", "side"}),
        ("a person jumps up high", {"jump", "large"}),
        ("a person jumps with both hands up high", {"jump", "large", "both hands", "overhead", "raise"}),
        ("he reaches up high", {"large", "overhead"}),
        ("she dances the salsa", {"dance"}),
        ("washing a window", {"moving hands"}),
        ("going down a flight of stairs", {"climb", "downward"}),
        ("climbs up a ladder", {"climb", "upward"}),
        ("pushing a car, all the weight thrown forward", {"carry"}),
        ("colourless green ideas", set()),
    ],
)
def test_a_sentence_has_the_criteria_of_its_words(sentence: str, expected: set[str]) -> None:
    found = names(sentence) - {"seconds"}
    assert found - expected <= {"side"}
    assert expected - found <= {"side"}


def test_a_criterion_that_the_sentence_excludes_is_none() -> None:
    assert "wave" not in names("a person walks without waving")


def test_slow_and_fast_order_motions_by_their_speed() -> None:
    slow, fast = (np.asarray(make_motion(60, speed=speed)) for speed in (0.5, 1.6))
    assert grade("a person walks slowly", "slow", slow) > 0.7 > 0.3 > grade("walks slowly", "slow", fast)
    assert grade("a person walks fast", "fast", fast) > 0.7 > 0.3 > grade("walks fast", "fast", slow)


def test_a_side_is_graded_by_what_shows_it() -> None:
    left = np.asarray(make_motion(60, hand="left", swings=3))
    assert grade("a person waves the left hand", "side", left) > 0.9
    assert grade("a person waves the right hand", "side", left) < 0.1


def test_a_dance_needs_more_than_a_hand() -> None:
    still = np.asarray(make_motion(60, hand="left", swings=1, speed=0.0))
    lively = np.asarray(make_motion(60, hand="left", swings=4, speed=0.8))
    assert grade("a person dances", "dance", still) < 0.4 < grade("a person dances", "dance", lively)


def test_what_goes_on_should_last() -> None:
    assert grade("a person dances", "seconds", np.asarray(make_motion(24, speed=0.5))) < 0.2
    assert grade("a person dances", "seconds", np.asarray(make_motion(80, speed=0.5))) == 1.0
    assert "seconds" not in names("a person dances briefly")
    assert "seconds" not in names("a person jumps")


@pytest.mark.parametrize(
    "sentence",
    [
        "raises the left hand without moving the right",
        "waves with the left hand, keeping the right arm still",
        "a person waves the left hand, not the right one",
        "waves with the left hand while the other arm hangs down",
    ],
)
def test_the_hand_that_is_excluded_rests(sentence: str) -> None:
    one, other = (np.asarray(make_motion(60, hand=side, swings=3)) for side in ("left", "right"))
    assert grade(sentence, "other hand", one) > 0.9
    assert grade(sentence, "other hand", other) < 0.5


def test_one_hand_that_is_raised_leaves_the_other_down() -> None:
    left, both = (np.asarray(make_motion(60, hand=hand, swings=3)) for hand in ("left", "both"))
    assert grade("a person waves with the left hand", "other hand", left) == 1
    assert grade("a person waves with the left hand", "other hand", both) < 0.5
    assert "other hand" not in names("a person waves") | names("walks to the left")


@pytest.mark.parametrize(("sentence", "up"), [("kicks with the left leg", 0), ("hops on the right foot", 0)])
def test_the_leg_that_is_not_named_does_not_do_it(sentence: str, up: int) -> None:
    joints = np.repeat(np.asarray(make_motion(60, hand="left", swings=3))[:1], 60, axis=0)
    legs = [list(joint_indices(f"{side}_ankle", f"{side}_foot")) for side in ("left", "right")]
    joints[20:40, legs[up], 1] += 0.3
    both = joints.copy()
    both[5:18, legs[1 - up], 1] += 0.3
    assert grade(f"a person {sentence}", "other leg", joints) > 0.9
    assert grade(f"a person {sentence}", "other leg", both) < 0.6


def test_repeats_are_those_of_the_named_side() -> None:
    left = np.asarray(make_motion(60, hand="left", swings=3))
    assert grade("waves the left hand three times", "times", left) > grade(
        "waves the right hand three times", "times", left
    )


def test_an_angle_is_graded_by_its_distance() -> None:
    quarter, full = (np.asarray(make_motion(100, turn_deg=angle)) for angle in (90, 350))
    assert grade("a quarter turn", "angle", quarter) > 0.9 > grade("a quarter turn", "angle", full)
    assert grade("a full turn", "angle", full) > 0.9 > grade("a full turn", "angle", quarter)


def test_ramps_and_shares() -> None:
    assert [ramp(value, 1, 3) for value in (0, 2, 9)] == [0, 0.5, 1]
    assert [ramp(value, 3, 1) for value in (0, 2, 9)] == [1, 0.5, 0]
    assert more_than(2.0, 2.0) == pytest.approx(0.5)
    assert more_than(0.0, 2.0) < 1e-6 < more_than(1.0, 2.0) < more_than(4.0, 2.0) < 1
