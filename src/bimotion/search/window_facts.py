"""Measured facts of a piece of a recording, by which searches are filtered.

Legend: T frames, 263 feature columns.
"""

from typing import Literal, get_args

import numpy as np
from jaxtyping import Float

from bimotion.captions.contents import Side
from bimotion.captions.facts import measure_facts
from bimotion.captions.mentions import content_of, shown_side
from bimotion.features import features_to_joints
from bimotion.motion.quality import motion_quality

Activity = Literal["hand", "foot", "turn", "sideways", "any"]
"""The activity whose side is measured: raised or moving hand, kicking foot, turning, walking sideways, or the busier
hand."""

ACTIVITIES: tuple[Activity, ...] = get_args(Activity)

_MEASURED_AS: dict[Activity, str] = {
    **{"hand": "raise", "foot": "kick", "turn": "turn", "sideways": "walk-side", "any": "other"}
}
"""Content group by which `captions.mentions.shown_side` measures each activity."""

_OF_CONTENT: dict[str, Activity] = {
    **{content: "hand" for content in ("wave", "raise", "respond", "guide")},
    **{content: "foot" for content in ("kick", "soccer")},
    **{content: "turn" for content in ("turn", "walk", "run")},
    "walk-side": "sideways",
}

_SIDES: tuple[Side, ...] = ("none", "left", "right", "both")

MAX_SPEED = 1e4
"""Largest plausible mean speed of a window, m/s."""

NUM_FACTS = 1 + len(ACTIVITIES)
"""Speed, and the side of each activity."""


def window_facts(features: Float[np.ndarray, "T 263"]) -> Float[np.ndarray, " 6"]:
    """Mean horizontal speed, m/s, and the code of the side of each activity."""
    joints = np.asarray(features_to_joints(features), dtype=np.float32)
    facts = measure_facts(joints)
    sides = [_SIDES.index(shown_side("", _MEASURED_AS[activity], facts)) for activity in ACTIVITIES]
    return np.array([motion_quality(joints).speed, *sides], dtype=np.float32)


def facts_are_possible(facts: Float[np.ndarray, "W 6"]) -> bool:
    """Whether all speeds and sides are in the range of `window_facts`."""
    speeds, sides = facts[:, 0], facts[:, 1:]
    return bool(((speeds >= 0) & (speeds <= MAX_SPEED)).all() and np.isin(sides, range(len(_SIDES))).all())


def has_side(
    facts: Float[np.ndarray, "W 6"], side: Literal["left", "right"], activity: Activity
) -> np.ndarray:
    """Which windows show the side, and not the other one, in an activity."""
    return np.asarray(facts[:, 1 + ACTIVITIES.index(activity)] == _SIDES.index(side))


def activity_of(query: str) -> Activity:
    """The activity whose side a sentence is about."""
    return _OF_CONTENT.get(str(content_of(query)), "any")
