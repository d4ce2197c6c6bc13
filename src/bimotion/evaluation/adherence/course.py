"""A motion as time series that facts and judges read: heights, speeds, angles of trunk and limbs.

Legend: T frames, J = 22 joints; columns of pairs are left, right. Positions are in metres of a body with legs of 0.82 m
(`LEG_M`), the floor at y = 0, 20 frames per second. Angles are degrees; + is to the left or forward.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float
from scipy.ndimage import binary_opening, gaussian_filter1d

from bimotion.captions.facts import LEG_M, MotionFacts, heading, leg_length, measure_facts, to_body
from bimotion.errors import DataError
from bimotion.features.layout import FPS
from bimotion.motion.skeleton import JOINT_NAMES

STANDING_PELVIS = 0.95
"""Height of the pelvis of the reference body standing upright, metres."""

_RESTING_SPEED = 0.4  # of a foot; at the top of a jump feet are slower for 2 frames at most
_OFF_FLOOR = 0.035

MIN_JUDGED_FRAMES = 8
"""Frames of the shortest motion that is judged."""

_J = {name: index for index, name in enumerate(JOINT_NAMES)}
_PAIRS = {
    name: [_J[f"left_{name}"], _J[f"right_{name}"]]
    for name in ("hip", "knee", "ankle", "foot", "shoulder", "elbow", "wrist")
}

Series = Float[np.ndarray, " T"]
Pair = Float[np.ndarray, "T 2"]
Points = Float[np.ndarray, "T 2 3"]


@dataclass(frozen=True)
class Phase:
    """A stretch of a motion in which something is done."""

    start: float
    """Seconds."""
    end: float
    """Seconds."""
    amount: float = 0.0
    """How much of it: degrees of a turn, height of a jump, length of a step; see the function that finds the phase."""
    side: int = 0
    """+1 left, -1 right, 0 neither or both."""

    @property
    def middle(self) -> float:
        """Time half-way, seconds."""
        return (self.start + self.end) / 2

    @property
    def seconds(self) -> float:
        """Length."""
        return self.end - self.start


class Course:
    """The time series of one motion; each is computed when it is first read."""

    def __init__(self, joints: Float[np.ndarray, "T 22 3"]) -> None:
        """`joints` are metres at 20 frames per second, Y up; position, heading and body size do not matter.

        Raises:
            DataError: too few frames, or positions that are not finite.
        """
        if len(joints) < MIN_JUDGED_FRAMES or not np.isfinite(joints).all():
            raise DataError(
                f"expected at least {MIN_JUDGED_FRAMES} frames of finite positions to judge, got {len(joints)} frames"
            )
        p = np.asarray(joints, np.float64)
        p = p * (LEG_M / leg_length(p))
        floor = float(np.percentile(p[..., 1].min(1), 3))
        self.p = p - np.array([0.0, floor, 0.0])
        self.found: dict[tuple[str, Hashable], list[Phase]] = {}
        """Phases that judges have found, by judge and limits."""

    def __len__(self) -> int:
        return len(self.p)

    @property
    def seconds(self) -> float:
        """Length of the motion."""
        return len(self.p) / FPS

    @cached_property
    def base(self) -> MotionFacts:
        """The facts that captions are written from."""
        return measure_facts(self.p)

    def joint(self, name: str) -> Float[np.ndarray, "T 3"]:
        """Positions of one joint."""
        return np.asarray(self.p[:, _J[name]])

    def pair(self, name: str) -> Points:
        """Positions of a left and a right joint, such as `wrist`."""
        return np.asarray(self.p[:, _PAIRS[name]])

    @cached_property
    def yaw(self) -> Series:
        """Heading, radians without jumps, + to the left."""
        return heading(self.p)

    def in_body(self, points: Float[np.ndarray, "T 3"]) -> Float[np.ndarray, "T 3"]:
        """Vectors in the body's frame: x left, y up, z forward."""
        return to_body(points, self.yaw)

    @cached_property
    def velocity(self) -> Float[np.ndarray, "T 3"]:
        """Velocity of the pelvis in the body's frame: left, up, forward, metres a second."""
        root = gaussian_filter1d(self.p[:, 0], 2, axis=0, mode="nearest")
        return self.in_body(np.gradient(root, axis=0) * FPS)

    @cached_property
    def speed(self) -> Series:
        """Speed of the pelvis over the floor, smoothed over about a third of a second."""
        return np.asarray(np.linalg.norm(self.velocity[:, ::2], axis=-1))

    @cached_property
    def turn_rate(self) -> Series:
        """Degrees a second, + to the left."""
        return np.asarray(np.degrees(np.gradient(self.yaw)) * FPS)

    @cached_property
    def pelvis(self) -> Series:
        """Height of the pelvis as a share of its height when standing upright."""
        return np.asarray(self.p[:, 0, 1] / STANDING_PELVIS)

    @cached_property
    def trunk(self) -> Float[np.ndarray, "T 3"]:
        """Unit vector from pelvis to neck in the body's frame."""
        trunk = self.in_body(self.joint("neck") - self.joint("pelvis"))
        return np.asarray(trunk / np.maximum(np.linalg.norm(trunk, axis=-1, keepdims=True), 1e-9))

    @cached_property
    def lean_forward(self) -> Series:
        """Angle of the trunk from the vertical, seen from the side: + forward, - back."""
        return np.asarray(np.degrees(np.arctan2(self.trunk[:, 2], self.trunk[:, 1])))

    @cached_property
    def lean_left(self) -> Series:
        """Angle of the trunk from the vertical, seen from behind: + left, - right."""
        return np.asarray(np.degrees(np.arctan2(self.trunk[:, 0], self.trunk[:, 1])))

    @cached_property
    def tilt(self) -> Series:
        """Angle of the trunk from the vertical, 0 to 180."""
        return np.asarray(np.degrees(np.arccos(np.clip(self.trunk[:, 1], -1, 1))))

    @cached_property
    def thighs(self) -> Pair:
        """Angle of each thigh from hanging straight down, 0 to 180."""
        thigh = self.pair("knee") - self.pair("hip")
        down = -thigh[..., 1] / np.maximum(np.linalg.norm(thigh, axis=-1), 1e-9)
        return np.asarray(np.degrees(np.arccos(np.clip(down, -1, 1))))

    @cached_property
    def knees(self) -> Pair:
        """Bend of each knee, 0 when the leg is straight."""
        return _bend(self.pair("hip"), self.pair("knee"), self.pair("ankle"))

    @cached_property
    def foot_height(self) -> Pair:
        """Height of the lower of ankle and ball of each foot above where it is when it stands."""
        ankle = self.pair("ankle")[..., 1] - 0.06
        ball = self.pair("foot")[..., 1] - 0.01
        return np.asarray(np.maximum(np.minimum(ankle, ball), 0))

    @cached_property
    def contact(self) -> Bool[np.ndarray, "T 2"]:
        """Whether each foot stands: it is at the floor, or rests for 0.15 s on something higher."""
        ball = gaussian_filter1d(self.pair("foot"), 0.5, axis=0, mode="nearest")
        slow = np.linalg.norm(np.gradient(ball, axis=0), axis=-1) * FPS < _RESTING_SPEED
        rests = binary_opening(slow, np.ones((3, 1)))
        return np.asarray(rests | (self.foot_height < _OFF_FLOOR))

    @cached_property
    def foot_speed(self) -> Pair:
        """Speed of each ankle in space."""
        ankle = gaussian_filter1d(self.pair("ankle"), 0.7, axis=0, mode="nearest")
        return np.asarray(np.linalg.norm(np.gradient(ankle, axis=0), axis=-1) * FPS)

    @cached_property
    def hands(self) -> Points:
        """Wrists relative to the upper spine in the body's frame: left, up, forward."""
        both = self.pair("wrist") - self.joint("spine3")[:, None]
        return np.stack([self.in_body(both[:, 0]), self.in_body(both[:, 1])], 1)

    @cached_property
    def hand_speed(self) -> Pair:
        """Speed of each wrist relative to the upper spine."""
        hands = gaussian_filter1d(self.hands, 0.7, axis=0, mode="nearest")
        speed = np.linalg.norm(np.gradient(hands, axis=0), axis=-1) * FPS
        speed[:2], speed[-2:] = speed[2], speed[-3]  # the frame before a recording may be a T-pose
        return np.asarray(speed)

    @cached_property
    def hand_over_shoulder(self) -> Pair:
        """Height of each wrist above its shoulder."""
        return np.asarray(self.pair("wrist")[..., 1] - self.pair("shoulder")[..., 1])

    @cached_property
    def hand_over_head(self) -> Pair:
        """Height of each wrist above the head joint (the top of the neck)."""
        return np.asarray(self.pair("wrist")[..., 1] - self.joint("head")[:, None, 1])

    @cached_property
    def hand_height(self) -> Pair:
        """Height of each wrist above the floor."""
        return np.asarray(self.pair("wrist")[..., 1])

    @cached_property
    def hand_to_head(self) -> Pair:
        """Distance of each wrist from the head joint."""
        return np.asarray(np.linalg.norm(self.pair("wrist") - self.joint("head")[:, None], axis=-1))

    @cached_property
    def hands_apart(self) -> Series:
        """Distance between the wrists."""
        wrists = self.pair("wrist")
        return np.asarray(np.linalg.norm(wrists[:, 0] - wrists[:, 1], axis=-1))

    @cached_property
    def limb_speed(self) -> Series:
        """Speed of the fastest of head, wrists and ankles in space, smoothed over half a second."""
        ends = self.p[:, [_J["head"], *_PAIRS["wrist"], *_PAIRS["ankle"]]]
        ends = gaussian_filter1d(ends, 2, axis=0, mode="nearest")
        return np.asarray(np.linalg.norm(np.gradient(ends, axis=0), axis=-1).max(-1) * FPS)


