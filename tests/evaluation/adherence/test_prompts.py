"""The prompt lists, the reader of phrases, and the verdicts on pairs of motions."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bimotion.errors import DataError
from bimotion.evaluation.adherence import prompts
from bimotion.evaluation.adherence.activities import activities_of
from bimotion.evaluation.adherence.course import Course
from bimotion.evaluation.adherence.judges import JUDGES
from bimotion.evaluation.adherence.motions import FolderMotions, export_prompts
from bimotion.evaluation.adherence.phrases import asserts, claims, may_hold
from bimotion.evaluation.adherence.prompts import Contrast, load_prompts
from bimotion.evaluation.adherence.recordings import Window
from bimotion.evaluation.adherence.scores import differs
from tests.evaluation.adherence.puppet import Puppet, jumping, ramp, walking


def test_the_lists_have_their_sizes_and_halves() -> None:
    lists = load_prompts()
    assert len(lists.contrasts) == 60
    assert Counter(contrast.source for contrast in lists.contrasts) == {"rule": 30, "hand": 30}
    assert len(lists.requests) == 150
    assert len({request.text for request in lists.requests}) == 150
    assert len(lists.two_actions) >= 40
    assert Counter(prompt.side for prompt in lists.sides) == {"left": 21, "right": 21}
    assert {contrast.property for contrast in lists.contrasts} == {
        *("speed", "amount", "count", "height", "lean", "length", "direction", "side", "order")
    }


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ({"rules": ["fly"]}, "no judge 'fly'"),
        ({"order": ["walk", "fly"]}, "no judge 'fly'"),
        ({"class": "chess"}, "no activity 'chess'"),
        ({}, "has no rule and no activity"),
    ],
)
def test_a_request_that_cannot_be_judged_is_refused(row: dict[str, object], fault: str) -> None:
    with pytest.raises(DataError, match=fault):
        prompts._request({"id": "r-1", "group": "daily", "text": "x", **row})


def test_every_claim_belongs_to_a_judge() -> None:
    assert set(claims()) <= set(JUDGES)


@pytest.mark.parametrize(
    ("judge", "phrase", "asserted"),
    [
        ("walk", "walks forward", True),
        ("walk", "walks backward", False),
        ("turn_left", "turns sharply to the left", True),
        ("turn_left", "turns to the right", False),
        ("raise_right", "raises the right hand to the shoulder", True),
        ("raise_right", "raises the right hand to the waist", False),
        ("kick_left", "turns and kicks with the left leg", True),
        ("sit", "sits down on a stool", True),
    ],
)
def test_phrases_are_read(judge: str, phrase: str, asserted: bool) -> None:
    assert asserts(judge, phrase) == asserted


def test_hints_are_wider_than_claims() -> None:
    assert may_hold("sit", ["someone squats"])
    assert not may_hold("sit", ["a person walks ahead"])


def test_activities_are_named_by_most_captions_or_the_description() -> None:
    window = Window(
        "a/0", "train", np.zeros((1, 22, 3)), ("he boxes", "a man punches", "someone turns"), (), ""
    )
    assert activities_of(window) == {"box"}
    assert activities_of(window, surely=True) == set()
    assert activities_of(replace(window, captions=(), description="Swim, breast stroke")) == {"swim"}


def test_a_contrast_needs_both_rules_and_the_margin() -> None:
    slow, fast = (Course(walking(6, step_seconds=seconds).joints()) for seconds in (0.9, 0.5))
    contrast = Contrast("x", "speed", "rule", "slow", "fast", both=("walk",), measure="speed", ratio=1.25)
    assert differs(contrast, slow, fast)
    assert not differs(contrast, fast, slow)
    assert not differs(contrast, slow, slow)
    assert not differs(replace(contrast, both=("jump",)), slow, fast)


def test_counts_and_orders_are_judged_for_each_sentence() -> None:
    once, twice = Course(jumping(1).joints()), Course(jumping(2).joints())
    count = Contrast("x", "count", "rule", "a", "b", a_rules=("jump:1",), b_rules=("jump:2",))
    assert differs(count, once, twice)
    assert not differs(count, twice, once)
    yaw = ramp((2.5, 0), (3.5, 120), seconds=5)
    first = Course(
        replace(
            jumping(1), seconds=5.0, flight=np.pad(jumping(1).flight, (0, 100))[:100], yaw_deg=yaw
        ).joints()
    )
    last = Course(np.ascontiguousarray(first.p[::-1]))
    order = Contrast("x", "order", "rule", "a", "b", a_order=("jump", "turn"), b_order=("turn", "jump"))
    assert differs(order, first, last)
    assert not differs(order, last, first)


def test_a_negative_margin_asks_for_less() -> None:
    bent, upright = (Course(Puppet(2, lean_deg=lean).joints()) for lean in (20.0, 0.0))
    contrast = Contrast("x", "lean", "rule", "bent", "upright", measure="lean", margin=-9.0)
    assert differs(contrast, bent, upright)
    assert not differs(contrast, upright, bent)


def test_another_system_is_read_by_the_list_that_was_exported(tmp_path: Path) -> None:
    lists = load_prompts()
    path = export_prompts(lists, 2, tmp_path)
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert len(rows) == 2 * len(lists.texts())
    first = rows[0]
    (tmp_path / first["file"]).parent.mkdir()
    np.save(tmp_path / first["file"], walking(2).joints().astype(np.float32))
    source = FolderMotions(tmp_path)
    (motion,) = source.motions([first["text"]], first["seed"])
    assert motion.shape == (len(walking(2).joints()), 22, 3)
    with pytest.raises(DataError, match="no motion of 'fly'"):
        source.motions(["fly"], 0)
