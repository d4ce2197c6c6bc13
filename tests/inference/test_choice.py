"""Choosing among motions by the parts of a sentence."""

import numpy as np

from bimotion.inference.choice import Chooser, grade_of, phrases_of
from bimotion.inference.criterion import Criterion
from bimotion.inference.request import read_request
from bimotion.motion.clip import Clip
from bimotion.motion.skeleton import joint_indices
from tests.data.made_up import make_motion


def chooser(sentence: str) -> Chooser:
    return Chooser(read_request(sentence))


def test_parts_of_a_sentence() -> None:
    assert phrases_of("a person walks forward and then sits down") == ["a person walks forward", "sits down"]
    assert phrases_of("He runs, then stops") == ["He runs", "stops"]
    assert phrases_of("sits down, waits, and gets up") == ["sits down", "waits", "gets up"]
    assert phrases_of("walks before turning") == ["walks", "turning"]
    assert phrases_of("a person waves") == ["a person waves"]
    assert phrases_of("he lies on his back, asleep", commas=False) == ["he lies on his back, asleep"]
    assert phrases_of("he runs, then stops", commas=False) == ["he runs", "stops"]


def test_only_parts_that_can_be_measured_are_judged_one_by_one() -> None:
    assert len(chooser("a person walks and then turns around").parts) == 2
    assert not chooser("a person, tall and thin, walks").parts
    assert not chooser("a person walks").parts


def test_the_order_of_actions_decides() -> None:
    walk = np.asarray(make_motion(60, speed=1.2))
    turn = np.asarray(make_motion(60, turn_deg=180)) + (walk[-1, 0] - walk[0, 0]) * [1, 0, 1]
    there = np.concatenate([walk, turn])
    back = np.concatenate([turn - (walk[-1, 0] - walk[0, 0]) * [1, 0, 1], walk])
    right = chooser("a person walks forward, then turns around")
    assert right.grade(there) > right.grade(back) + 0.1
    wrong = chooser("a person turns around, then walks forward")
    assert wrong.grade(back) > wrong.grade(there) + 0.1


def test_a_sentence_without_criteria_prefers_nothing() -> None:
    motions = [np.asarray(make_motion(60, speed=speed)) for speed in (0.0, 1.0)]
    assert {chooser("colourless green ideas").grade(motion) for motion in motions} == {0.5}


def test_motions_that_are_too_short_to_be_measured_come_last() -> None:
    assert chooser("a person walks").grade(np.asarray(make_motion(60))[:5]) == 0.0


def test_an_and_between_two_verbs_may_be_an_order() -> None:
    bows = chooser("She bows and walks off.")
    assert bows.phrases == ["She bows", "walks off"]
    assert [[each.name for each in part][0] for part in bows.parts] == ["bend", "walk"]
    assert {each.name for each in bows.at_once} >= {"walk", "bend"}
    for sentence in ("a person raises the left and the right hand", "a person looks up and down"):
        assert chooser(sentence).parts == []


def test_what_is_done_at_once_is_graded_so(walk: Clip) -> None:
    waving = walk.joints.copy()
    arm = joint_indices("right_elbow", "right_wrist")
    waving[:, arm] = waving[:, list(joint_indices("right_shoulder"))] + [[0, 0.2, 0], [0, 0.45, 0]]
    waving[:, arm[1], 0] += 0.25 * np.sin(np.arange(len(waving)))
    both = chooser("a person walks and waves")
    assert both.grade(waving) > both.grade(walk.joints) + 0.2


def test_one_criterion_that_is_not_met_outweighs_several_that_are() -> None:
    names = [("a", 1.0), ("b", 1.0), ("c", 0.0)]
    one_missing = [(Criterion(name, lambda traits: 0.0), grade) for name, grade in names]
    all_fair = [(Criterion(name, lambda traits: 0.0), 0.6) for name, _ in names]
    assert grade_of([one_missing]) < grade_of([all_fair])
