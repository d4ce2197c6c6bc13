"""From joint rotations to positions, and from positions to joint rotations.

A joint's rotation turns the bones that start in it, as in BVH, glTF and SMPL. T frames, J = 22 joints, metres.

Two rest poses are in use. Files are written in the T-pose of `skeleton.REST_OFFSETS`, which animators expect. A
clip's `rotations` are relative to `skeleton.RAW_OFFSETS`, with arms hanging and feet ahead: a joint with one child
differs by the fixed rotation between the two directions of its bone, a joint with several children not at all.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from bimotion.motion.clip import Clip
from bimotion.motion.rotations import (
    axis_angle_to_quat,
    matrix_to_quat,
    quat_between,
    quat_conjugate,
    quat_multiply,
    quat_rotate,
    slerp,
)
from bimotion.motion.skeleton import CHILDREN, NUM_JOINTS, PARENTS, RAW_OFFSETS, REST_OFFSETS

_PELVIS, _SPINE1, _SPINE2, _CHEST, _NECK = 0, 3, 6, 9, 12
_COLLARS = (13, 14)
_LEFT = (1.0, 0.0, 0.0)
_LIMBS: tuple[tuple[int, int, int, tuple[float, float, float]], ...] = (
    (1, 4, 7, _LEFT),
    (2, 5, 8, _LEFT),
    (16, 18, 20, (0.0, -1.0, 0.0)),
    (17, 19, 21, (0.0, 1.0, 0.0)),
)
"""Upper joint, hinge, lower joint, and the axis in the T-pose about which the hinge bends: shins bend back, forearms
(palms down) ahead."""

_STRAIGHT, _BENT = np.radians(8.0), np.radians(25.0)
"""Below the first angle a limb's plane is noise and is not looked at; from the second on it alone is."""

_BEND_SLACK = 3e-4
"""Metres by which a joint may miss its place before rigid shoulders and hips are given up for exact ones."""

_LENGTH_SLACK = 1e-3
"""Metres by which a bone's length may vary in a clip that counts as having constant bones."""


@dataclass(frozen=True)
class Pose:
    """A clip as the motion of a skeleton with bones of constant length, in the T-pose when nothing turns."""

    root: Float[np.ndarray, "T 3"]
    """World positions of the pelvis."""
    rotations: Float[np.ndarray, "T J 4"]
    """Local rotations, without jumps of sign."""
    offsets: Float[np.ndarray, "J 3"]
    """Each joint from its parent in the rest pose."""
    shifts: dict[int, Float[np.ndarray, "T 3"]]
    """Joints whose offset moves with time: hips, lowest spine joint, neck and collars where these are not rigid."""

    def moving_offsets(self) -> Float[np.ndarray, "T J 3"]:
        """Each joint from its parent in its parent's axes, at each time."""
        offsets = np.tile(self.offsets, (len(self.root), 1, 1))
        for joint, offset in self.shifts.items():
            offsets[:, joint] = offset
        return offsets

    def joints(self) -> Float[np.ndarray, "T J 3"]:
        """The positions of the joints."""
        return forward_kinematics(self.rotations, self.root, self.moving_offsets())


def global_rotations(rotations: Float[np.ndarray, "*batch 22 4"]) -> Float[np.ndarray, "*batch 22 4"]:
    """World rotations of the joints from their local ones."""
    out = np.empty_like(rotations)
    for joint, parent in enumerate(PARENTS):
        local = rotations[..., joint, :]
        out[..., joint, :] = local if parent < 0 else quat_multiply(out[..., parent, :], local)
    return out


def local_rotations(rotations: Float[np.ndarray, "*batch 22 4"]) -> Float[np.ndarray, "*batch 22 4"]:
    """Local rotations of the joints from their world ones."""
    parents = np.array(PARENTS[1:])
    local = quat_multiply(quat_conjugate(rotations[..., parents, :]), rotations[..., 1:, :])
    return np.concatenate([rotations[..., :1, :], local], axis=-2)


def forward_kinematics(
    rotations: Float[np.ndarray, "*batch 22 4"],
    root: Float[np.ndarray, "*batch 3"],
    offsets: Float[np.ndarray, "*#batch 22 3"],
) -> Float[np.ndarray, "*batch 22 3"]:
    """Joint positions of local rotations; `offsets` are the bones in the rest pose, constant or at each time."""
    world = global_rotations(rotations)
    joints = np.empty((*root.shape[:-1], NUM_JOINTS, 3), dtype=np.result_type(rotations, offsets))
    joints[..., 0, :] = root
    for joint, parent in enumerate(PARENTS[1:], 1):
        bone = quat_rotate(world[..., parent, :], offsets[..., joint, :])
        joints[..., joint, :] = joints[..., parent, :] + bone
    return joints


