"""How natural motions move and whether they keep to what was asked, without a network.

Legend: T frames, J = 22 joints; metres at 20 frames per second.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from bimotion.captions.facts import measure_facts
from bimotion.captions.mentions import can_show_side, content_of, shown_side, side_of
from bimotion.motion.quality import QUALITY_FPS, MotionQuality, motion_quality

Joints = Float[np.ndarray, "_ 22 3"]

ELBOWS, KNEES = ((16, 18, 20), (17, 19, 21)), ((1, 4, 7), (2, 5, 8))
"""Joints above, at and below each elbow and knee, left and right."""

MIN_FRAMES = 4
"""Shorter motions are not measured."""


@dataclass
class Natural:
    """Collects motions and gives their mean quality."""

    qualities: list[MotionQuality] = field(default_factory=list)
    """Of each motion."""
    elbows: list[float] = field(default_factory=list)
    """How far each motion's elbows bend, degrees."""
    knees: list[float] = field(default_factory=list)
    """How far its knees bend, degrees."""

    def add(self, joints: Joints, fps: float = QUALITY_FPS) -> None:
        """Measure one motion; one of fewer than 4 frames is passed over."""
        if len(joints) < MIN_FRAMES:
            return
        self.qualities.append(motion_quality(joints, fps))
        self.elbows.append(bend_range(joints, ELBOWS))
        self.knees.append(bend_range(joints, KNEES))

    def scores(self) -> dict[str, float]:
        """Means over all frames; ranges of elbows and knees are means over motions.

        Raises:
            MotionFileError: there are no motions.
        """
        mean = MotionQuality.mean(self.qualities)
        return {
            "skating_ratio": mean.skating_ratio,
            "skating_speed": mean.skating_speed,
            "penetration_mm": 1000 * mean.penetration,
            "floating_mm": 1000 * mean.floating,
            "jitter": mean.jitter,
            "bone_drift_mm": 1000 * mean.bone_drift,
            "speed": mean.speed,
            "elbow_range_deg": float(np.mean(self.elbows)),
            "knee_range_deg": float(np.mean(self.knees)),
        }


def bend_range(joints: Joints, limbs: Iterable[tuple[int, int, int]]) -> float:
    """From the 1st to the 99th percentile of the angle at the middle joint, degrees, mean of the limbs."""
    ranges = []
    for above, at, below in limbs:
        a, b = joints[:, above] - joints[:, at], joints[:, below] - joints[:, at]
        size = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
        cosine = (a * b).sum(-1) / np.maximum(size, 1e-9)
        low, high = np.percentile(np.degrees(np.arccos(np.clip(cosine, -1, 1))), [1, 99])
        ranges.append(high - low)
    return float(np.mean(ranges))


def side_accuracy(captions: Sequence[str], joints: Sequence[Joints]) -> float | None:
    """Share of the motions asked for with the left or the right that measurably show that side; None: none was."""
    right = []
    for caption, motion in zip(captions, joints, strict=True):
        side = side_of(caption) if can_show_side(caption) else "none"
        if side in ("left", "right"):
            right.append(shown_side(caption, str(content_of(caption)), measure_facts(motion)) == side)
    return float(np.mean(right)) if right else None


def length_scores(made: Sequence[int], real: Sequence[int]) -> dict[str, float]:
    """How far lengths that a system chose are off, seconds: mean error, and how much too long on the whole."""
    off = (np.array(made) - np.array(real)) / QUALITY_FPS
    return {"length_error_s": float(np.abs(off).mean()), "length_bias_s": float(off.mean())}
