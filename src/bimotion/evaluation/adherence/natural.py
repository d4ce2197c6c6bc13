"""Motion quality compared with recordings of the same content: skating, jitter, floor, ends, idle limbs."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from bimotion.evaluation.adherence.course import Course
from bimotion.motion.quality import QUALITY_FPS, MotionQuality, motion_quality
from bimotion.motion.skeleton import JOINT_NAMES

Joints = Float[np.ndarray, "_ 22 3"]

LIMBS: dict[str, tuple[int, ...]] = {
    f"{side}_{limb}": tuple(JOINT_NAMES.index(f"{side}_{joint}") for joint in joints)
    for side in ("left", "right")
    for limb, joints in (("arm", ("elbow", "wrist")), ("leg", ("knee", "ankle", "foot")))
}
"""Joints of each limb beyond its root."""

_REST_SPEED = 0.35
_LANDED = 0.04
_LEAST_SKATING = 0.02  # share of the steps; less than this is none


@dataclass(frozen=True)
class Sample:
    """A motion with the content that it is to show."""

    content: str
    joints: Joints
    """Metres at 20 frames per second, the floor at y = 0."""
    idle: str | None = None
    """A limb of `LIMBS` that has nothing to do."""


def limb_jitter(joints: Joints, limb: str) -> float:
    """Jitter of a limb relative to the upper spine, metres a second cubed."""
    relative = joints[:, list(LIMBS[limb])] - joints[:, [JOINT_NAMES.index("spine3")]]
    return float(np.linalg.norm(np.diff(relative, n=3, axis=0), axis=-1).mean() * QUALITY_FPS**3)


def limb_speed(joints: Joints, limb: str) -> float:
    """Mean speed of a limb's joints relative to the upper spine, metres a second."""
    relative = joints[:, list(LIMBS[limb])] - joints[:, [JOINT_NAMES.index("spine3")]]
    return float(np.linalg.norm(np.diff(relative, axis=0), axis=-1).mean() * QUALITY_FPS)


def ends_well(joints: Joints) -> bool:
    """Whether a motion comes to rest, or ends in a full step: both feet at the floor, none in mid-air."""
    course = Course(joints)
    rests = float(course.limb_speed[-4:].mean()) < _REST_SPEED
    return bool(rests or (course.foot_height[-2:] < _LANDED).all(-1).any())


def floor_offset(joints: Joints) -> float:
    """Distance of the lowest joint over the whole motion from the floor, metres: floating or sinking."""
    return abs(float(joints[..., 1].min()))


def compare(generated: Sequence[Sample], recorded: Sequence[Sample]) -> dict[str, Any]:
    """Skating and jitter by content as a ratio to the recorded motions', floor offsets, ends and idle limbs."""
    generated_by_content, recorded_by_content = _by_content(generated), _by_content(recorded)
    contents = {}
    for content, motions in generated_by_content.items():
        if content not in recorded_by_content:
            continue
        new, real = (
            MotionQuality.mean(map(motion_quality, each)) for each in (motions, recorded_by_content[content])
        )
        contents[content] = {
            "motions": len(motions),
            "recorded_motions": len(recorded_by_content[content]),
            "skating": new.skating_ratio,
            "skating_recorded": real.skating_ratio,
            "skating_times": _times(new.skating_ratio, real.skating_ratio, _LEAST_SKATING),
            "jitter": new.jitter,
            "jitter_recorded": real.jitter,
            "jitter_times": _times(new.jitter, real.jitter, 1e-6),
            "floor_offset": float(np.median([floor_offset(each) for each in motions])),
            "floor_offset_recorded": float(
                np.median([floor_offset(each) for each in recorded_by_content[content]])
            ),
            "limbs": {limb: _limb_times(motions, recorded_by_content[content], limb) for limb in LIMBS},
        }
    whole = [sample for sample in recorded if not sample.idle] or list(recorded)
    return {
        "contents": contents,
        "ends": float(np.mean([ends_well(sample.joints) for sample in generated])),
        "ends_recorded": float(np.mean([ends_well(sample.joints) for sample in whole])),
        "idle": _idle(generated, recorded),
    }


def _by_content(samples: Sequence[Sample]) -> dict[str, list[Joints]]:
    groups: dict[str, list[Joints]] = defaultdict(list)
    for sample in samples:
        groups[sample.content].append(sample.joints)
    return groups


def _times(generated: float, recorded: float, least: float) -> float:
    """Ratio of two measures; values below `least` count as `least`, so that two zeros are equal."""
    return max(generated, least) / max(recorded, least)


def _limb_times(generated: Sequence[Joints], recorded: Sequence[Joints], limb: str) -> float:
    new, real = (float(np.mean([limb_jitter(each, limb) for each in part])) for part in (generated, recorded))
    return _times(new, real, 1e-6)


def _idle(generated: Sequence[Sample], recorded: Sequence[Sample]) -> dict[str, float] | None:
    """Median jitter and speed of limbs that have nothing to do, generated and recorded."""
    rows = []
    for samples in (generated, recorded):
        idle = [(sample.joints, sample.idle) for sample in samples if sample.idle]
        if not idle:
            return None
        rows.append(
            [float(np.median([measure(*each) for each in idle])) for measure in (limb_jitter, limb_speed)]
        )
    (new_jitter, new_speed), (real_jitter, real_speed) = rows
    return {
        "jitter": new_jitter,
        "jitter_recorded": real_jitter,
        "jitter_times": _times(new_jitter, real_jitter, 1e-6),
        "speed": new_speed,
        "speed_recorded": real_speed,
        "speed_times": _times(new_speed, real_speed, 1e-6),
    }
