"""A clip on a character: limb directions are kept, hip motion is scaled to its legs, feet stay on its floor.

T frames, N nodes of the character, J = 22 joints of the clip; lengths in the character's unit.
"""

import numpy as np
from jaxtyping import Float

from bimotion.motion.clip import Clip
from bimotion.motion.kinematics import clip_to_pose, global_rotations
from bimotion.motion.retarget.character import Character
from bimotion.motion.retarget.clearance import clear_arms
from bimotion.motion.retarget.node_motion import NodeMotion
from bimotion.motion.retarget.planting import plant_feet
from bimotion.motion.rotations import (
    axis_angle_to_quat,
    matrix_to_quat,
    quat_between,
    quat_conjugate,
    quat_multiply,
    quat_rotate,
    slerp,
)
from bimotion.motion.skeleton import CHILDREN, JOINT_NAMES, joint_indices

_TRUNK = ("pelvis", "spine1", "spine2", "spine3")
_LIMBS = tuple(
    f"{side}_{joint}"
    for side in ("left", "right")
    for joint in ("hip", "knee", "ankle", "foot", "collar", "shoulder", "elbow", "wrist")
)


def clip_to_node_motion(clip: Clip, character: Character) -> NodeMotion:
    """The motion of the character that does what the clip does."""
    pose = clip_to_pose(clip)
    turn = matrix_to_quat(character.axes)
    # in the character's world, in the axes of our T-pose
    world = quat_multiply(quat_multiply(turn, global_rotations(pose.rotations)), quat_conjugate(turn))
    rotations = _trunk_rotations(world, character) | _limb_rotations(world, character, turn, pose.offsets)
    motion = NodeMotion(rotations, np.zeros((len(clip), 3)))
    joints = pose.joints()
    motion.hips = _hip_positions(joints, character, motion, _scale(character, joints))
    clear_arms(motion, character)
    plant_feet(motion, character, joints, clip.fps)
    return motion


def _trunk_rotations(
    world: Float[np.ndarray, "T J 4"], character: Character
) -> dict[int, Float[np.ndarray, "T 4"]]:
    """Our four trunk rotations, spread over as many nodes as the character has; neck and head as they are."""
    joints = [JOINT_NAMES.index(name) for name in _TRUNK]
    out = {}
    for position, node in enumerate(character.trunk):
        at = (len(joints) - 1) * position / max(len(character.trunk) - 1, 1)
        low = min(int(at), len(joints) - 2)
        out[node] = slerp(world[:, joints[low]], world[:, joints[low + 1]], at - low)
    for name in ("neck", "head"):
        if name in character.joints and character.joints[name] not in out:
            out[character.joints[name]] = world[:, JOINT_NAMES.index(name)]
    return {node: quat_multiply(rotation, character.rotations[node]) for node, rotation in out.items()}


def _limb_rotations(
    world: Float[np.ndarray, "T J 4"],
    character: Character,
    turn: Float[np.ndarray, "4"],
    offsets: Float[np.ndarray, "J 3"],
) -> dict[int, Float[np.ndarray, "T 4"]]:
    """World rotations of the limbs: the clip's, applied after the rotation of the bone from the rest pose into the
    T-pose.
    """
    out = {}
    into_rest: dict[str, np.ndarray] = {}
    for name in _LIMBS:
        if name not in character.joints:
            continue
        side, _, part = name.partition("_")
        node = character.joints[name]
        children = CHILDREN[JOINT_NAMES.index(name)]
        parent = {"wrist": "elbow", "foot": "ankle"}.get(part)
        if parent is not None:
            into_rest[name] = into_rest.get(f"{side}_{parent}", np.array([1.0, 0.0, 0.0, 0.0]))
        else:
            end = character.joints.get(JOINT_NAMES[children[0]])
            bone = None if end is None else character.positions[end] - character.positions[node]
            into_rest[name] = _alignment(bone, quat_rotate(turn, offsets[children[0]]), part, character)
        rotation = quat_multiply(world[:, JOINT_NAMES.index(name)], into_rest[name])
        out[node] = quat_multiply(rotation, character.rotations[node])
    return out


def _alignment(
    bone: Float[np.ndarray, "3"] | None, target: Float[np.ndarray, "3"], part: str, character: Character
) -> Float[np.ndarray, "4"]:
    """The rotation that brings a bone of the rest pose to its direction in the T-pose.

    Collars keep their own slope, which is the character's build. Feet, which stand flat in the rest pose however high
    the heel, are only turned to point ahead.
    """
    if bone is None or part == "collar":
        return np.array([1.0, 0.0, 0.0, 0.0])
    if part == "ankle":
        up = character.axes[:, 1]
        flat, ahead = bone - (bone @ up) * up, target - (target @ up) * up
        angle = np.arctan2(np.cross(flat, ahead) @ up, flat @ ahead)
        return axis_angle_to_quat(angle * up)
    return quat_between(bone, target)


def _scale(character: Character, joints: Float[np.ndarray, "T J 3"]) -> float:
    """Ratio of the character's leg length to that of the clip."""
    sides = ("left", "right")
    character_leg = sum(character.length(f"{s}_hip", f"{s}_knee", f"{s}_ankle") for s in sides)
    clip_leg = 0.0
    for side in sides:
        chain = [JOINT_NAMES.index(f"{side}_{joint}") for joint in ("hip", "knee", "ankle")]
        clip_leg += float(np.linalg.norm(np.diff(joints[0, chain], axis=0), axis=-1).sum())
    return character_leg / max(clip_leg, 1e-9)


def _hip_positions(
    joints: Float[np.ndarray, "T J 3"], character: Character, motion: NodeMotion, scale: float
) -> Float[np.ndarray, "T 3"]:
    """The trunk's lowest node, such that the middle of the hips moves as the clip's does, scaled.

    Heights are measured from the ankles: the character's ankles stand as high as they do in its rest pose.
    """
    left, right = (character.joints[f"{side}_hip"] for side in ("left", "right"))
    hips = character.trunk[0]
    middle = (character.positions[left] + character.positions[right]) / 2
    held = quat_rotate(quat_conjugate(character.rotations[hips]), middle - character.positions[hips])
    clip_hips = joints[:, joint_indices("left_hip", "right_hip")].mean(1)
    ankles = joints[:, joint_indices("left_ankle", "right_ankle"), 1].min(1)
    up = character.axes[:, 1]
    ankle_height = np.mean(
        [character.positions[character.joints[f"{side}_ankle"]] @ up for side in ("left", "right")]
    )
    clip_hips = clip_hips - [0.0, float(np.percentile(ankles, 5)), 0.0]
    target = scale * clip_hips @ character.axes.T + ankle_height * up
    return np.asarray(target - quat_rotate(motion.rotations[hips], held))
