"""`JointMapping`: which joint of a file is which of ours, with confidences."""

from dataclasses import dataclass, field

from bimotion.motion.retarget.families import OTHER, Family
from bimotion.motion.retarget.source import SourceSkeleton
from bimotion.motion.retarget.words import Side

LIMBS: tuple[str, ...] = tuple(
    f"{side}_{part}"
    for side in ("left", "right")
    for part in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
)
"""Without these joints a skeleton cannot be read; all others are computed where they are missing."""

BY_SHAPE, BY_WORD_IN_DOUBT = 0.6, 0.9
"""Confidence in a joint that was chosen by the shape of the skeleton, and by a name that only fits in its chain."""

SIDES: tuple[Side, Side] = ("left", "right")
"""Both sides, in the order of our joint names."""


@dataclass
class JointMapping:
    """Joints of a file by our names."""

    joints: dict[str, int] = field(default_factory=dict)
    """Index of the joint in the file's skeleton."""
    confidence: dict[str, float] = field(default_factory=dict)
    """Confidence in each: 1 for a joint map or an unambiguous name, 0.9 for a name in its chain, 0.6 for the shape."""
    from_user: set[str] = field(default_factory=set)
    """Joints named by the user, which are used as they are."""
    family: Family = OTHER
    warnings: list[str] = field(default_factory=list)

    def add(self, joint: str, index: int, confidence: float) -> None:
        """Add a joint that is not there yet."""
        if joint not in self.joints:
            self.joints[joint], self.confidence[joint] = index, confidence


def listed(skeleton: SourceSkeleton) -> str:
    """The names of a skeleton's joints for a message, at most 60."""
    names = [
        "".join(c if c.isprintable() else "?" for c in name)
        for joint, name in enumerate(skeleton.names)
        if joint not in skeleton.end_sites
    ]
    return ", ".join(names[:60]) + (f" and {len(names) - 60} more" if len(names) > 60 else "")
