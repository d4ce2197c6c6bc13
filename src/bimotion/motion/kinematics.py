"""From joint rotations to positions, and clips as rotations of a skeleton with bones of constant length.

A joint's rotation turns the bones that start in it, as in BVH, glTF and SMPL. T frames, J = 22 joints, metres.

Two rest poses are in use. Files are written in the T-pose of `skeleton.REST_OFFSETS`, which animators expect. A clip's
`rotations` are relative to `skeleton.RAW_OFFSETS`, with hanging arms and feet pointing forward: a joint with one child
differs by the fixed rotation between the two directions of its bone, a joint with several children not at all.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from bimotion.motion.clip import Clip
from bimotion.motion.rotations import quat_between, quat_conjugate, quat_multiply, quat_normalise, quat_rotate
from bimotion.motion.skeleton import CHILDREN, NUM_JOINTS, PARENTS, RAW_OFFSETS, REST_OFFSETS
from bimotion.motion.solve import aim, bone_vectors, mean_offsets, solve_rotations

_STALE = 0.05
"""Metres by which a clip's own rotations may miss its joints before new rotations are solved."""


@dataclass(frozen=True)
class Pose:
    """A clip as the motion of a skeleton with constant bones, in the T-pose when nothing turns."""

    root: Float[np.ndarray, "T 3"]
    """World positions of the pelvis."""
    rotations: Float[np.ndarray, "T J 4"]
    """Local rotations, without jumps of sign."""
    offsets: Float[np.ndarray, "J 3"]
    """Each joint from its parent in the rest pose."""

    def joints(self) -> Float[np.ndarray, "T J 3"]:
        """The positions of the joints."""
        return forward_kinematics(self.rotations, self.root, self.offsets)

    def rest(self) -> Float[np.ndarray, "J 3"]:
        """The joints in the rest pose, pelvis at the origin."""
        identity = np.tile([1.0, 0.0, 0.0, 0.0], (NUM_JOINTS, 1))
        return forward_kinematics(identity, np.zeros(3), self.offsets)

    def resample(self, fps: float, to_fps: float) -> "Pose":
        """The pose at `to_fps` frames per second: rotations are interpolated, so that bones keep their length.

        Cubic between frames, through every frame; it starts at the same instant and ends within the motion.
        """
        count = len(self.root)
        times = np.arange(int(np.floor((count - 1) * to_fps / fps + 1e-6)) + 1) * (fps / to_fps)
        rotations = quat_normalise(_cubic(self.rotations, times))
        return replace(self, root=_cubic(self.root, times), rotations=without_jumps(rotations))


def _cubic(
    values: Float[np.ndarray, "T *width"], times: Float[np.ndarray, "N"]
) -> Float[np.ndarray, "N *width"]:
    """Values at fractional frames, by cubics whose slopes are central differences (Catmull and Rom 1974)."""
    if len(values) == 1:
        return np.repeat(values, len(times), axis=0)
    slopes = np.gradient(values, axis=0)
    low = np.minimum(times.astype(int), len(values) - 2)
    t = (times - low).reshape(-1, *[1] * (values.ndim - 1))
    square, cube = t * t, t * t * t
    return np.asarray(
        (2 * cube - 3 * square + 1) * values[low]
        + (3 * square - 2 * cube) * values[low + 1]
        + (cube - 2 * square + t) * slopes[low]
        + (cube - square) * slopes[low + 1]
    )


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
    """The clip as rotations in the T-pose's axes: its own, or solved from its joints where it has none.

    Bones get their mean length, and hips and shoulders their mean arrangement. Each bone points from its joint's
    resulting position to the clip's position of the next joint, so that errors do not add up along a limb.
    """
    joints = clip.joints.astype(np.float64)
    lengths = np.linalg.norm(bone_vectors(joints), axis=-1).mean(0)

    def posed(world: Float[np.ndarray, "T J 4"]) -> Pose:
        offsets = mean_offsets(world, joints, lengths)
        aimed, root = aim(world, offsets, joints)
        return Pose(root, without_jumps(local_rotations(aimed)), offsets)

    if clip.rotations is not None:
        world = global_rotations(clip.rotations.astype(np.float64))
        pose = posed(quat_multiply(world, quat_conjugate(_RAW_TO_REST)))
        if np.abs(pose.joints() - joints).max() < _STALE:
            return pose
    return posed(solve_rotations(joints, lengths, clip.fps))


def clip_rotations(rotations: Float[np.ndarray, "T J 4"]) -> Float[np.ndarray, "T J 4"]:
    """`Clip.rotations` of local rotations in the T-pose's axes."""
    return world_to_clip_rotations(global_rotations(rotations))


def world_to_clip_rotations(world: Float[np.ndarray, "T J 4"]) -> Float[np.ndarray, "T J 4"]:
    """`Clip.rotations` of world rotations in the T-pose's axes."""
    return without_jumps(local_rotations(quat_multiply(world, _RAW_TO_REST))).astype(np.float32)


def without_jumps(rotations: Float[np.ndarray, "T J 4"]) -> Float[np.ndarray, "T J 4"]:
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
