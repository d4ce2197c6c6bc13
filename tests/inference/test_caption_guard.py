"""Captions and facts."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bimotion.captions.facts import measure_facts
from bimotion.features.clips import clip_to_features
from bimotion.inference.caption_guard import (
    GuardedCaption,
    contradictions,
    is_still,
    join_captions,
    measured_caption,
    still_caption,
    without_loops,
)
from bimotion.motion.clip import Clip
from bimotion.motion.skeleton import joint_indices


def guard_caption(caption: str, features: np.ndarray, others: tuple[str, ...] = ()) -> str:
    return GuardedCaption.of(caption, features).replaced(others)


@pytest.fixture
def pose(walk: Clip) -> np.ndarray:
    """Three seconds of one standing pose with hanging arms."""
    return np.repeat(walk.joints[:1], 60, axis=0)


def test_a_true_caption_stays(walk: Clip) -> None:
    features = clip_to_features(walk)
    assert guard_caption("a person walks forward.", features) == "a person walks forward."


def test_another_caption_of_the_model_takes_the_place_of_a_false_one(walk: Clip) -> None:
    features = clip_to_features(walk)
    others = ("a person walks backward.", "a person walks ahead calmly.")
    assert guard_caption("a person walks backwards.", features, others) == "a person walks ahead calmly."


def test_a_false_adverb_goes_and_a_false_action_gives_way_to_what_is_measured(walk: Clip) -> None:
    features, facts = clip_to_features(walk), measure_facts(walk.joints)
    assert guard_caption("a person walks forward for many steps.", features) == "a person walks forward."
    caption = guard_caption("a person jumps backwards.", features)
    assert caption == measured_caption(facts) == "a person walks forward."
    assert not contradictions(caption, facts)


def test_a_false_side_is_swapped(walk: Clip) -> None:
    joints = np.repeat(walk.joints[:1], 60, axis=0).copy()
    lift = np.sin(np.linspace(0, np.pi, 60)).astype(np.float32)
    joints[:, 21, 1] += 1.0 * lift  # the right wrist goes up
    joints[:, 19, 1] += 0.4 * lift
    caption = guard_caption("a person raises the left hand.", clip_to_features(Clip(joints, 20.0)))
    assert caption == "a person raises the right hand."


def test_a_still_pose_is_called_so(pose: np.ndarray) -> None:
    features = clip_to_features(Clip(pose, 20.0))
    assert is_still(measure_facts(pose))
    assert guard_caption("a person waves the left hand.", features) == "a person stands still."
    tpose = pose.copy()
    for shoulder, elbow, wrist, side in ((16, 18, 20, 1), (17, 19, 21, -1)):
        tpose[:, elbow] = tpose[:, shoulder] + np.array([side * 0.26, 0, 0], np.float32)
        tpose[:, wrist] = tpose[:, shoulder] + np.array([side * 0.51, 0, 0], np.float32)
    caption = guard_caption("a person dances.", clip_to_features(Clip(tpose, 20.0)))
    assert caption == "a person stands still with both arms stretched out to the sides."


@pytest.mark.parametrize(
    ("changes", "caption"),
    [
        ({"airborne": 2, "steps": 0}, "a person jumps."),
        ({"path": 3.0, "forward": 3.0, "forward_share": 1.0, "speed": 1.0}, "a person walks forward."),
        ({"path": 9.0, "forward": 9.0, "forward_share": 1.0, "speed": 3.0}, "a person runs forward."),
        (
            {"path": 3.0, "forward": -3.0, "forward_share": -1.0, "speed": 1.0, "turn": -90.0},
            "a person walks backward and turns to the right.",
        ),
        (
            {"path": 2.0, "leftward": 2.0, "leftward_share": 1.0, "forward_share": 0.0, "speed": 1.0},
            "a person walks to the left.",
        ),
        ({"turn": 80.0}, "a person turns to the left."),
        ({"bend": 60.0}, "a person bends forward."),
        ({"right": {"hand_range": 0.5}}, "a person moves the right arm."),
        ({"left": {"hand_range": 0.5}, "right": {"hand_range": 0.4}}, "a person moves both arms."),
        ({}, "a person moves a little."),
    ],
)
def test_a_plain_caption_says_what_is_measured(
    pose: np.ndarray, changes: dict[str, Any], caption: str
) -> None:
    facts = measure_facts(pose)
    limbs = {side: replace(getattr(facts, side), **changes.get(side, {})) for side in ("left", "right")}
    facts = replace(facts, **{**changes, **limbs})
    assert measured_caption(facts) == caption


@pytest.mark.parametrize(
    ("sides", "arms"),
    [(("left",), "the left arm"), (("right",), "the right arm"), (("left", "right"), "both arms")],
)
def test_a_still_pose_with_raised_arms_is_called_so(
    pose: np.ndarray, sides: tuple[str, ...], arms: str
) -> None:
    raised = pose.copy()
    for side in sides:
        shoulder, wrist = joint_indices(f"{side}_shoulder", f"{side}_wrist")
        raised[:, wrist] = raised[:, shoulder] + np.array([0, 0.5, 0], np.float32)
    facts = measure_facts(raised)
    assert still_caption("a person waves.", raised, facts) == f"a person stands still with {arms} raised."


def test_a_low_still_pose_keeps_a_caption_that_says_so(pose: np.ndarray) -> None:
    low = replace(measure_facts(pose), root_lowest=0.4)
    assert still_caption("a person sits on a chair.", pose, low) == "a person sits on a chair."
    assert still_caption("a person walks.", pose, low) == "a person stays low without moving."


def test_loops_are_said_once() -> None:
    loop = "a person walks forward and turns around and turns around and turns around."
    assert without_loops(loop) == "a person walks forward and turns around."
    assert without_loops("a person waves, then bows, then waves.") == "a person waves, then bows, then waves."


def test_captions_of_parts_are_joined_without_repeating_the_subject() -> None:
    assert (
        join_captions(["a person walks.", "a person walks.", "a person waves."])
        == "a person walks, then waves."
    )
    assert join_captions(["a person walks.", "somebody waves."]) == "a person walks; then somebody waves"
    assert join_captions(["a person walks."]) == "a person walks."
    assert join_captions([]) == ""
