"""Where the 22 joints are on a source skeleton.

Legend: T frames, N joints of the file. Limbs are the file's own joints. The joints of SMPL between pelvis and neck that
other skeletons lack or have elsewhere (a pelvis above the line of the hips, three spine joints, collars) are points
fixed to the bones of the file's spine; so are the head joint, a missing neck and, where it must be turned, the ball of
the foot. Each is placed so that standing upright gives the bone directions of the SMPL rest pose: HumanML3D's features
keep directions and put every motion on one skeleton, so directions must agree and lengths need not.

Body coordinates below are (left, up, forward) of the standing person.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from bimotion.motion.retarget.joint_mapping import JointMapping
from bimotion.motion.retarget.source import SourceMotion, SourceSkeleton
from bimotion.motion.retarget.stance import Stance, about_left
from bimotion.motion.rotations import axis_angle_to_quat, quat_conjugate, quat_rotate, quat_to_matrix
from bimotion.motion.skeleton import JOINT_NAMES, NUM_JOINTS, REST_OFFSETS

_HIP, _HEAD, _COLLAR, _SHOULDER = (
    REST_OFFSETS[JOINT_NAMES.index(joint)] for joint in ("left_hip", "head", "left_collar", "left_shoulder")
)
_SPINE = REST_OFFSETS[[JOINT_NAMES.index(joint) for joint in ("spine1", "spine2", "spine3", "neck")]]
_NECK_TO_HEAD = float(
    (_SPINE[3, 1] - _COLLAR[1] - _SHOULDER[1]) / (_SPINE[3, 1] + _HEAD[1] - _COLLAR[1] - _SHOULDER[1])
)
"""Share of the way from between the shoulders to the head joint at which the neck joint is."""
_NECK_ABOVE = float(
    (_SPINE[3, 1] - _COLLAR[1] - _SHOULDER[1]) / (_SPINE[:3, 1].sum() + _COLLAR[1] + _SHOULDER[1])
)
"""Height of the neck above the shoulders as a share of the trunk below them."""

_FLAT_FOOT = np.radians(20.0)
"""How far below the horizontal a foot bone points in HumanML3D and CMU when the foot stands flat."""


@dataclass(frozen=True)
class Holder:
    """A point fixed to a bone."""

    bone: int
    offset: Float[np.ndarray, "3"] | None = None
    """Position in the bone's own axes; None for the joint that the bone starts in."""


def spine_bones(skeleton: SourceSkeleton, mapping: JointMapping) -> list[int]:
    """Bones from the parent of both hips up to the parent of both shoulders."""
    joints = mapping.joints
    top = [joints[name] for name in ("left_shoulder", "right_shoulder", "neck") if name in joints]
    chest = skeleton.common_ancestor(top)
    if chest < 0:
        chest = skeleton.common_ancestor(top[:2])
    hips = skeleton.common_ancestor([joints["left_hip"], joints["right_hip"]])
    base = skeleton.common_ancestor([hips, chest])
    path = skeleton.path(chest)
    return [hips, *path[path.index(base) + 1 :]] if base != hips else path[path.index(base) :]


def used_bones(skeleton: SourceSkeleton, mapping: JointMapping, spine: list[int]) -> set[int]:
    """Bones whose poses are needed."""
    bones = {*mapping.joints.values(), *spine}
    for side in ("left", "right"):
        path = skeleton.path(mapping.joints[f"{side}_shoulder"])
        bones.update(path[path.index(spine[-1]) :] if spine[-1] in path else [])
    return bones


def file_joints(mapping: JointMapping) -> set[str]:
    """Joints that are taken as they are in the file."""
    if mapping.family.complete:
        return set(JOINT_NAMES)
    virtual = {"head", "left_foot", "right_foot", "left_collar", "right_collar"} - mapping.from_user
    return set(mapping.joints) - virtual


