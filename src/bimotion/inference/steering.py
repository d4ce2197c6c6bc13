"""Steering: the controls of a composed motion as constraints on each piece, and as corrections of what they leave.

All in the coordinates of the motion: it starts over the origin and faces +Z; `Steering.world` leads to the world.

Legend: T frames, J = 22 joints, K frames with a target.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float
from scipy.interpolate import PchipInterpolator

from bimotion.captions.mentions import content_of
from bimotion.errors import ConfigError
from bimotion.features.clips import FloorTransform, clip_to_features, features_to_clip
from bimotion.features.layout import FPS
from bimotion.inference.constraints import Constraint, JointTargets, KnownFrames, Waypoints, body_of
from bimotion.inference.controls import LIMB_ENDS, Controls, Key, path_length
from bimotion.inference.postprocess.feet import LEGS, two_bone_limb
from bimotion.inference.postprocess.floor import ARMS
from bimotion.inference.timeline import Phrase
from bimotion.motion.clip import Clip

MAX_SPEED = 4.0
"""Highest mean speed along a path, m/s."""

SHIFT_LIMIT = 0.6
"""Largest distance from a waypoint that is corrected, metres; a motion that misses it by more does not follow it."""

WAYPOINT_TOLERANCE, LIMB_TOLERANCE, POSE_TOLERANCE = 0.05, 0.03, 0.03
"""Distances within which controls are met, metres."""

WAYPOINT_UNIT, GUIDE_UNIT, FACING_UNIT, LIMB_UNIT, YAW_UNIT, POSE_WEIGHT = 0.05, 0.25, 1.0, 0.02, 1.0, 0.5
"""Errors of guidance that count as one: metres at waypoints, between them, there with a heading, and of limbs;
radians; weight of a pose."""

GUIDE_FRAMES = 5
"""Distance of the points of a path between waypoints that are guided, frames."""

EASE_FRAMES = 8
"""Frames before and after a key over which what guidance left is corrected."""

MOVING = ("walk", "walk-back", "walk-side", "run", "turn")
"""Content groups of phrases that go along a path; the others stay where they are."""

HEADING = {"walk": 0.0, "run": 0.0, "turn": 0.0, "walk-back": np.pi}
"""Where the body faces relative to its path; free for others."""

LIMBS = {
    **{arm[2]: (*arm, arm[2]) for arm in ARMS},
    **{leg[2]: (leg[0], leg[1], leg[2], leg[2]) for leg in LEGS},
    **{leg[3]: leg for leg in LEGS},
}
"""Root, middle and end of the limb that leads a joint to a position, and the joint."""


@dataclass(frozen=True)
class _Pose:
    frame: int
    body: torch.Tensor
    joints: Float[np.ndarray, "22 3"]


@dataclass(frozen=True)
class _Limb:
    frame: int
    joint: int
    name: str
    position: Float[np.ndarray, " 3"]


@dataclass(frozen=True)
class Steering:
    """Where the body, its limbs and its pose have to be, frame by frame."""

    world: FloorTransform = field(default_factory=lambda: FloorTransform(0.0, (0.0, 0.0)))
    """From the motion's coordinates to the world's."""
    waypoints: dict[int, tuple[float, float]] = field(default_factory=dict)
    """Frames at which the pelvis is over a waypoint."""
    guides: dict[int, tuple[float, float, float | None]] = field(default_factory=dict)
    """Frames between, with position and heading."""
    poses: tuple[_Pose, ...] = ()
    limbs: tuple[_Limb, ...] = ()

    @classmethod
    def of(cls, controls: Controls, phrases: Sequence[Phrase], lengths: Sequence[int]) -> "Steering":
        """The steering of a motion whose phrases have `lengths` frames.

        Raises:
            ConfigError: a path that needs more than `MAX_SPEED`, or a key after the end.
        """
        total = sum(lengths)
        world, waypoints, guides = _path_plan(controls.path, phrases, lengths)
        poses, limbs = [], []
        if controls.start_pose is not None:
            poses.append(_pose(Key(0.0, pose=controls.start_pose), 0))
        for key in controls.keys:
            frame = round(key.time * FPS)
            if frame >= total:
                raise ConfigError(
                    f"key at {key.time:g} s: the motion ends at {(total - 1) / FPS:g} s; give its phrases more time"
                )
            if key.pose is not None:
                poses.append(_pose(key, frame))
                continue
            assert key.joint is not None
            position = world.to_local(np.asarray(key.position, dtype=np.float64))
            limbs.append(_Limb(frame, LIMB_ENDS[key.joint], key.joint, position))
        _check_reach(limbs)
        return cls(world, waypoints, guides, tuple(poses), tuple(limbs))

    @property
    def in_world(self) -> bool:
        """Whether anything has a position in the world, which clean-up must not change."""
        return bool(self.waypoints or self.limbs)

    def constraints(self, first: int, count: int, local: FloorTransform) -> list[Constraint]:
        """Constraints on a piece of `count` frames from frame `first`, whose coordinates `local` leads from."""
        found: list[Constraint] = []
        frames = range(first, first + count)
        if points := {frame: xz for frame, xz in self.waypoints.items() if frame in frames}:
            found.append(_waypoints(points, first, local, WAYPOINT_UNIT))
        if guides := {frame: guide for frame, guide in self.guides.items() if frame in frames}:
            found.append(
                _waypoints({frame: guide[:2] for frame, guide in guides.items()}, first, local, GUIDE_UNIT)
            )
            if facing := {frame: guide for frame, guide in guides.items() if guide[2] is not None}:
                found.append(_facing(facing, first, local))
        for pose in self.poses:
            if pose.frame in frames:
                found.append(
                    KnownFrames(
                        pose.frame - first, pose.body, torch.full((1,), POSE_WEIGHT), velocities=False
                    )
                )
        if limbs := [limb for limb in self.limbs if limb.frame in frames]:
            positions = np.stack([local.to_local(limb.position) for limb in limbs])
            found.append(
                JointTargets(
                    tuple(limb.frame - first for limb in limbs),
                    tuple(limb.joint for limb in limbs),
                    torch.from_numpy(positions.astype(np.float32)),
                    LIMB_UNIT,
                )
            )
        return found

    def on_path(
        self, joints: Float[np.ndarray, "T 22 3"], first: int, fixed: int
    ) -> Float[np.ndarray, "T 22 3"]:
        """The frames moved smoothly along the floor so that they pass the waypoints; the first `fixed` ones stay.

        Raises:
            ConfigError: a waypoint is missed by more than `SHIFT_LIMIT`.
        """
        if not self.waypoints:
            return joints
        start = np.zeros(2) if fixed else -joints[0, 0, [0, 2]]
        at, shifts = [max(fixed - 1, 0)], [start]
        for frame, xz in sorted(self.waypoints.items()):
            row = frame - first
            if at[-1] < row < len(joints):
                shift = np.asarray(xz) - joints[row, 0, [0, 2]]
                if np.linalg.norm(shift) > SHIFT_LIMIT:
                    x, _, z = self.world.to_world(np.array([xz[0], 0.0, xz[1]]))
                    raise ConfigError(
                        f"path: the motion misses the waypoint ({x:g}, {z:g}) by {np.linalg.norm(shift):.2f} m; "
                        "give the path more or less time, or phrases that walk"
                    )
                at.append(row)
                shifts.append(shift)
        if at[-1] < len(joints) - 1:
            at.append(len(joints) - 1)
            shifts.append(shifts[-1])
        rows = np.arange(at[0], len(joints))
        out = joints.astype(np.float64)
        out[at[0] :, :, [0, 2]] += PchipInterpolator(at, np.array(shifts))(rows)[:, None]
        return out.astype(np.float32)

    def at_keys(
        self, joints: Float[np.ndarray, "T 22 3"], first: int, fixed: int
    ) -> Float[np.ndarray, "T 22 3"]:
        """The frames with poses and limbs corrected around keys; the first `fixed` ones stay."""
        out = joints.astype(np.float64)
        for pose in self.poses:
            row = pose.frame - first
            if fixed <= row < len(out):
                target = fit(pose.joints, out[row]).to_world(pose.joints.astype(np.float64))
                # Around the key the same change of the pose, turned with the body.
                weight = _ease(len(out), row, fixed)
                for other in np.flatnonzero(weight):
                    turned = fit(out[row], out[other])
                    moved = turned.to_world(target)
                    out[other] += weight[other] * (moved - turned.to_world(out[row])) if other != row else 0
                out[row] = target
        for limb in self.limbs:
            row = limb.frame - first
            if fixed <= row < len(out):
                _lead(out, limb, row, _ease(len(out), row, fixed))
        return out.astype(np.float32)

    def check(self, joints: Float[np.ndarray, "T 22 3"], first: int) -> None:
        """Refuse a motion that does not meet its controls.

        Raises:
            ConfigError: it misses one of those within these frames.
        """
        frames = range(first, first + len(joints))
        for frame, xz in self.waypoints.items():
            if (
                frame in frames
                and (miss := float(np.linalg.norm(joints[frame - first, 0, [0, 2]] - xz)))
                > WAYPOINT_TOLERANCE
            ):
                raise ConfigError(f"path: the waypoint at {frame / FPS:g} s is missed by {100 * miss:.0f} cm")
        for limb in self.limbs:
            if (
                limb.frame in frames
                and (miss := float(np.linalg.norm(joints[limb.frame - first, limb.joint] - limb.position)))
                > LIMB_TOLERANCE
            ):
                raise ConfigError(
                    f"key at {limb.frame / FPS:g} s: {limb.name} reaches only to {100 * miss:.0f} cm from its position"
                )
        for pose in self.poses:
            if (
                pose.frame in frames
                and (miss := pose_error(joints[pose.frame - first], pose.joints)) > POSE_TOLERANCE
            ):
                raise ConfigError(f"key at {pose.frame / FPS:g} s: the pose is missed by {100 * miss:.0f} cm")


def fit(source: Float[np.ndarray, "*n 3"], target: Float[np.ndarray, "*n 3"]) -> FloorTransform:
    """The turn about +Y and shift along the floor that bring points nearest to others."""
    a, b = source.reshape(-1, 3)[:, [0, 2]], target.reshape(-1, 3)[:, [0, 2]]
    mean_a, mean_b = a.mean(0), b.mean(0)
    p, q = a - mean_a, b - mean_b
    yaw = float(np.arctan2((p[:, 1] * q[:, 0] - p[:, 0] * q[:, 1]).sum(), (p * q).sum()))
    cos, sin = np.cos(yaw), np.sin(yaw)
    x, z = mean_a
    return FloorTransform(
        yaw, (float(mean_b[0] - (x * cos + z * sin)), float(mean_b[1] - (z * cos - x * sin)))
    )


def pose_error(joints: Float[np.ndarray, "22 3"], pose: Float[np.ndarray, "22 3"]) -> float:
    """Mean distance of the joints of two poses, wherever they stand; metres."""
    moved = fit(pose, joints).to_world(pose)
    return float(np.linalg.norm(moved - joints, axis=-1).mean())


def _path_plan(
    path: Sequence[tuple[float, float]], phrases: Sequence[Phrase], lengths: Sequence[int]
) -> tuple[FloorTransform, dict[int, tuple[float, float]], dict[int, tuple[float, float, float | None]]]:
    """The transform to the world, waypoints, and the points between them."""
    if not path:
        return FloorTransform(0.0, (0.0, 0.0)), {}, {}
    points = np.asarray(path, dtype=np.float64)
    start = points[1] - points[0]
    world = FloorTransform(float(np.arctan2(start[0], start[1])), (float(points[0, 0]), float(points[0, 1])))
    local = world.to_local(np.stack([points[:, 0], 0 * points[:, 0], points[:, 1]], -1))[:, [0, 2]]
    contents = [content_of(phrase.text) for phrase in phrases]
    moves = [content in MOVING for content in contents]
    moves = moves if any(moves) else [True] * len(moves)
    marks = path_length(path)
    rate = np.repeat(np.array(moves, float), lengths)
    rate[-1] = 0  # the last frame is the end
    needed = marks[-1] / (rate.sum() / FPS)
    if needed > MAX_SPEED:
        raise ConfigError(
            f"path: {marks[-1]:.1f} m in {rate.sum() / FPS:g} s of moving need {needed:.1f} m/s; at most {MAX_SPEED:g} "
            "are possible"
        )
    reached = np.concatenate([[0.0], np.cumsum(rate / rate.sum() * marks[-1])[:-1]])
    waypoints = {
        int(np.argmin(np.abs(reached - mark))): (float(point[0]), float(point[1]))
        for mark, point in list(zip(marks, local, strict=True))[1:]
    }
    course = np.stack([np.interp(reached, marks, local[:, axis]) for axis in range(2)], -1)
    ahead = np.minimum(np.arange(len(course)) + FPS // 2, len(course) - 1)
    behind = np.maximum(np.arange(len(course)) - FPS // 2, 0)
    direction = course[ahead] - course[behind]
    yaw = np.unwrap(np.arctan2(direction[:, 0], direction[:, 1]))
    offsets = np.repeat([HEADING.get(str(content), np.nan) for content in contents], lengths)
    guides = {
        frame: (
            float(course[frame, 0]),
            float(course[frame, 1]),
            None if np.isnan(offsets[frame]) else float(yaw[frame] + offsets[frame]),
        )
        for frame in range(GUIDE_FRAMES, len(course), GUIDE_FRAMES)
    }
    return world, waypoints, guides


def _waypoints(
    points: dict[int, tuple[float, float]], first: int, local: FloorTransform, tolerance: float
) -> Constraint:
    at = np.array([[x, 0.0, z] for x, z in points.values()])
    xz = torch.from_numpy(local.to_local(at)[:, [0, 2]].astype(np.float32))
    return Waypoints(tuple(frame - first for frame in points), xz, torch.full((len(points),), tolerance))


def _facing(
    guides: dict[int, tuple[float, float, float | None]], first: int, local: FloorTransform
) -> Constraint:
    yaw = np.array([guide[2] for guide in guides.values()], dtype=np.float64) - local.yaw
    yaw -= 2 * np.pi * np.round(yaw[0] / (2 * np.pi))
    at = np.array([[guide[0], 0.0, guide[1]] for guide in guides.values()])
    return Waypoints(
        tuple(frame - first for frame in guides),
        torch.from_numpy(local.to_local(at)[:, [0, 2]].astype(np.float32)),
        torch.full((len(guides),), FACING_UNIT),
        torch.from_numpy(yaw.astype(np.float32)),
        YAW_UNIT,
    )


def _pose(key: Key, frame: int) -> _Pose:
    """The first frame of a clip as a pose of the model's body, over the origin and facing +Z."""
    assert key.pose is not None
    still = Clip(np.repeat(key.pose.joints[:1], 5, axis=0), float(FPS))
    features = clip_to_features(still)[:2]
    return _Pose(frame, body_of(features[:1]), features_to_clip(features).joints[0])


