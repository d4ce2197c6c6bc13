"""Measurements of a motion by which candidates are graded: the facts of captions and further values.

Legend: T frames, J = 22 joints. Lengths in metres, angles in degrees, + is left; Y up, 20 frames per second.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from bimotion.captions.facts import MotionFacts, heading, measure_facts, to_body
from bimotion.captions.peaks import count_peaks
from bimotion.features.layout import FPS
from bimotion.motion.filters import gaussian_filter
from bimotion.motion.skeleton import joint_indices

_PELVIS, _SPINE, _NECK, _HEAD = joint_indices("pelvis", "spine3", "neck", "head")
_WRISTS = list(joint_indices("left_wrist", "right_wrist"))
_FEET = list(joint_indices("left_ankle", "right_ankle", "left_foot", "right_foot"))
_ANKLES = list(joint_indices("left_ankle", "right_ankle"))
_STANDING = 0.93
"""Height of a standing pelvis, metres."""

_FOOT_UP = 0.12
"""Height of one ankle above the other from which on its foot is up, metres."""

_END = 5
"""Frames at each end over which the height of the pelvis is averaged."""


@dataclass(frozen=True)
class Traits:
    """What is measured of a motion, or of a part of it."""

    facts: MotionFacts
    """The facts that captions are checked against."""
    start_height: float
    """Height of the pelvis at the start, as a share of its height in standing."""
    end_height: float
    """The same at the end."""
    rise: float
    """Height gained by the pelvis from the lowest standing foot's level at the start to that at the end."""
    vertical_speed: float
    """Largest vertical speed of the pelvis, m/s."""
    flight: float
    """Greatest height of the lower foot above the floor."""
    hand_lowest: float
    """Lowest height of a wrist above the floor."""
    hands_apart: float
    """Greatest distance of the wrists."""
    hands_closest: float
    """Smallest distance of the wrists while both are in front of the trunk."""
    hands_in_front: float
    """Share of the frames with both wrists held in front of the trunk, between hip and shoulder."""
    hand_to_head: float
    """Distance of a wrist from the head, mean of the eighth of the frames where it is smallest."""
    hand_speed: float
    """Mean speed of the faster wrist in the body's frame, m/s."""
    lean_forward: float
    """Greatest lean of the trunk forward."""
    lean_back: float
    """Greatest lean of the trunk backward."""
    lean_left: float
    """Greatest lean of the trunk to the left."""
    lean_right: float
    """Greatest lean of the trunk to the right."""
    inverted: float
    """Greatest height of the pelvis above the head; negative where the head stays above."""
    dips: int
    """Times that the pelvis was 15 cm lower than before and after, or than in standing."""
    claps: int
    """Times that the wrists met in front of the trunk: 10 cm nearer than before and after, within 30 cm."""
    one_leg_seconds: float
    """Longest time with one ankle 12 cm or more above the other, on the floor or in a hop."""
    foot_up_seconds: tuple[float, float]
    """Time in which the left, or the right, ankle is 12 cm or more above the other."""


def measure_traits(joints: Float[np.ndarray, "T 22 3"]) -> Traits:
    """Traits of joint positions of 4 or more frames.

    Raises:
        DataError: fewer frames, or positions that are not finite.
    """
    facts = measure_facts(joints)
    p = np.asarray(joints, np.float64)
    yaw = heading(p)
    floor = p[:, _FEET, 1].min()
    pelvis = p[:, _PELVIS, 1] - floor
    trunk = to_body(p[:, _NECK] - p[:, _PELVIS], yaw)
    ahead, aside = (np.degrees(np.arctan2(trunk[:, axis], np.abs(trunk[:, 1]) + 1e-6)) for axis in (2, 0))
    hands = np.stack([to_body(p[:, wrist] - p[:, _SPINE], yaw) for wrist in _WRISTS], 1)
    apart = np.linalg.norm(hands[:, 0] - hands[:, 1], axis=-1)
    in_front = np.asarray((hands[..., 2] > 0.05).all(-1))
    speed = np.linalg.norm(np.diff(gaussian_filter(hands, 1), axis=0), axis=-1).mean(0).max() * FPS
    lifted = p[:, _ANKLES, 1] - p[:, _ANKLES, 1].min(0)
    above = lifted[:, 0] - lifted[:, 1]
    to_head = np.linalg.norm(p[:, _WRISTS] - p[:, [_HEAD]], axis=-1)
    num = min(_END, len(p))
    feet = p[:, _FEET, 1].min(1)
    return Traits(
        facts=facts,
        start_height=float(pelvis[:num].mean() / _STANDING),
        end_height=float(pelvis[-num:].mean() / _STANDING),
        rise=float(np.median(feet[-2 * num :]) - np.median(feet[: 2 * num])),
        vertical_speed=float(np.abs(np.diff(gaussian_filter(pelvis, 1.5))).max() * FPS),
        flight=float((feet - floor).max()),
        hand_lowest=float(p[:, _WRISTS, 1].min() - floor),
        hands_apart=float(apart.max()),
        hands_closest=float(apart[in_front].min()) if in_front.any() else float(apart.min() + 0.3),
        hands_in_front=float(((hands[..., 2] > 0.15) & (np.abs(hands[..., 1] + 0.1) < 0.3)).all(-1).mean()),
        hand_to_head=float(np.sort(to_head.min(1))[: max(len(p) // 8, 1)].mean()),
        hand_speed=float(speed),
        lean_forward=float(ahead.max()),
        lean_back=float(-ahead.min()),
        lean_left=float(aside.max()),
        lean_right=float(-aside.min()),
        inverted=float((p[:, _PELVIS, 1] - p[:, _HEAD, 1]).max()),
        dips=_dips(pelvis),
        claps=_claps(apart, np.asarray(in_front)),
        one_leg_seconds=float(_longest(np.abs(above) > _FOOT_UP) / FPS),
        foot_up_seconds=(float((above > _FOOT_UP).sum() / FPS), float((above < -_FOOT_UP).sum() / FPS)),
    )


def _dips(pelvis: Float[np.ndarray, " T"]) -> int:
    depth = gaussian_filter(max(_STANDING, pelvis.max()) - pelvis, 2.0)
    return count_peaks(np.concatenate([[0], depth, [0]]), 0.15)


def _claps(apart: Float[np.ndarray, " T"], in_front: Bool[np.ndarray, " T"]) -> int:
    near = np.where(in_front, np.clip(0.4 - apart, 0, None), 0)
    return count_peaks(np.concatenate([[0], near, [0]]), 0.1)


def _longest(flags: np.ndarray) -> int:
    """Length of the longest run of True."""
    longest = run = 0
    for flag in flags:
        run = run + 1 if flag else 0
        longest = max(longest, run)
    return longest
