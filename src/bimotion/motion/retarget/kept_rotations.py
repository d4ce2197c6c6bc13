"""Rotations of the 22 joints from the rotations of the file's bones, so that twist is kept.

Legend: T frames, J = 22 joints. A joint's rotation is that of its bone, relative to the T-pose instead of the file's
rest pose, then turned by the smallest angle that points the T-pose's bone exactly at the next joint: positions
determine the direction of a bone, the file determines its twist.
"""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from bimotion.motion.kinematics import world_to_clip_rotations
from bimotion.motion.retarget.joint_mapping import JointMapping
from bimotion.motion.retarget.source import SourceMotion, stack_frames
from bimotion.motion.retarget.stance import Stance
from bimotion.motion.rotations import (
    Z_UP_TO_Y_UP,
    matrix_to_quat,
    quat_between,
    quat_conjugate,
    quat_multiply,
    quat_rotate,
)
from bimotion.motion.skeleton import CHILDREN, JOINT_NAMES, NUM_JOINTS, PARENTS, REST_OFFSETS


def kept_rotations(
    source: SourceMotion,
    mapping: JointMapping,
    spine: list[int],
    stance: Stance,
    joints: Float[np.ndarray, "T 22 3"],
    *,
    z_up: bool,
) -> Float[np.ndarray, "T 22 4"]:
    """Local rotations as a clip has them; `joints` are the positions in the file's axes, Z up if `z_up`."""
    bones = _carriers(source, mapping, spine)
    to_bones = quat_conjugate(matrix_to_quat(stance.frames[bones]))
    world = quat_multiply(stack_frames([source.world(bone)[1] for bone in bones]), to_bones[:, None])
    upper = [joint for joint, children in enumerate(CHILDREN) if len(children) == 1]
    lower = [CHILDREN[joint][0] for joint in upper]
    rest = REST_OFFSETS[lower]
    along = np.moveaxis(joints[:, lower] - joints[:, upper], 0, 1)
    aligned = np.zeros((NUM_JOINTS, 4))
    aligned[:, 0] = 1
    aligned[upper] = quat_between(rest, quat_rotate(quat_conjugate(world[upper]), along).mean(1))
    for joint in (joint for joint, name in enumerate(JOINT_NAMES) if name.endswith("wrist")):
        aligned[joint] = aligned[PARENTS[joint]]  # a hand continues its forearm in the T-pose
    world = quat_multiply(world, aligned[:, None])
    swing = quat_between(quat_rotate(world[upper], rest[:, None]), along)
    world[upper] = quat_multiply(swing, world[upper])
    rotations = np.moveaxis(world, 0, 1)
    if z_up:
        rotations = quat_multiply(Z_UP_TO_Y_UP, rotations)
    return world_to_clip_rotations(rotations)


def _carriers(source: SourceMotion, mapping: JointMapping, spine: list[int]) -> list[int]:
    """For each of the 22 joints the bone whose rotation it takes."""
    found: Mapping[str, int] = mapping.joints
    kept = (
        found
        if mapping.family.complete
        else {j: found[j] for j in found if j not in _TRUNK or j in mapping.from_user}
    )
    bones = {"pelvis": spine[0], "spine1": spine[-2:][0], "spine2": spine[-1], "spine3": spine[-1]}
    bones["neck"] = found.get("neck", found.get("head", spine[-1]))
    bones["head"] = found.get("head", bones["neck"])
    for side in ("left", "right"):
        shoulder = found[f"{side}_shoulder"]
        parent = source.skeleton.parents[shoulder]
        bones[f"{side}_collar"] = parent if parent in source.skeleton.path(shoulder) else spine[-1]
        bones[f"{side}_foot"] = found.get(f"{side}_foot", found[f"{side}_ankle"])
    return [kept.get(joint, bones.get(joint, spine[0])) for joint in JOINT_NAMES]


_TRUNK = {"pelvis", "spine1", "spine2", "spine3", "neck", "head", "left_collar", "right_collar"}
