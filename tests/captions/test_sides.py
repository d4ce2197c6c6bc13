import pytest

from bimotion.captions.facts import measure_facts
from bimotion.captions.sides import moving_hand
from tests.data.made_up import make_motion


@pytest.mark.parametrize("hand", ["left", "right", "both", "none"])
def test_the_moving_hand_is_found_from_the_motion(hand: str) -> None:
    assert moving_hand(measure_facts(make_motion(60, hand=hand))) == hand
