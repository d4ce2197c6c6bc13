import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bimotion.captions.facts import MotionFacts, measure_facts
from bimotion.errors import DataError
from bimotion.motion.skeleton import MIRROR
from tests.data.made_up import make_motion


def mirrored(joints: np.ndarray) -> np.ndarray:
    return joints[:, MIRROR] * np.array([-1, 1, 1], np.float32)


@pytest.mark.parametrize(("turn", "speed"), [(90, 1.0), (-90, 1.2), (0, 0.6), (370, 1.0)])
def test_turn_and_speed_are_those_of_the_motion(turn: float, speed: float) -> None:
    facts = measure_facts(make_motion(120, speed=speed, turn_deg=turn))
    assert facts.speed == pytest.approx(speed, rel=0.2)  # lengths are in units of the leg
    assert facts.turn == pytest.approx(turn, abs=3 + 0.04 * abs(turn))  # smoothing takes from the ends
    assert facts.forward > 0


@pytest.mark.parametrize(
    ("course", "forward", "leftward"), [(180, -1, 0), (90, 0, 1), (-90, 0, -1), (0, 1, 0)]
)
def test_direction_is_seen_from_the_body(course: float, forward: float, leftward: float) -> None:
    facts = measure_facts(make_motion(60, speed=1.0, course_deg=course))
    assert (facts.forward_share, facts.leftward_share) == pytest.approx((forward, leftward), abs=0.05)


def test_a_waving_hand_counts_its_swings() -> None:
    facts = measure_facts(make_motion(120, hand="left", swings=6))
    assert facts.left.swings == pytest.approx(4, abs=1.5)  # only those with the arm fully up
    assert facts.left.hand_over_head > 0.1 > 0 > facts.right.hand_over_head
    assert facts.right.swings == 0
    assert facts.left.raises == 1


@settings(max_examples=15, deadline=None)
@given(
    st.floats(-200, 200),
    st.floats(-180, 180),
    st.floats(0, 3),
    st.sampled_from(["left", "right", "both"]),
    st.integers(0, 5),
)
def test_the_mirror_image_has_the_facts_with_sides_exchanged(
    turn: float, course: float, speed: float, hand: str, swings: int
) -> None:
    joints = make_motion(80, turn_deg=turn, course_deg=course, speed=speed, hand=hand, swings=swings)
    facts, image = measure_facts(joints), measure_facts(mirrored(joints))
    assert image.left.hand_range == pytest.approx(facts.right.hand_range, abs=1e-3)
    assert image.turn == pytest.approx(-facts.turn, abs=0.1)
    assert image.leftward == pytest.approx(-facts.leftward, abs=1e-2)
    assert image.path == pytest.approx(facts.path, abs=1e-3)
    exchanged = facts.mirrored()
    for limb in ("left", "right"):
        assert vars(getattr(exchanged, limb)) == pytest.approx(vars(getattr(image, limb)), abs=1e-3)
    whole = {name: value for name, value in vars(exchanged).items() if name not in ("left", "right")}
    assert whole == pytest.approx({name: getattr(image, name) for name in whole}, abs=0.1)
    assert exchanged.mirrored() == facts


def test_facts_do_not_depend_on_the_size_of_the_body() -> None:
    small, large = (measure_facts(make_motion(60, speed=1.0, hand="right", size=size)) for size in (0.7, 1.3))
    assert small.speed == pytest.approx(large.speed, rel=1e-3)
    assert small.right.hand_over_head == pytest.approx(large.right.hand_over_head, rel=1e-3)


def test_facts_survive_the_index() -> None:
    facts = measure_facts(make_motion(60, speed=1.0))
    again = MotionFacts.from_json(facts.to_json())
    assert again.to_json() == facts.to_json()
    older = {
        **facts.to_json(),
        "airborne_seconds": 0.0,
        "left": {**facts.to_json()["left"], "hand_reach": 0.3},
    }
    assert MotionFacts.from_json(older) == again  # facts of other versions are ignored
    fewer = {name: value for name, value in older.items() if name != "path"}
    with pytest.raises(DataError, match="expected the fields seconds, path"):
        MotionFacts.from_json(fewer)


def test_too_short_a_window_has_no_facts() -> None:
    with pytest.raises(DataError, match="4 or more frames"):
        measure_facts(make_motion(3))