def find_holders(
    source: SourceMotion, mapping: JointMapping, spine: list[int], stance: Stance, up: Float[np.ndarray, "3"]
) -> dict[str, Holder]:
    """For each of the 22 joints: its bone, and its position on it."""
    from_file = file_joints(mapping)
    holders = {joint: Holder(mapping.joints[joint]) for joint in from_file}
    if len(from_file) < NUM_JOINTS:
        virtual = _torso(source.skeleton, mapping, spine, stance)
        virtual |= _feet(source, mapping, stance, up)
        holders = virtual | holders
    return holders


def joint_positions(source: SourceMotion, holders: dict[str, Holder]) -> Float[np.ndarray, "T 22 3"]:
    """Positions of the 22 joints in the file's unit and axes."""
    out = np.empty((source.num_frames, NUM_JOINTS, 3))
    for index, joint in enumerate(JOINT_NAMES):
        holder = holders[joint]
        position, rotation = source.world(holder.bone)
        out[:, index] = position if holder.offset is None else position + quat_rotate(rotation, holder.offset)
    return out


def _torso(
    skeleton: SourceSkeleton, mapping: JointMapping, spine: list[int], stance: Stance
) -> dict[str, Holder]:
    joints = mapping.joints
    at = {joint: stance.positions[index] for joint, index in joints.items()}
    centred = np.array([0, 1, 1])
    hips = (at["left_hip"] + at["right_hip"]) / 2 * centred
    half_width = abs(at["left_hip"][0] - at["right_hip"][0]) / 2
    points = {"pelvis": hips - _HIP * centred * (half_width / _HIP[0])}
    points["neck"] = at["neck"] if "neck" in at else _virtual_neck(at, hips)
    trunk, rest = (points["neck"] - points["pelvis"]) * centred, _SPINE.sum(0)
    lean = np.arctan2(trunk[2], trunk[1]) - np.arctan2(rest[2], rest[1])
    bones = _SPINE @ about_left(lean).T * (np.linalg.norm(trunk) / np.linalg.norm(rest))
    spine_points = points["pelvis"] + np.cumsum(bones[:3], 0)
    points |= dict(zip(("spine1", "spine2", "spine3"), spine_points, strict=True))
    shoulders = {1: at["left_shoulder"], -1: at["right_shoulder"]}
    if mapping.family.shoulders is not None:
        shoulders = {side: np.array(mapping.family.shoulders) * [side, 1, 1] for side in (1, -1)}
    for side, joint in ((1, "left_collar"), (-1, "right_collar")):
        mirror = np.array([side, 1, 1])
        both = np.stack([_COLLAR * mirror, _SHOULDER * mirror], axis=1)
        part = np.linalg.lstsq(both, shoulders[side] - points["spine3"], rcond=None)[0]
        points[joint] = points["spine3"] + part[0] * _COLLAR * mirror
    points["head"] = points["neck"] + _HEAD * (_neck_length(skeleton, mapping, trunk) / _HEAD[1])
    chest = spine[-1]
    bones_of = {"pelvis": spine[0], "spine1": spine[0], "spine2": spine[-2:][0], "spine3": chest}
    bones_of |= {"left_collar": chest, "right_collar": chest, "neck": chest}
    bones_of["head"] = joints.get("neck", joints.get("head", chest))
    return {
        joint: Holder(bone, stance.frames[bone].T @ (points[joint] - stance.positions[bone]))
        for joint, bone in bones_of.items()
    }


def _virtual_neck(at: dict[str, np.ndarray], hips: Float[np.ndarray, "3"]) -> Float[np.ndarray, "3"]:
    """Where the neck joint is on a skeleton without one."""
    centred = np.array([0, 1, 1])
    middle = (at["left_shoulder"] + at["right_shoulder"]) / 2 * centred
    if "head" in at:
        return np.asarray(middle + _NECK_TO_HEAD * (at["head"] * centred - middle))
    return np.asarray(middle + _NECK_ABOVE * (middle - hips))


def _neck_length(skeleton: SourceSkeleton, mapping: JointMapping, trunk: Float[np.ndarray, "3"]) -> float:
    joints = mapping.joints
    if "head" in joints and "neck" in joints:
        path = skeleton.path(joints["head"])
        if joints["neck"] in path[:-1]:
            offsets = skeleton.offsets[path[path.index(joints["neck"]) + 1 :]]
            if (length := float(np.linalg.norm(offsets, axis=-1).sum())) > 0:
                return length
    return 0.2 * float(np.linalg.norm(trunk))


