"""Counts and angles of sentences, graded on motions that are built with known ones."""

from collections.abc import Callable

import numpy as np
import pytest

import bimotion
from bimotion.inference.criteria import criteria_of
from bimotion.inference.request import read_request
from bimotion.inference.traits import Traits, measure_traits
from bimotion.motion.skeleton import JOINT_NAMES, joint_indices
from tests.data.made_up import make_motion

_TRUNK = [3, 6, 9, *range(12, 22)]
"""Joints above the pelvis."""


def grades(sentence: str, joints: np.ndarray) -> dict[str, float]:
    traits = measure_traits(joints)
    return {each.name: each.grade(traits) for each in criteria_of(read_request(sentence))}


def repeated(count: int, seconds: float = 2.0, pause: float = 0.5) -> np.ndarray:
    """`count` smooth rises from 0 to 1 and back, with pauses."""
    rise = np.sin(np.pi * np.linspace(0, 1, int(20 * seconds))) ** 2
    rest = np.zeros(int(20 * pause))
    return np.concatenate([rest, *([rise, rest] * count)])


def bowing(count: int, depth_deg: float = 60.0, lean_deg: float = 5.0, **timing: float) -> np.ndarray:
    """Bends of the trunk about the hips, from a slight lean."""
    share = repeated(count, **timing)
    joints = make_motion(len(share)).astype(np.float64)
    angle = np.radians(lean_deg + (depth_deg - lean_deg) * share)[:, None]
    x, y, z = np.moveaxis(joints[:, _TRUNK] - joints[:, [0]], -1, 0)
    cos, sin = np.cos(angle), np.sin(angle)
    joints[:, _TRUNK] = joints[:, [0]] + np.stack([x, y * cos - z * sin, z * cos + y * sin], -1)
    return joints.astype(np.float32)


def squatting(count: int) -> np.ndarray:
    """The trunk upright, lowered by 40 cm between bending legs."""
    drop = 0.4 * repeated(count)
    joints = make_motion(len(drop)).astype(np.float64)
    for side in ("left", "right"):
        hip, knee, ankle = joint_indices(f"{side}_hip", f"{side}_knee", f"{side}_ankle")
        thigh, shank = (np.linalg.norm(joints[0, a] - joints[0, b]) for a, b in ((hip, knee), (knee, ankle)))
        axis = joints[:, hip] - joints[:, ankle] - drop[:, None] * [0, 1, 0]
        length = np.linalg.norm(axis, axis=-1, keepdims=True)
        along = (shank**2 - thigh**2 + length**2) / (2 * length)
        ahead = np.sqrt(np.clip(shank**2 - along**2, 0, None))
        joints[:, knee] = joints[:, ankle] + axis / length * along + ahead * [0, 0, 1]
    joints[:, [0, 1, 2, *_TRUNK], 1] -= drop[:, None]
    return joints.astype(np.float32)


def clapping(count: int) -> np.ndarray:
    """The wrists before the chest, 40 cm apart, that meet."""
    near = repeated(count, seconds=0.5, pause=0.2)
    joints = make_motion(len(near)).astype(np.float64)
    for side, sign in (("left", 1), ("right", -1)):
        wrist = joints[:, JOINT_NAMES.index(f"{side}_wrist")]
        wrist[:] = joints[:, 9] + np.stack([sign * (0.2 - 0.17 * near), 0 * near, 0.3 + 0 * near], -1)
    return joints.astype(np.float32)


@pytest.mark.parametrize("count", [1, 2, 3, 4])
@pytest.mark.parametrize(
    "shape", [{}, {"depth_deg": 30}, {"seconds": 0.9, "pause": 0.1}, {"lean_deg": 15, "pause": 0.0}]
)
def test_bows_are_counted_at_any_depth_and_pace(count: int, shape: dict[str, float]) -> None:
    times = [
        grades(f"a person bows {word}", bowing(count, **shape))["times"]
        for word in ("once", "twice", "3 times")
    ]
    expected = times[count - 1] if count <= 3 else 0.0
    assert all((grade > 0.95) == (grade == expected) for grade in times)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_squats_and_claps_are_counted_whatever_the_trunk_does(count: int) -> None:
    for sentence, joints in (("squats", squatting(count)), ("claps", clapping(count))):
        for times in (1, 2, 3):
            assert (grades(f"{sentence} {times} times", joints)["times"] > 0.95) == (times == count)
    assert grades("sits down and stands up twice", squatting(count))["times"] > 0.95 or count != 2


@pytest.mark.parametrize("degrees", [90, 180, 270, 360, 540, 720])
@pytest.mark.parametrize("sign", [1, -1])
def test_turns_are_graded_by_their_angle(degrees: int, sign: int) -> None:
    joints = make_motion(120, turn_deg=sign * degrees)
    for stated in (90, 180, 270, 360):
        grade = grades(f"a person turns {stated} degrees", joints)["angle"]
        assert (grade > 0.85) == (stated == degrees)
    assert (grades("does a 360", joints)["angle"] > 0.85) == (degrees == 360)
    assert (grades("makes a 90-degree turn", joints)["angle"] > 0.85) == (degrees == 90)
    assert (grades("spins around twice", joints)["times"] > 0.85) == (degrees == 720)


def test_a_number_counts_the_action_that_it_follows() -> None:
    bows, squats = bowing(2), squatting(2)
    for sentence in (
        "turns around and bows twice",
        "jumps and then bows two times",
        "bows twice and jumps once",
    ):
        assert grades(sentence, bows)["times"] > 0.95 > 0.1 > grades(sentence, squats)["times"]
    assert grades("bows and squats twice", squats)["times"] > 0.95
    assert "times" not in grades("turns 90 degrees twice", bows)
    assert "angle" in grades("turns around and bows twice", bows)
    assert "angle" not in grades("turns around twice", bows)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sentence", "count"),
    [
        ("a person bows twice", lambda traits: traits.facts.bends == 2),
        ("a person bows three times", lambda traits: traits.facts.bends == 3),
        ("a person jumps twice", lambda traits: traits.facts.airborne == 2),
        ("a person squats twice", lambda traits: traits.dips == 2),
        ("a person raises the left hand twice", lambda traits: traits.facts.left.raises == 2),
        ("a person kicks with the right foot twice", lambda traits: traits.facts.right.kicks == 2),
        ("a person turns 360 degrees", lambda traits: 330 < abs(traits.facts.turn) < 390),
    ],
)
def test_the_bundled_model_obeys_counts_and_angles(sentence: str, count: Callable[[Traits], bool]) -> None:
    model = bimotion.load()
    clips = [model.text_to_motion(sentence, seed=seed) for seed in range(4)]
    shown = [count(measure_traits(np.asarray(clip.joints))) for clip in clips]
    assert sum(shown) >= 3
