"""Which verb phrases fit the measured facts of a window, whatever its label says."""

from dataclasses import replace
from typing import Any

import pytest

from bimotion.captions.acts import Act, Label, choose_act
from bimotion.captions.facts import MotionFacts, measure_facts
from bimotion.captions.grammar import CaptionGrammar
from tests.data.made_up import make_motion

STILL = measure_facts(make_motion(60))
CONTENTS = CaptionGrammar.load()._contents


def facts(
    left: dict[str, Any] | None = None, right: dict[str, Any] | None = None, **changes: Any
) -> MotionFacts:
    """Facts of a body that stands still but for some values."""
    return replace(
        STILL, left=replace(STILL.left, **left or {}), right=replace(STILL.right, **right or {}), **changes
    )


def act(
    content: str, measured: MotionFacts, *, take: int = 1, mirrored: bool = False, turn: str = "left"
) -> Act:
    label = Label("x_001", content, "none", take)
    return choose_act(CONTENTS, content, label, measured, mirrored=mirrored, turn_side=turn)


@pytest.mark.parametrize(
    ("measured", "expected"),
    [
        ({"travel_turn": 350.0, "net": 0.5, "path": 6.0}, ("turn", "left", "circle")),
        ({"travel_turn": -350.0, "net": 0.5, "path": 6.0}, ("turn", "right", "circle")),
        ({"travel_turn": 170.0, "net": 1.0, "path": 4.0}, ("turn", "none", "")),
        ({"turn": -175.0, "net": 3.0, "path": 3.2}, ("turn", "none", "turns around")),
        ({"turn": -90.0, "net": 3.0, "path": 3.2}, ("turn", "right", "right")),
        ({"turn": 40.0, "travel_turn": 60.0, "net": 3.0, "path": 3.2}, ("walk", "left", "left")),
        ({"net": 3.0, "path": 3.0}, ("walk", "none", "")),
    ],
)
def test_a_walk_is_what_its_course_measures(
    measured: dict[str, float], expected: tuple[str, str, str]
) -> None:
    group, side, word = expected
    found = act("walk-turn-left", facts(**measured))
    assert (found.group, found.side, found.gait) == (group, side, "walk")
    assert any(word in verb for verb in found.verbs)
    other = {"left": "right", "right": "left"}.get(side)
    assert other is None or not any(f" {other}" in verb for verb in found.verbs)


@pytest.mark.parametrize(("mirrored", "side"), [(False, "left"), (True, "right")])
def test_a_turn_around_has_the_side_of_its_label_or_of_the_mirror(mirrored: bool, side: str) -> None:
    found = act("turn-around", STILL, mirrored=mirrored)
    assert found.side == side
    assert all("{" not in verb for verb in found.verbs)


@pytest.mark.parametrize(
    ("leftward", "forward", "side"), [(2.0, 0.2, "left"), (-2.0, 0.2, "right"), (0.5, 2.0, "left")]
)
def test_a_walk_to_the_side_names_the_side_it_went(leftward: float, forward: float, side: str) -> None:
    found = act("walk-left", facts(leftward=leftward, forward=forward))
    assert (found.group, found.side) == ("walk-side", side)
    assert any(side in verb for verb in found.verbs)


@pytest.mark.parametrize(("bend", "less"), [(80.0, False), (5.0, True)])
def test_a_bow_is_as_deep_as_measured(bend: float, less: bool) -> None:
    deep, slight = CONTENTS["bow"]["deep"], CONTENTS["bow"]["slight"]
    verbs = act("bow", facts(bend=bend)).verbs
    assert set(slight if less else deep) <= set(verbs)
    assert not set(deep if less else slight) & set(verbs)


def test_runs_are_slow_or_fast_as_measured() -> None:
    slow, usual, fast = (set(act("run", facts(speed=speed)).verbs) for speed in (1.0, 2.8, 5.0))
    assert slow == set(CONTENTS["run"]["verbs_slow"])
    assert usual == set(CONTENTS["run"]["verbs"])
    assert fast >= usual


@pytest.mark.parametrize(("foot", "side"), [("left", "left"), ("right", "right")])
def test_a_kick_names_the_foot_that_kicked(foot: str, side: str) -> None:
    kicking = {"foot_height": 0.8, "kicks": 2}
    measured = facts(left=kicking) if foot == "left" else facts(right=kicking)
    for content in ("kick", "kick-left", "kick-right"):
        if content in CONTENTS:
            found = act(content, measured)
            assert found.side == side
            assert all(side in verb for verb in found.verbs)


def test_a_hand_that_hardly_swings_does_not_wave() -> None:
    raised = {"hand_over_shoulder": 0.3, "hand_range": 0.8, "raises": 1, "hand_speed": 1.0}
    still = act("wave-right-hand", facts(right={**raised, "swings": 0.5}))
    waving = act("wave-right-hand", facts(right={**raised, "swings": 4.0}))
    entry = CONTENTS["wave-right-hand"]
    assert set(still.verbs) <= set(entry["verbs_nowave"])
    assert set(waving.verbs) <= set(entry["verbs"])
    assert still.side == waving.side == "right"


@pytest.mark.parametrize(
    ("content", "changes", "words"),
    [
        ("basketball - shoot", {}, "verbs_shoot"),
        ("basketball", {"turn": 90.0}, "verbs_turn_left"),
        ("basketball", {"leftward_share": -0.9}, "verbs_side"),
        ("basketball", {"forward": -1.0}, "verbs_back"),
    ],
)
def test_basketball_is_told_by_its_course(content: str, changes: dict[str, float], words: str) -> None:
    entry = {**CONTENTS, content: CONTENTS["basketball"]}
    label = Label("x_001", content, "none", 1)
    found = choose_act(entry, content, label, facts(**changes), mirrored=False, turn_side="left")
    assert found.verbs
    assert set(found.verbs) <= set(CONTENTS["basketball"][words])