def _feet(
    source: SourceMotion, mapping: JointMapping, stance: Stance, up: Float[np.ndarray, "3"]
) -> dict[str, Holder]:
    """Balls of the feet on the foot bones, which are turned up to the pitch of a flat foot."""
    holders = {}
    skeleton, joints, family = source.skeleton, mapping.joints, mapping.family
    for side in ("left", "right"):
        ankle = joints[f"{side}_ankle"]
        shin = stance.positions[ankle] - stance.positions[joints[f"{side}_knee"]]
        offset = _ball_offset(skeleton, ankle, joints.get(f"{side}_foot"))
        if offset is None:
            bone = np.array([0, -np.sin(_FLAT_FOOT), np.cos(_FLAT_FOOT)]) * 0.35 * np.linalg.norm(shin)
            holders[f"{side}_foot"] = Holder(ankle, stance.frames[ankle].T @ bone)
            continue
        left = stance.frames[ankle].T[:, 0]
        if family.toe_lift_deg is not None:
            lift = np.radians(family.toe_lift_deg)
        elif stance.feet_flat:
            bone = stance.frames[ankle] @ offset
            lift = max(0.0, np.arctan2(-bone[1], np.hypot(bone[0], bone[2])) - _FLAT_FOOT)
        else:
            pitch, left = _standing_foot(source, ankle, offset, up)
            lift = max(0.0, pitch - _FLAT_FOOT)
        holders[f"{side}_foot"] = Holder(ankle, quat_to_matrix(axis_angle_to_quat(-lift * left)) @ offset)
    return holders


def _standing_foot(
    source: SourceMotion, ankle: int, offset: Float[np.ndarray, "3"], up: Float[np.ndarray, "3"]
) -> tuple[float, Float[np.ndarray, "3"]]:
    """Pitch below the horizontal of a foot bone that rests on the floor, and the person's left in its axes.

    A foot rests in the fifth of the frames in which ankle and ball move least.
    """
    position, rotation = source.world(ankle)
    bone = quat_rotate(rotation, offset)
    path = position + bone / 2
    speed = np.linalg.norm(np.gradient(path, axis=0), axis=-1) if len(path) > 1 else np.zeros(1)
    still = np.argsort(speed, kind="stable")[: max(1, len(path) // 5)]
    pitch = float(np.median(np.arcsin(np.clip(-bone[still] @ up / np.linalg.norm(offset), -1, 1))))
    left = quat_rotate(quat_conjugate(rotation[still]), np.cross(up, bone[still])).mean(0)
    return pitch, left / max(float(np.linalg.norm(left)), 1e-9)


def _ball_offset(skeleton: SourceSkeleton, ankle: int, ball: int | None) -> Float[np.ndarray, "3"] | None:
    """The ball of the foot in the foot's axes, over joints between that do not turn; None where there is no bone."""
    if ball is None:
        below = [child for child, parent in enumerate(skeleton.parents) if parent == ankle]
        ball = next((child for child in below if np.linalg.norm(skeleton.offsets[child]) > 0), None)
    if ball is None or ankle not in (path := skeleton.path(ball))[:-1]:
        return None
    offset = np.zeros(3)
    between = path[path.index(ankle) + 1 :]
    for joint in between:
        offset = offset + _in_ankle_axes(skeleton, ankle, joint)
    return offset if np.linalg.norm(offset) > 0 else None


def _in_ankle_axes(skeleton: SourceSkeleton, ankle: int, joint: int) -> Float[np.ndarray, "3"]:
    if skeleton.rest_rotations is None:
        return np.asarray(skeleton.offsets[joint])
    world = quat_rotate(skeleton.rest_rotations[skeleton.parents[joint]], skeleton.offsets[joint])
    return quat_rotate(quat_conjugate(skeleton.rest_rotations[ankle]), world)
