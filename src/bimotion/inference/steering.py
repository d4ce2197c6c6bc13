"""Steering: the controls of a composed motion as constraints on each piece, and as corrections of what they leave.

All in the coordinates of the motion: it starts over the origin and faces +Z; `PathPlan.world` leads to the world.

Legend: T frames, J = 22 joints, K frames with a target.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float

from bimotion.errors import ConfigError
from bimotion.features.clips import FloorTransform, clip_to_features, features_to_clip
from bimotion.features.layout import FPS
from bimotion.inference.constraints import Constraint, JointTargets, KnownFrames, body_of
from bimotion.inference.controls import LIMB_ENDS, Controls, Key
from bimotion.inference.path_plan import MAX_SPEED, PathPlan
from bimotion.inference.postprocess.feet import LEGS, two_bone_limb
from bimotion.inference.postprocess.floor import ARMS
from bimotion.inference.timeline import Phrase
from bimotion.motion.clip import Clip
from bimotion.motion.easing import smooth_step

LIMB_TOLERANCE, POSE_TOLERANCE = 0.03, 0.03
"""Distances within which keys are met, metres."""

LIMB_UNIT, POSE_WEIGHT = 0.02, 0.5
"""Error of a limb that counts as one in guidance, metres; weight of a pose."""

EASE_FRAMES = 8
"""Frames before and after a key over which what guidance left is corrected."""

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

    path: PathPlan = field(default_factory=PathPlan)
    poses: tuple[_Pose, ...] = ()
    limbs: tuple[_Limb, ...] = ()

    @classmethod
    def of(cls, controls: Controls, phrases: Sequence[Phrase], lengths: Sequence[int]) -> "Steering":
        """The steering of a motion whose phrases have `lengths` frames.

        Raises:
            ConfigError: a path that needs more than `MAX_SPEED`, or a key after the end.
        """
        total = sum(lengths)
        plan = PathPlan.of(controls.path, phrases, lengths)
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
            position = plan.world.to_local(np.asarray(key.position, dtype=np.float64))
            limbs.append(_Limb(frame, LIMB_ENDS[key.joint], key.joint, position))
        _check_reach(limbs)
        return cls(plan, tuple(poses), tuple(limbs))

    @property
    def in_world(self) -> bool:
        """Whether anything has a position in the world, which clean-up must not change."""
        return bool(self.path.waypoints or self.limbs)

    def constraints(self, first: int, count: int, local: FloorTransform) -> list[Constraint]:
        """Constraints on a piece of `count` frames from frame `first`, whose coordinates `local` leads from."""
        found = self.path.constraints(first, count, local)
        frames = range(first, first + count)
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

    def at_keys(
        self, joints: Float[np.ndarray, "T 22 3"], first: int, fixed: int
    ) -> Float[np.ndarray, "T 22 3"]:
        """The frames with poses and limbs corrected around keys; the first `fixed` ones stay."""
        out = joints.astype(np.float64)
        for pose in self.poses:
            row = pose.frame - first
            if fixed <= row < len(out):
                target = FloorTransform.between(pose.joints, out[row]).to_world(
                    pose.joints.astype(np.float64)
                )
                # Around the key the same change of the pose, turned with the body.
                weight = _ease(len(out), row, fixed)
                for other in np.flatnonzero(weight):
                    turned = FloorTransform.between(out[row], out[other])
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
        self.path.check(joints, first)
        frames = range(first, first + len(joints))
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


def pose_error(joints: Float[np.ndarray, "22 3"], pose: Float[np.ndarray, "22 3"]) -> float:
    """Mean distance of the joints of two poses, wherever they stand; metres."""
    moved = FloorTransform.between(pose, joints).to_world(pose)
    return float(np.linalg.norm(moved - joints, axis=-1).mean())


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
    weight = 1 - smooth_step(np.abs(np.arange(num) - row), 0, EASE_FRAMES)
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