def clip_to_pose(clip: Clip) -> Pose:
    """The clip as rotations in the T-pose's axes: its own, or worked out from its joints where it has none.

    Bones get their mean length. Where they are constant already, the pose has exactly the clip's joints.
    """
    joints = clip.joints.astype(np.float64)
    lengths = np.linalg.norm(_bones(joints), axis=-1)
    constant = bool((lengths.max(0) - lengths.min(0) < 2 * _LENGTH_SLACK).all())
    if clip.rotations is not None:
        world = quat_multiply(
            global_rotations(clip.rotations.astype(np.float64)), quat_conjugate(_RAW_TO_REST)
        )
        pose = _pose(joints, world, lengths.mean(0), constant)
        if np.linalg.norm(pose.joints() - joints, axis=-1).max() < _LENGTH_SLACK or not constant:
            return pose
    return _pose(joints, _solve(joints, lengths.mean(0)), lengths.mean(0), constant)


def pose_to_clip(pose: Pose, fps: float, name: str = "") -> Clip:
    """The clip of a pose, with rotations."""
    world = quat_multiply(global_rotations(pose.rotations), _RAW_TO_REST)
    rotations = _without_jumps(local_rotations(world)).astype(np.float32)
    return Clip(pose.joints().astype(np.float32), fps, rotations, name=name)


def with_rotations(clip: Clip) -> Clip:
    """The clip with rotations; the joints stay as they are."""
    if clip.rotations is not None:
        return clip
    return replace(clip, rotations=pose_to_clip(clip_to_pose(clip), clip.fps).rotations)


def _pose(
    joints: Float[np.ndarray, "T J 3"],
    world: Float[np.ndarray, "T J 4"],
    lengths: Float[np.ndarray, "J"],
    constant: bool,
) -> Pose:
    """The pose of world rotations, with the bones that the joints show."""
    parents = np.array(PARENTS)
    moving = quat_rotate(quat_conjugate(world[:, parents]), _bones(joints))
    moving[:, 0] = 0
    mean = moving.mean(0)
    offsets = mean * (lengths / np.maximum(np.linalg.norm(mean, axis=-1), 1e-12))[:, None]
    shifts = {}
    if constant:
        branches = [child for children in CHILDREN if len(children) > 1 for child in children]
        off = np.linalg.norm(moving - offsets, axis=-1).max(0)
        shifts = {joint: moving[:, joint] for joint in branches if off[joint] > _BEND_SLACK}
    return Pose(joints[:, 0], _without_jumps(local_rotations(world)), offsets, shifts)


def _solve(joints: Float[np.ndarray, "T J 3"], lengths: Float[np.ndarray, "J"]) -> Float[np.ndarray, "T J 4"]:
    """World rotations in the T-pose's axes that turn its bones to those of the joints."""
    bones = _bones(joints)
    rest = _rest_bones(lengths)
    world = np.empty((*joints.shape[:-1], 4))

    def swing(joint: int, frame: Float[np.ndarray, "T 4"]) -> None:
        child = CHILDREN[joint][0]
        turn = quat_between(quat_rotate(frame, rest[child]), bones[:, child])
        world[:, joint] = quat_multiply(turn, frame)

    world[:, _PELVIS] = _rigid_rotation(rest, bones, CHILDREN[_PELVIS])
    world[:, _CHEST] = _rigid_rotation(rest, bones, CHILDREN[_CHEST])
    for joint, part in ((_SPINE1, 1 / 3), (_SPINE2, 2 / 3)):
        swing(joint, slerp(world[:, _PELVIS], world[:, _CHEST], part))
    for joint in (_NECK, *_COLLARS):
        swing(joint, world[:, _CHEST])
    for upper, hinge, lower, axis in _LIMBS:
        frame = world[:, PARENTS[upper]]
        swing(upper, frame)
        world[:, upper] = _about_hinge(world[:, upper], bones, upper, np.array(axis))
        swing(hinge, world[:, upper])
        if CHILDREN[lower]:
            swing(lower, world[:, hinge])
    for joint, children in enumerate(CHILDREN):
        if not children:
            world[:, joint] = world[:, PARENTS[joint]]
    return world


