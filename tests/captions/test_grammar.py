from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bimotion.captions.claims import false_claims
from bimotion.captions.contents import CONTENT_GROUPS, content_group
from bimotion.captions.facts import measure_facts
from bimotion.captions.grammar import CaptionGrammar, Description, Label
from tests.data.made_up import make_motion

Describe = Callable[..., Description]


@pytest.fixture
def describe() -> Describe:
    def run(
        content: str, mirrored: bool = False, style: str = "none", **motion: float | str | int
    ) -> Description:
        facts = measure_facts(make_motion(100, **motion))
        label = Label("x_001", content, style, 1)
        return CaptionGrammar.load().describe(label, facts, np.random.default_rng(0), mirrored=mirrored)

    return run


@pytest.mark.parametrize("hand", ["left", "right", "both"])
def test_the_hand_that_is_said_is_the_hand_that_moves(describe: Describe, hand: str) -> None:
    wrong = "wave-right-hand" if hand == "left" else "wave-left-hand"
    description = describe(wrong, hand=hand, swings=5)
    assert (description.content, description.side) == ("wave", hand)
    assert all(hand in caption for caption in description.captions)


@pytest.mark.parametrize(
    ("turn", "content", "word"), [(90, "turn", "left"), (-90, "turn", "right"), (5, "walk", "")]
)
def test_a_turn_is_said_as_it_is_measured_whatever_the_label(
    describe: Describe, turn: float, content: str, word: str
) -> None:
    description = describe("walk-turn-left", speed=1.0, turn_deg=turn)
    assert description.content == content
    assert all(word in caption for caption in description.captions)
    assert description.side == (word or "none")


def test_fixed_words_of_a_mirrored_window_have_their_sides_swapped() -> None:
    label = Label("bn2_walk-turn-right_masculine_006", "walk-turn-right", "masculine", 6)
    facts = measure_facts(make_motion(100, speed=1.0, turn_deg=-250))
    description = CaptionGrammar.load().describe(label, facts, np.random.default_rng(0), mirrored=True)
    assert description.captions == ("a person turns around to the right, walks forward and turns right.",)


def test_there_are_four_different_captions_or_more(describe: Describe) -> None:
    captions = describe("walk", style="sad", speed=0.7).captions
    assert len(set(captions)) >= 4
    assert not any(word in caption for caption in captions for word in ("quick", "fast", "left", "right"))


def test_recordings_without_an_honest_caption_are_motion_only() -> None:
    facts = measure_facts(make_motion(60))
    label = Label("cmu_01_02", "playground: climb")
    description = CaptionGrammar.load().describe(label, facts, np.random.default_rng(0))
    assert (description.content, description.text) == ("climb", False)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(
        [
            "walk",
            "walk-back",
            "walk-left",
            "run",
            "dash",
            "wave-left-hand",
            "raise-up-both-hands",
            "bye",
            "bow",
        ]
    ),
    st.sampled_from(["none", "old", "active", "giant", "sad"]),
    st.floats(0, 4),
    st.floats(-200, 200),
    st.sampled_from(["left", "right", "both"]),
    st.integers(0, 8),
)
def test_no_caption_claims_what_the_facts_contradict(
    content: str, style: str, speed: float, turn: float, hand: str, swings: int
) -> None:
    joints = make_motion(90, speed=speed, turn_deg=turn, hand=hand, swings=swings)
    facts = measure_facts(joints)
    label = Label("x_001", content, style, 1)
    description = CaptionGrammar.load().describe(label, facts, np.random.default_rng(1))
    for caption in description.captions:
        assert false_claims(caption, facts, description.content, description.gait) == []
        words = caption.split()
        if description.content in ("wave", "raise"):
            assert not ({"left", "right"} - {description.side}) & set(words)


@pytest.mark.parametrize(
    ("caption", "content", "gait", "claim"),
    [
        ("a person waves with the right hand.", "wave", "none", "right hand"),
        ("a person walks forward and turns right.", "turn", "walk", "turns right"),
        ("a person walks slowly.", "walk", "walk", "slowly"),
        ("a person walks backwards.", "walk", "walk", "backwards"),
        ("a person jumps.", "jump", "none", "jumps"),
    ],
)
def test_false_claims_are_named(caption: str, content: str, gait: str, claim: str) -> None:
    facts = measure_facts(make_motion(100, speed=1.4, turn_deg=90, hand="left", swings=5))
    assert false_claims(caption, facts, content, gait) == [claim]
    assert false_claims("a person walks fast and turns left.", facts, "turn", "walk") == []


def test_every_label_of_the_packaged_table_has_a_content_group() -> None:
    from bimotion.data.sources.cmu import _load_table

    groups = {content_group(row["content"]) for row in _load_table()["recordings"]}
    assert "other" not in groups
    assert groups <= set(CONTENT_GROUPS)
