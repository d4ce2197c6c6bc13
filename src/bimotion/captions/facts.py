"""Measured kinematic facts of a window of motion, which captions are written from and checked against.

Legend: T frames, J = 22 joints. Lengths are in units of the body: metres divided by (leg length / 0.82 m), so
that one threshold serves children and giants. Angles are degrees, + is to the left (seen from above,
counter-clockwise).
"""

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from jaxtyping import Float

from bimotion.captions.peaks import count_peaks
from bimotion.errors import DataError
from bimotion.features.layout import FPS
from bimotion.motion.clip import facing
from bimotion.motion.filters import gaussian_filter
from bimotion.motion.skeleton import JOINT_NAMES

MIN_FACT_FRAMES = 4
"""Shortest motion whose facts are measured, in frames at 20 per second."""

LEG_M = 0.82
"""Thigh and shank in metres of the adult that all thresholds are written for."""
_STANDING_M = 0.93  # height of that adult's pelvis
_SWING_M = 0.08  # travel of the wrist that makes a swing
_JOINT = {name: index for index, name in enumerate(JOINT_NAMES)}
_PELVIS, _SPINE3, _NECK, _HEAD = (_JOINT[name] for name in ("pelvis", "spine3", "neck", "head"))
_FEET = [_JOINT[f"{side}_{part}"] for part in ("ankle", "foot") for side in ("left", "right")]
_LIMB_PARTS = ("hip", "knee", "ankle", "foot", "shoulder", "elbow", "wrist")
_LEFT, _RIGHT = ({part: _JOINT[f"{side}_{part}"] for part in _LIMB_PARTS} for side in ("left", "right"))
_BOTH = {part: [_LEFT[part], _RIGHT[part]] for part in _LIMB_PARTS}

_Points = Float[np.ndarray, "T 3"]
_Series = Float[np.ndarray, " T"]


@dataclass(frozen=True)
class LimbFacts:
    """Facts of one arm and one leg of the same side."""

    hand_range: float
    """Diagonal of the box that the wrist fills, relative to the upper spine, in the body's frame."""
    hand_over_head: float
    """Highest wrist height above the head joint; negative below."""
    hand_over_shoulder: float
    """Highest wrist height above the own shoulder."""
    hand_up_seconds: float
    """Time with the wrist above 5 cm below the shoulder."""
    hand_speed: float
    """Highest speed of the wrist relative to the upper spine, per second."""
    swings: float
    """Full oscillations (>= 8 cm) of the wrist about the elbow while the hand is raised."""
    raises: int
    """Times that the wrist rose from 20 cm below the shoulder to the shoulder."""
    foot_height: float
    """Highest ankle height above the lowest that this ankle comes."""
    kicks: int
    """Times that the ankle rose 45 cm above its lowest."""


@dataclass(frozen=True)
class MotionFacts:
    """Facts of a window of motion."""

    seconds: float
    """Length of the window."""
    path: float
    """Distance that the root travels along the ground."""
    net: float
    """Distance on the ground between the root's first and last position."""
    speed: float
    """`path` per second."""
    forward: float
    """Distance travelled in the direction that the body faces; negative backwards."""
    leftward: float
    """Distance travelled to the body's left; negative to its right."""
    forward_share: float
    """`forward` over all distance travelled forwards, backwards and sideways, -1..1."""
    leftward_share: float
    """The same to the left, -1..1."""
    turn: float
    """Facing at the end minus facing at the start, unwrapped."""
    turn_most_left: float
    """Largest facing angle reached, relative to the start."""
    turn_most_right: float
    """Smallest facing angle reached, relative to the start."""
    travel_turn: float
    """Change of the direction of travel, unwrapped; 0 where there is no travel."""
    steps: int
    """Steps: peaks of the distance between the ankles."""
    bend: float
    """Largest angle of the trunk from the vertical."""
    bend_forward: float
    """How far forward the neck is of the pelvis at that moment."""
    bends: int
    """Times that the trunk bent by 15 degrees more than before and after."""
    root_lowest: float
    """Lowest height of the pelvis above the floor, as a share of its height in standing."""
    airborne: int
    """Phases of 0.15 s or longer with both feet more than 9 cm above the floor."""
    left: LimbFacts
    """The left arm and leg."""
    right: LimbFacts
    """The right arm and leg."""

    def to_json(self) -> dict[str, Any]:
        """All facts as a JSON object, rounded to four decimals."""
        return {
            name: {k: round(v, 4) for k, v in vars(value).items()}
            if isinstance(value, LimbFacts)
            else round(value, 4)
            for name, value in vars(self).items()
        }

    def mirrored(self) -> "MotionFacts":
        """The facts of the mirror image."""
        return replace(  # `0.0 - x` where `-x` would be written as -0.0
            self,
            leftward=0.0 - self.leftward,
            leftward_share=0.0 - self.leftward_share,
            turn=0.0 - self.turn,
            turn_most_left=0.0 - self.turn_most_right,
            turn_most_right=0.0 - self.turn_most_left,
            travel_turn=0.0 - self.travel_turn,
            left=self.right,
            right=self.left,
        )

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "MotionFacts":
        """The facts that `to_json` wrote; facts of other versions are ignored.

        Raises:
            DataError: a fact is missing.
        """
        try:
            left, right = (_known(LimbFacts, values[side]) for side in ("left", "right"))
            return cls(**{**_known(cls, values), "left": LimbFacts(**left), "right": LimbFacts(**right)})
        except (KeyError, TypeError, AttributeError) as error:
            names = ", ".join(f.name for f in fields(cls))
            raise DataError(f"facts of a window: expected the fields {names}; {error}") from error