def _about_hinge(
    frame: Float[np.ndarray, "T 4"],
    bones: Float[np.ndarray, "T J 3"],
    upper: int,
    axis: Float[np.ndarray, "3"],
) -> Float[np.ndarray, "T 4"]:
    """`frame` twisted along the limb so that the limb bends about the hinge's axis.

    While the limb is straight the twist is that of the foot (legs) or runs between the times at which it is bent.
    """
    hinge = CHILDREN[upper][0]
    lower = CHILDREN[hinge][0]
    along = _unit(bones[:, hinge])
    across = np.cross(along, _unit(bones[:, lower]))
    bend = np.arctan2(np.linalg.norm(across, axis=-1), (along * _unit(bones[:, lower])).sum(-1))
    neutral = quat_rotate(frame, axis)
    twist = _angle_about(along, neutral, across)
    # a fold of the whole limb has no plane either
    weight = np.clip((np.minimum(bend, np.pi - bend) - _STRAIGHT) / (_BENT - _STRAIGHT), 0, 1)
    weight = weight * weight * (3 - 2 * weight)
    if CHILDREN[lower]:
        foot = bones[:, CHILDREN[lower][0]]
        straight_twist = _angle_about(along, neutral, np.cross(foot, along))
    elif (sure := np.flatnonzero(weight > 0.5)).size:
        straight_twist = np.interp(np.arange(len(twist)), sure, np.unwrap(twist[sure]))
    else:
        straight_twist = np.zeros_like(twist)
    blend = weight * np.exp(1j * twist) + (1 - weight) * np.exp(1j * straight_twist)
    return quat_multiply(axis_angle_to_quat(along * np.angle(blend)[:, None]), frame)


def _angle_about(
    axis: Float[np.ndarray, "T 3"], start: Float[np.ndarray, "T 3"], end: Float[np.ndarray, "T 3"]
) -> Float[np.ndarray, "T"]:
    """Angle about a unit axis from one direction to another, both seen along the axis."""
    start, end = (v - (v * axis).sum(-1, keepdims=True) * axis for v in (start, end))
    return np.asarray(np.arctan2((np.cross(start, end) * axis).sum(-1), (start * end).sum(-1)))


def _rigid_rotation(
    rest: Float[np.ndarray, "J 3"], bones: Float[np.ndarray, "T J 3"], children: tuple[int, ...]
) -> Float[np.ndarray, "T 4"]:
    """Rotations that bring several bones of one joint nearest to where they are.

    The bones' arrangement is the clip's own: it is the mean of what is seen in the axes of a first fit.

    Source: Kabsch 1976.
    """
    which = list(children)
    shape = rest[which]
    for _ in range(2):
        u, _, vh = np.linalg.svd(np.einsum("tki,kj->tij", bones[:, which], shape))
        u[..., -1] *= np.linalg.det(u @ vh)[:, None]
        rotation = u @ vh
        shape = np.einsum("tij,tki->kj", rotation, bones[:, which]) / len(bones)
    return matrix_to_quat(rotation)


def _rest_bones(lengths: Float[np.ndarray, "J"]) -> Float[np.ndarray, "J 3"]:
    return np.asarray(_unit(REST_OFFSETS) * lengths[:, None])


def _bones(joints: Float[np.ndarray, "T J 3"]) -> Float[np.ndarray, "T J 3"]:
    bones = np.asarray(joints - joints[:, np.array(PARENTS)])
    bones[:, 0] = 0
    return bones


def _unit(v: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch 3"]:
    return np.asarray(v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-12))


def _without_jumps(rotations: Float[np.ndarray, "T J 4"]) -> Float[np.ndarray, "T J 4"]:
    """The same rotations with signs such that each quaternion lies on the side of the one before it."""
    flips = np.sign((rotations[1:] * rotations[:-1]).sum(-1, keepdims=True))
    flips = np.concatenate([np.ones_like(rotations[:1, :, :1]), np.where(flips == 0, 1, flips)])
    return np.asarray(rotations * np.cumprod(flips, axis=0))


def _raw_to_rest() -> Float[np.ndarray, "J 4"]:
    """For each joint the rotation that brings its bone in the T-pose to its bone in the raw pose."""
    frames = np.tile([1.0, 0.0, 0.0, 0.0], (NUM_JOINTS, 1))
    for joint, children in enumerate(CHILDREN):
        if len(children) == 1:
            child = children[0]
            frames[joint] = quat_between(REST_OFFSETS[child], RAW_OFFSETS[child].astype(np.float64))
        elif not children:
            frames[joint] = frames[PARENTS[joint]]
    return quat_conjugate(frames)


_RAW_TO_REST: Float[np.ndarray, "J 4"] = _raw_to_rest()
"""World rotation in the raw pose's axes = world rotation in the T-pose's axes times this."""
