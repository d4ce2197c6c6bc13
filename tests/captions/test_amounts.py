import re
from dataclasses import replace

import numpy as np
import pytest

from bimotion.captions.amounts import add_amounts, amounts
from bimotion.captions.facts import MotionFacts, measure_facts
from tests.data.made_up import make_motion


def facts_of(frames: int = 80, **motion: float) -> MotionFacts:
    return measure_facts(make_motion(frames, **motion))  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(6))
def test_seconds_are_those_of_the_window(seed: int) -> None:
    phrase = amounts(facts_of(80), np.random.default_rng(seed))["seconds"]
    assert phrase in ("for four seconds", "for 4 seconds")


@pytest.mark.parametrize(
    ("degrees", "names"), [(90, "90|quarter|right angle"), (-180, "180|half"), (360, "360|full|all")]
)
def test_turns_are_named_by_size_and_side(degrees: int, names: str) -> None:
    phrase = amounts(facts_of(120, turn_deg=degrees), np.random.default_rng(0))["turn"]
    assert re.search(names, phrase)
    assert phrase.endswith("left" if degrees > 0 else "right")


def test_a_turn_that_comes_back_is_not_named() -> None:
    there = facts_of(120, turn_deg=90)
    assert "turn" not in amounts(replace(there, turn_most_right=-60.0), np.random.default_rng(0))
    assert "turn" not in amounts(replace(there, turn_most_left=140.0), np.random.default_rng(0))


def test_distance_and_direction_are_measured() -> None:
    found = amounts(facts_of(101, speed=1.0, course_deg=0), np.random.default_rng(1))
    assert re.search(r"\b(five|5)\b", found["distance"])
    assert found["direction"] in ("straight ahead", "in a straight line", "forward")
    assert amounts(facts_of(101, speed=1.0, course_deg=180), np.random.default_rng(0))[
        "direction"
    ].startswith(("backward", "going backward"))
    assert amounts(facts_of(101, speed=1.0, course_deg=90), np.random.default_rng(0))["direction"].endswith(
        "left"
    )


def test_standing_names_no_distance() -> None:
    found = amounts(facts_of(80), np.random.default_rng(0))
    assert not {"distance", "steps", "direction", "turn", "jumps", "speed"} & set(found)
    assert "place" in found


def test_captions_keep_their_words() -> None:
    text = add_amounts("a person stands.", facts_of(60), np.random.default_rng(3))
    assert text.startswith("a person stands, ")


@pytest.mark.parametrize(
    ("change", "name", "words"),
    [
        ({"path": 4.0, "speed": 0.4, "net": 0.0, "airborne": 0}, "speed", "slow"),
        ({"path": 4.0, "speed": 1.8, "net": 0.0, "airborne": 0}, "speed", "quickly|fast|briskly"),
        ({"path": 9.0, "speed": 6.0, "net": 0.0, "airborne": 0}, "speed", "very fast|high speed"),
        ({"path": 2.0, "speed": 1.0, "airborne": 0, "steps": 3}, "steps", "three|3"),
        ({"airborne": 1}, "jumps", "once"),
        ({"airborne": 2}, "jumps", "twice"),
        ({"airborne": 3}, "jumps", "three times|3 times"),
        ({"root_lowest": 0.3}, "height", "down"),
        ({"root_lowest": 0.6}, "height", "halfway|knees"),
        ({"bend": 90.0, "bend_forward": 0.5}, "lean", "far"),
        ({"bend": 5.0}, "lean", "upright"),
    ],
)
def test_each_amount_is_named_by_its_own_words(change: dict[str, float], name: str, words: str) -> None:
    facts = replace(facts_of(80), **change)  # type: ignore[arg-type]
    for seed in range(4):
        assert re.search(words, amounts(facts, np.random.default_rng(seed))[name])


def test_a_raised_hand_is_named_by_its_side_only_while_the_other_is_down() -> None:
    for side in ("left", "right"):
        facts = facts_of(80, hand=side)  # type: ignore[arg-type]
        phrase = amounts(facts, np.random.default_rng(0)).get("hands")
        assert phrase is not None
        assert side in phrase
    assert "both hands" in amounts(facts_of(80, hand="both"), np.random.default_rng(0))["hands"]  # type: ignore[arg-type]