def _known(kind: type, values: dict[str, Any]) -> dict[str, Any]:
    names = {field.name for field in fields(kind)}
    return {name: value for name, value in values.items() if name in names}


def measure_facts(joints: Float[np.ndarray, "T 22 3"]) -> MotionFacts:
    """The facts of joint positions in metres, Y up, at 20 frames per second.

    Facts do not depend on where the body stands or faces, nor on its size.

    Raises:
        DataError: fewer than `MIN_FACT_FRAMES` frames, or positions that are not finite.
    """
    if len(joints) < MIN_FACT_FRAMES or not np.isfinite(joints).all():
        raise DataError(
            f"facts are measured on {MIN_FACT_FRAMES} or more frames of finite positions, got {len(joints)} frames"
        )
    p = np.asarray(joints, np.float64)
    p = p / (leg_length(p) / LEG_M)
    yaw = heading(p)
    sin, cos = np.sin(yaw), np.cos(yaw)
    feet = p[:, _FEET, 1].min(1)
    floor = feet.min()
    root = gaussian_filter(p[:, _PELVIS, ::2], 2, "nearest")
    velocity = _per_second(root)
    ahead, aside = _turned(velocity, sin, cos)
    moved = np.abs(ahead).sum() + np.abs(aside).sum() + 1e-9
    path = float(_lengths(root[1:] - root[:-1]).sum())
    trunk = p[:, _NECK] - p[:, _PELVIS]
    tilt = np.degrees(np.arccos(np.clip(trunk[:, 1] / _lengths(trunk), -1, 1)))
    deepest = int(tilt.argmax())
    phases = _runs(feet - floor > 0.09)
    left, right = _limb_facts(p, sin, cos)
    return MotionFacts(
        seconds=len(p) / FPS,
        path=path,
        net=float(_lengths(root[-1] - root[0])),
        speed=path / (len(p) - 1) * FPS,
        forward=float(ahead.sum() / FPS),
        leftward=float(aside.sum() / FPS),
        forward_share=float(ahead.sum() / moved),
        leftward_share=float(aside.sum() / moved),
        turn=float(np.degrees(yaw[-1] - yaw[0])),
        turn_most_left=float(np.degrees(yaw.max() - yaw[0])),
        turn_most_right=float(np.degrees(yaw.min() - yaw[0])),
        travel_turn=_travel_turn(velocity),
        steps=_steps(p, sin, cos) if path > 0.5 else 0,
        bend=float(tilt.max()),
        bend_forward=float(trunk[deepest, 0] * sin[deepest] + trunk[deepest, 2] * cos[deepest]),
        bends=count_peaks(np.concatenate([[0], gaussian_filter(tilt, 2), [0]]), 15),
        root_lowest=float((p[:, _PELVIS, 1].min() - floor) / _STANDING_M),
        airborne=sum(length >= 0.15 * FPS for length in phases),
        left=left,
        right=right,
    )


def leg_length(p: Float[np.ndarray, "T 22 3"]) -> float:
    """Mean length of a leg, thigh plus shank, over frames and both legs."""
    hips, knees, ankles = (p[:, _BOTH[part]] for part in ("hip", "knee", "ankle"))
    return float(_lengths(knees - hips).mean() + _lengths(ankles - knees).mean())


def heading(p: Float[np.ndarray, "T 22 3"]) -> _Series:
    """Unwrapped facing angle in radians: 0 is +Z, + is to the left; smoothed over half a second."""
    forward = gaussian_filter(facing(p)[:, ::2], 1, "nearest")  # more would blur fast spins away
    return gaussian_filter(_unwrapped(np.arctan2(forward[:, 0], forward[:, 1])), 4.9, "nearest")


def _lengths(vectors: Float[np.ndarray, "*batch C"]) -> Float[np.ndarray, "*batch"]:
    """Lengths of vectors: a sum of columns takes a fifth of the time of `np.linalg.norm` along rows of two or three."""
    squared = vectors * vectors
    total = squared[..., 0] + squared[..., 1]
    return np.asarray(np.sqrt(total + squared[..., 2] if vectors.shape[-1] == 3 else total))


def _per_second(positions: Float[np.ndarray, "T 2"]) -> Float[np.ndarray, "T 2"]:
    """Velocities by central differences, one-sided at the ends."""
    velocity = np.empty_like(positions)
    velocity[1:-1] = (positions[2:] - positions[:-2]) / 2
    velocity[0], velocity[-1] = positions[1] - positions[0], positions[-1] - positions[-2]
    return velocity * FPS


