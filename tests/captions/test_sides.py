import pytest
from hypothesis import given
from hypothesis import strategies as st

from bimotion.captions.facts import measure_facts
from bimotion.captions.sides import moving_hand, swap_sides
from tests.data.made_up import make_motion

WORDS = st.sampled_from(
    ["left", "right", "clockwise", "counterclockwise", "Left", "wave", "upright", "leftover", "."]
)


@given(st.lists(WORDS))
def test_swapping_twice_gives_the_text_back(words: list[str]) -> None:
    text = " ".join(words)
    assert swap_sides(swap_sides(text)) == text


def test_right_is_not_always_a_side() -> None:
    assert swap_sides("turn left at a right angle, right now") == "turn right at a right angle, right now"


def test_only_whole_words_are_swapped() -> None:
    text = "Left hand upright, turns right and anticlockwise"
    assert swap_sides(text) == "Right hand upright, turns left and clockwise"


@pytest.mark.parametrize("hand", ["left", "right", "both", "none"])
def test_the_moving_hand_is_told_from_the_motion(hand: str) -> None:
    assert moving_hand(measure_facts(make_motion(60, hand=hand))) == hand


def test_sides_are_swapped_in_all_their_forms() -> None:
    text = "turns leftward, then rightwards, a right-handed throw, lefts and rights"
    assert swap_sides(text) == "turns rightward, then leftwards, a left-handed throw, rights and lefts"
    assert swap_sides("punches with the right before stepping") == "punches with the left before stepping"
