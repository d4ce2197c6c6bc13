"""Naturalness and what was asked, on motions where both are known."""

import numpy as np
import pytest

from bimotion.evaluation.natural import ELBOWS, KNEES, Natural, bend_range, length_scores, side_accuracy
from bimotion.motion.clip import Clip


def test_a_bend_has_the_range_of_its_angle() -> None:
    joints = np.zeros((101, 22, 3), dtype=np.float32)
    angle = np.radians(np.linspace(90, 180, 101))
    for above, at, below in ELBOWS:
        joints[:, above] = (1, 0, 0)
        joints[:, at] = 0
        joints[:, below] = np.stack([np.cos(angle), np.sin(angle), 0 * angle], -1)
    assert bend_range(joints, ELBOWS) == pytest.approx(90 * 0.98, abs=0.1)
    assert bend_range(joints, KNEES) == 0


def test_too_short_motions_are_passed_over(walk: Clip) -> None:
    natural = Natural()
    natural.add(walk.joints[:3])
    natural.add(walk.joints)
    assert len(natural.qualities) == 1
    scores = natural.scores()
    assert scores["speed"] == pytest.approx(1.0, abs=0.01)
    assert scores["bone_drift_mm"] == pytest.approx(0, abs=1e-2)


def test_the_side_that_is_asked_for_is_the_side_that_is_shown(walk: Clip) -> None:
    joints = np.repeat(walk.joints[:1], 40, axis=0)
    joints[:, 20] += 0.4 * np.sin(np.linspace(0, 12, 40))[:, None] * np.float32([0, 1, 1])
    left, right = joints, Clip(joints, 20.0).mirror().joints
    said = "a person waves with the left hand."
    assert side_accuracy([said, said], [left, left]) == 1
    assert side_accuracy([said, said], [left, right]) == 0.5
    assert side_accuracy(["a person walks."], [left]) is None


def test_lengths_are_off_in_seconds() -> None:
    assert length_scores([40, 60], [20, 80]) == {"length_error_s": 1.0, "length_bias_s": 0.0}
    assert length_scores([40], [20])["length_bias_s"] == 1.0
