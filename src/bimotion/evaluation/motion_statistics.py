"""Motion quality and agreement with captions over many motions, measured without a network.

Legend: T frames, J = 22 joints; metres at 20 frames per second unless a rate is given.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from bimotion.captions.facts import measure_facts
from bimotion.captions.mentions import can_show_side, content_of, shown_side, side_of
from bimotion.evaluation.motions import Motion, motion_clip, motion_joints
from bimotion.motion.quality import MIN_QUALITY_FRAMES, QUALITY_FPS, MotionQuality, motion_quality
from bimotion.motion.skeleton import joint_indices

Joints = Float[np.ndarray, "_ 22 3"]

ELBOWS = joint_indices("left_arm"), joint_indices("right_arm")
KNEES = joint_indices("left_leg"), joint_indices("right_leg")
"""Joints above, at and below each elbow and knee, left and right."""


@dataclass
class MotionStatistics:
    """Collects the quality of motions one by one."""

    qualities: list[MotionQuality] = field(default_factory=list)
    """Quality of each measured motion."""
    elbows: list[float] = field(default_factory=list)
    """Bending range of each motion's elbows, degrees."""
    knees: list[float] = field(default_factory=list)
    """Bending range of each motion's knees, degrees."""
    side_shown: list[bool] = field(default_factory=list)
    """Whether each motion whose caption names the left or the right shows that side."""
    too_short: int = 0
    """Motions of fewer than 4 frames, which are not measured."""

    def add(self, motion: Motion, caption: str = "") -> None:
        """Measure a motion where it stands; with its caption also whether it shows the side that is named."""
        clip = motion_clip(motion)
        joints = motion_joints(clip)
        if len(joints) < MIN_QUALITY_FRAMES:
            self.too_short += 1
            return
        self.qualities.append(motion_quality(clip.joints, clip.fps))
        self.elbows.append(bend_range(joints, ELBOWS))
        self.knees.append(bend_range(joints, KNEES))
        shown = shows_side(caption, joints) if caption else None
        if shown is not None:
            self.side_shown.append(shown)

    def merge(self, other: "MotionStatistics") -> None:
        """Add the motions of other statistics after those that are here."""
        self.qualities += other.qualities
        self.elbows += other.elbows
        self.knees += other.knees
        self.side_shown += other.side_shown
        self.too_short += other.too_short

    def scores(self) -> dict[str, float]:
        """Frame-weighted means; ranges of elbows and knees are means over motions.

        Raises:
            MotionFileError: no motion was measured.
        """
        return {
            **MotionQuality.mean(self.qualities).scores(),
            "elbow_range_deg": float(np.mean(self.elbows)),
            "knee_range_deg": float(np.mean(self.knees)),
        }

    def adherence(self) -> dict[str, float]:
        """Share of captions that name a side whose motion shows it; empty if no caption names one."""
        return {"side": float(np.mean(self.side_shown))} if self.side_shown else {}


def bend_range(joints: Joints, limbs: Iterable[tuple[int, ...]]) -> float:
    """Range of the angle at the middle joint, 1st to 99th percentile over time, mean over limbs; degrees."""
    ranges = []
    for above, at, below in limbs:
        a, b = joints[:, above] - joints[:, at], joints[:, below] - joints[:, at]
        size = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
        cosine = (a * b).sum(-1) / np.maximum(size, 1e-9)
        low, high = np.percentile(np.degrees(np.arccos(np.clip(cosine, -1, 1))), [1, 99])
        ranges.append(high - low)
    return float(np.mean(ranges))


def shows_side(caption: str, joints: Joints) -> bool | None:
    """Whether the motion shows the side that the caption names; None if it names none that can be measured."""
    side = side_of(caption) if can_show_side(caption) else "none"
    if side not in ("left", "right"):
        return None
    return shown_side(caption, str(content_of(caption)), measure_facts(joints)) == side


def length_scores(predicted: Sequence[int], recorded: Sequence[int]) -> dict[str, float]:
    """Mean absolute error and bias of predicted lengths, seconds."""
    error = (np.array(predicted) - np.array(recorded)) / QUALITY_FPS
    return {"length_error_s": float(np.abs(error).mean()), "length_bias_s": float(error.mean())}
