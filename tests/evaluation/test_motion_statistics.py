"""Motion quality and agreement with captions, on motions where both are known."""

import numpy as np
import pytest

from bimotion.evaluation.motion_statistics import (
    ELBOWS,
    KNEES,
    MotionStatistics,
    bend_range,
    length_scores,
    shows_side,
)
from bimotion.features.clip_encoding import encode_clip
from bimotion.motion.clip import Clip
from bimotion.motion.quality import motion_quality


def test_a_bend_has_the_range_of_its_angle() -> None:
    joints = np.zeros((101, 22, 3), dtype=np.float32)
    angle = np.radians(np.linspace(90, 180, 101))
    for above, at, below in ELBOWS:
        joints[:, above] = (1, 0, 0)
        joints[:, at] = 0
        joints[:, below] = np.stack([np.cos(angle), np.sin(angle), 0 * angle], -1)
    assert bend_range(joints, ELBOWS) == pytest.approx(90 * 0.98, abs=0.1)
    assert bend_range(joints, KNEES) == 0


def test_short_motions_are_counted_and_not_measured(walk: Clip) -> None:
    statistics = MotionStatistics()
    statistics.add(walk[:3])
    statistics.add(walk)
    assert (len(statistics.qualities), statistics.too_short) == (1, 1)
    scores = statistics.scores()
    assert scores["speed"] == pytest.approx(1.0, abs=0.01)
    assert scores["bone_drift_mm"] == pytest.approx(0, abs=1e-2)


def test_a_clip_is_measured_where_it_stands(walk: Clip) -> None:
    """The floor is y = 0: a motion is not put on its lowest joint before it is measured."""
    lowest = float(walk.joints[..., 1].min())
    for shift in (-0.3, 0.0, 0.4):
        statistics = MotionStatistics()
        statistics.add(Clip(walk.joints + np.float32([0, shift - lowest, 0]), walk.fps))
        scores = statistics.scores()
        assert (scores["penetration_mm"] > 200) == (shift < 0)
        assert (scores["floating_mm"] > 200) == (shift > 0)


def test_features_and_clips_of_one_motion_have_the_same_quality(walk: Clip) -> None:
    features = encode_clip(walk.joints)
    both = [MotionStatistics(), MotionStatistics()]
    both[0].add(features)
    from bimotion.features.clips import features_to_clip

    both[1].add(features_to_clip(features))
    assert both[0].scores() == both[1].scores()
    quality = motion_quality(features_to_clip(features).joints)
    assert both[0].scores()["skating_ratio"] == quality.skating_ratio


def test_the_side_in_the_caption_is_the_side_that_is_shown(walk: Clip) -> None:
    joints = np.repeat(walk.joints[:1], 40, axis=0)
    joints[:, 20] += 0.4 * np.sin(np.linspace(0, 12, 40))[:, None] * np.float32([0, 1, 1])
    left, right = Clip(joints, 20.0), Clip(joints, 20.0).mirror()
    caption = "a person waves with the left hand."
    assert shows_side(caption, left.joints) is True
    assert shows_side(caption, right.joints) is False
    assert shows_side("a person walks.", left.joints) is None
    statistics = MotionStatistics()
    for clip in (left, right):
        statistics.add(clip, caption)
    assert statistics.adherence() == {"side": 0.5}
    assert MotionStatistics().adherence() == {}


def test_length_errors_are_in_seconds() -> None:
    assert length_scores([40, 60], [20, 80]) == {"length_error_s": 1.0, "length_bias_s": 0.0}
    assert length_scores([40], [20])["length_bias_s"] == 1.0