def _bend(upper: Points, hinge: Points, lower: Points) -> Pair:
    """Angle in degrees by which a limb is bent at its hinge."""
    first, second = hinge - upper, lower - hinge
    size = np.linalg.norm(first, axis=-1) * np.linalg.norm(second, axis=-1)
    return np.asarray(
        np.degrees(np.arccos(np.clip((first * second).sum(-1) / np.maximum(size, 1e-9), -1, 1)))
    )


def phases(
    mask: Bool[np.ndarray, " T"],
    *,
    least: float = 0.0,
    gap: float = 0.0,
    amounts: Series | None = None,
    side: int = 0,
) -> list[Phase]:
    """The stretches where `mask` holds: gaps shorter than `gap` seconds closed, shorter than `least` left out.

    `amounts` gives each phase the largest of its values.
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
    spans = [[int(start), int(end)] for start, end in zip(edges[::2], edges[1::2], strict=True)]
    merged: list[list[int]] = []
    for start, end in spans:
        if merged and start - merged[-1][1] < gap * FPS:
            merged[-1][1] = end
        else:
            merged.append([start, end])
    return [
        Phase(start / FPS, end / FPS, 0.0 if amounts is None else float(np.max(amounts[start:end])), side)
        for start, end in merged
        if end - start >= least * FPS
    ]
