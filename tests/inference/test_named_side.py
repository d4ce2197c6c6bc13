"""Motions on the side that their sentence names."""

import numpy as np
import pytest

from bimotion.captions.facts import measure_facts
from bimotion.inference.named_side import leftness, named_side, on_named_side
from bimotion.motion.clip import Clip
from bimotion.motion.skeleton import JOINT_NAMES
from tests.data.made_up import make_motion


@pytest.mark.parametrize(
    ("sentence", "named"),
    [
        ("a person raises the left hand", ("hand", 1)),
        ("He throws with his right arm", ("hand", -1)),
        ("a high right-footed kick", ("leg", -1)),
        ("she hops on the left foot", ("support", 1)),
        ("someone turns around counterclockwise", ("turn", 1)),
        ("spins counter clockwise", ("turn", 1)),
        ("turns anti-clockwise", ("turn", 1)),
        ("turns clockwise", ("turn", -1)),
        ("a person bears off to the right", ("turn", -1)),
        ("sidesteps to the left", ("step", 1)),
        ("raises the left hand, then the right hand", None),
        ("a person waves", None),
    ],
)
def test_the_side_of_a_sentence(sentence: str, named: tuple[str, int] | None) -> None:
    assert named_side(sentence) == named


@pytest.mark.parametrize("part", ["hand", "leg", "support", "turn", "step"])
def test_leftness_changes_its_sign_in_the_mirror(part: str) -> None:
    clip = Clip(make_motion(60, speed=1.0, turn_deg=70, course_deg=30, hand="left", swings=2), 20.0)
    there, back = (leftness(measure_facts(each.joints), part) for each in (clip, clip.mirror()))
    assert there == pytest.approx(-back, abs=0.02)


def test_a_motion_on_the_other_side_is_mirrored_and_one_on_the_named_side_is_kept() -> None:
    joints = np.asarray(make_motion(60)).copy()
    wrist = JOINT_NAMES.index("right_wrist")
    joints[:, wrist, 1] += np.linspace(0, 1, len(joints))
    right = Clip(joints, 20.0)
    left = right.mirror()
    assert on_named_side("raises the right hand", right, lambda: left) is right
    assert on_named_side("raises the left hand", right, lambda: left) is left
    assert on_named_side("raises a hand", right, lambda: left) is right