def _check_reach(limbs: Sequence[_Limb]) -> None:
    """Refuse positions that no body gets to in time.

    Raises:
        ConfigError: a position is too far from the start, or from the one before.
    """
    last: dict[int, _Limb] = {}
    for limb in sorted(limbs, key=lambda limb: limb.frame):
        before = last.get(limb.joint)
        start = np.zeros(3) if before is None else before.position
        time = (limb.frame - (0 if before is None else before.frame)) / FPS
        distance = float(np.linalg.norm((limb.position - start)[[0, 2]])) - (1.0 if before is None else 0.0)
        if distance > 2 * MAX_SPEED * time + 0.1:
            raise ConfigError(
                f"key at {limb.frame / FPS:g} s: {limb.name} cannot get {distance:.1f} m further within {time:g} s"
            )
        last[limb.joint] = limb


def _ease(num: int, row: int, fixed: int) -> Float[np.ndarray, " T"]:
    """1 at a frame, falling to 0 over `EASE_FRAMES` on either side, 0 in fixed frames."""
    s = np.minimum(np.abs(np.arange(num) - row) / EASE_FRAMES, 1)
    weight = 1 - s * s * (3 - 2 * s)
    weight[:fixed] = 0
    return np.asarray(weight)


def _lead(out: Float[np.ndarray, "T 22 3"], limb: _Limb, row: int, weight: Float[np.ndarray, " T"]) -> None:
    """Bend the limb so that its end gets to the position; neighbouring frames follow by their weight."""
    root, middle, end, joint = LIMBS[limb.joint]
    target = out[:, end] + weight[:, None] * (limb.position - out[row, joint])
    changed = weight > 0
    bent, reached = two_bone_limb(out[:, root], out[:, middle], out[:, end], target)
    shift = (reached - out[:, end])[changed]
    if joint != end:
        out[changed, joint] += shift
    elif end in (LEGS[0][2], LEGS[1][2]):
        out[changed, LEGS[0][3] if end == LEGS[0][2] else LEGS[1][3]] += shift
    out[changed, middle], out[changed, end] = bent[changed], reached[changed]