def _unwrapped(angles: _Series) -> _Series:
    """`np.unwrap`, which takes its time, only where there is a jump."""
    return angles if (np.abs(angles[1:] - angles[:-1]) < np.pi).all() else np.unwrap(angles)


def _turned(flat: Float[np.ndarray, "T 2"], sin: _Series, cos: _Series) -> tuple[_Series, _Series]:
    """Components of vectors on the ground (x, z) ahead of the body and to its left."""
    x, z = flat[:, 0], flat[:, 1]
    return x * sin + z * cos, x * cos - z * sin


def _travel_turn(velocity: Float[np.ndarray, "T 2"]) -> float:
    moving = velocity[_lengths(velocity) > 0.25]
    if len(moving) <= 5:
        return 0.0
    course = _unwrapped(np.arctan2(moving[:, 0], moving[:, 1]))
    return float(np.degrees(course[-1] - course[0]))


def _steps(p: Float[np.ndarray, "T 22 3"], sin: _Series, cos: _Series) -> int:
    apart = (p[:, _LEFT["ankle"]] - p[:, _RIGHT["ankle"]])[:, ::2]
    ahead, aside = _turned(apart, sin, cos)
    stride = ahead if np.ptp(ahead) >= 0.6 * np.ptp(aside) else aside - aside.mean()
    stride = gaussian_filter(stride, 1)
    prominence = max(0.12, 0.25 * float(np.ptp(stride)))
    return count_peaks(stride, prominence) + count_peaks(-stride, prominence)


def _limb_facts(p: Float[np.ndarray, "T 22 3"], sin: _Series, cos: _Series) -> tuple[LimbFacts, LimbFacts]:
    """Facts of the left and the right arm and leg."""
    wrist, elbow, shoulder, ankle = (p[:, _BOTH[part]] for part in ("wrist", "elbow", "shoulder", "ankle"))
    body = _in_body(wrist - p[:, _SPINE3, None], sin[:, None], cos[:, None])
    forearm = _in_body(wrist - elbow, sin[:, None], cos[:, None])
    over_shoulder = wrist[..., 1] - shoulder[..., 1]
    lifted = ankle[..., 1] - ankle[..., 1].min(0)
    box = _lengths(body.max(0) - body.min(0))
    over_head = (wrist[..., 1] - p[:, _HEAD, 1, None]).max(0)
    smooth = gaussian_filter(body, 1)
    speed = _lengths(smooth[1:] - smooth[:-1]).max(0) * FPS
    up_seconds = (over_shoulder > -0.05).sum(0) / FPS

    def of(side: int) -> LimbFacts:
        return LimbFacts(
            hand_range=float(box[side]),
            hand_over_head=float(over_head[side]),
            hand_over_shoulder=float(over_shoulder[:, side].max()),
            hand_up_seconds=float(up_seconds[side]),
            hand_speed=float(speed[side]),
            swings=_swings(forearm[over_shoulder[:, side] > -0.15, side]),
            raises=_rises(over_shoulder[:, side], low=-0.20, high=-0.02),
            foot_height=float(lifted[:, side].max()),
            kicks=_rises(lifted[:, side], low=0.30, high=0.45),
        )

    return of(0), of(1)


def to_body(
    points: Float[np.ndarray, "*batch 3"], yaw: Float[np.ndarray, "*#batch"]
) -> Float[np.ndarray, "*batch 3"]:
    """Vectors turned into the body's frame: x left, y up, z forward."""
    return _in_body(points, np.sin(yaw), np.cos(yaw))


def _in_body(points: np.ndarray, sin: np.ndarray, cos: np.ndarray) -> np.ndarray:
    x, z = points[..., 0], points[..., 2]
    turned = points.copy()
    turned[..., 0], turned[..., 2] = x * cos - z * sin, x * sin + z * cos
    return turned


def _swings(forearm: Float[np.ndarray, "N 3"]) -> float:
    """Full oscillations of the forearm along its main horizontal direction."""
    if len(forearm) <= 8:
        return 0.0
    flat = forearm[:, ::2] - forearm[:, ::2].mean(0)
    x, z = flat[:, 0], flat[:, 1]
    main = 0.5 * np.arctan2(2 * (x @ z), x @ x - z @ z)  # of the larger variance
    wave = gaussian_filter(x * np.cos(main) + z * np.sin(main), 1)
    if np.ptp(wave) < _SWING_M:
        return 0.0
    return (count_peaks(wave, _SWING_M) + count_peaks(-wave, _SWING_M)) / 2


def _rises(height: _Series, low: float, high: float) -> int:
    """Times that a height passes `high` after having been below `low` (or at the start)."""
    if height.max() <= high:
        return 0
    passed = (height > high).astype(np.int8) - (height < low)
    passed = np.concatenate([[-1], passed[passed != 0]])
    return int(((passed[1:] > 0) & (passed[:-1] < 0)).sum())


def _runs(flags: np.ndarray) -> list[int]:
    """Lengths of the runs of True."""
    if not flags.any():
        return []
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    return list((edges[1::2] - edges[::2]).tolist())
