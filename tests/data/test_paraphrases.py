import json
import re
from dataclasses import replace
from importlib import resources

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bimotion.captions.claims import false_claims
from bimotion.captions.contents import CONTENT_GROUPS
from bimotion.captions.facts import measure_facts
from bimotion.captions.grammar import CaptionGrammar, Label
from bimotion.data.paraphrases import ParaphraseBank, inflect
from bimotion.data.store import Item
from tests.data.made_up import make_motion

COMMON = ("walk", "turn", "run", "wave", "raise")

WORDINGS = ("verbs", "nouns", "short")


def item_of(content: str, **motion: float | str | int) -> Item:
    facts = measure_facts(make_motion(100, **motion))
    description = CaptionGrammar.load().describe(Label("x_001", content), facts, np.random.default_rng(0))
    return Item(
        id="x_001#00", take="x", split="train", source="own", content=description.content, label=content, style="sad",
        side=description.side, gait=description.gait, start=0, num_frames=99, offset=0, mirrored=False, text=True,
        captions=description.captions, licence="", facts=facts.to_json(),
    )  # fmt: skip


def test_every_content_with_captions_has_many_wordings() -> None:
    bank = ParaphraseBank.load()
    for content in set(CONTENT_GROUPS) - {"climb", "other"}:
        wordings = [text for entry in bank.contents[content] for key in WORDINGS for text in entry[key]]
        assert len(wordings) >= (40 if content in COMMON else 20), content


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(
        ["walk", "run", "wave-left-hand", "raise-up-both-hands", "walk-left", "walk-turn-left", "kick"]
    ),
    st.floats(0, 4),
    st.floats(-150, 150),
    st.sampled_from(["left", "right", "both"]),
    st.integers(0, 8),
    st.integers(0, 99),
)
def test_wordings_are_true_of_the_window(
    content: str, speed: float, turn: float, hand: str, swings: int, seed: int
) -> None:
    item = item_of(content, speed=speed, turn_deg=turn, hand=hand, swings=swings)
    facts = item.motion_facts()
    assert facts is not None
    text = ParaphraseBank.load().phrase(item, np.random.default_rng(seed))
    if text is not None:
        assert not any(mark in text for mark in "{}[]")
        assert false_claims(text.lower(), facts, item.content, item.gait) == []
        if item.content in ("wave", "raise"):
            assert not ({"left", "right"} - {item.side}) & set(text.lower().split()) or item.side == "both"


def test_wordings_of_one_window_differ() -> None:
    item = item_of("walk", speed=1.0)
    texts = {ParaphraseBank.load().phrase(item, np.random.default_rng(seed)) for seed in range(100)}
    assert len(texts) > 80


def test_who_does_it_and_where_are_not_always_the_same() -> None:
    item = item_of("walk", speed=1.0)
    texts = [
        str(ParaphraseBank.load().phrase(item, np.random.default_rng(seed))).lower() for seed in range(400)
    ]
    words = [set(re.findall(r"[\w-]+", text)) for text in texts]
    bank = json.loads(resources.files("bimotion.data").joinpath("static/wordnet.json").read_text("utf-8"))
    for kind in ("people", "places"):
        met = set(bank[kind]) & set().union(*words)
        assert len(met) > 50, kind
    assert sum("[" in text for text in texts) == 0


def test_a_window_without_facts_has_no_wordings() -> None:
    assert ParaphraseBank.load().phrase(replace(item_of("walk"), facts={}), np.random.default_rng(0)) is None


@pytest.mark.parametrize(
    ("text", "third", "gerund"),
    [
        ("[walk] and [turn] left", "walks and turns left", "walking and turning left"),
        ("[run]", "runs", "running"),
        ("[wave]", "waves", "waving"),
        ("[hurry] on", "hurries on", "hurrying on"),
        ("[dash]", "dashes", "dashing"),
        ("[go]", "goes", "going"),
        ("[flee]", "flees", "fleeing"),
        ("[sidestep]", "sidesteps", "sidestepping"),
        ("[about-face]", "about-faces", "about-facing"),
        ("[slog] on", "slogs on", "slogging on"),
    ],
)
def test_verbs_are_inflected(text: str, third: str, gerund: str) -> None:
    assert inflect(text, "third") == third
    assert inflect(text, "gerund") == gerund
