"""Motion on any human skeleton as 22 SMPL joints in metres, Y up.

Limbs are the file's own joints. What SMPL has between pelvis and neck, and most skeletons have elsewhere or
not at all (a pelvis above the line of the hips, three spine joints, collars), are points held by the bones of
the file's spine; so are the head joint and, where it must be turned, the ball of the foot. Each is placed so
that standing upright gives the bone directions of the SMPL rest pose: HumanML3D's features keep directions
and put every motion on one skeleton, so directions must agree and lengths need not.

Body coordinates below are (left, up, forward) of the standing person.
"""

import numpy as np
from jaxtyping import Float

from bimotion.errors import MotionFileError
from bimotion.motion.clip import Clip
from bimotion.motion.retarget.joint_tables import EXACT_TABLES, NEEDED, TABLES, JointTable, plain_name
from bimotion.motion.retarget.reference import Poses, Stance, about_left, find_stance, rest_axes, world_up
from bimotion.motion.retarget.source import SourceMotion, SourceSkeleton
from bimotion.motion.retarget.units import metres_per_unit
from bimotion.motion.rotations import axis_angle_to_quat, quat_to_matrix
from bimotion.motion.skeleton import JOINT_NAMES, NUM_JOINTS, REST_OFFSETS

_HIP, _HEAD, _COLLAR, _SHOULDER = (
    REST_OFFSETS[JOINT_NAMES.index(joint)] for joint in ("left_hip", "head", "left_collar", "left_shoulder")
)
_SPINE = REST_OFFSETS[[JOINT_NAMES.index(joint) for joint in ("spine1", "spine2", "spine3", "neck")]]

_FLOOR_SLACK = 0.5
"""A body whose lowest point is farther than this from y = 0, in metres, is put on the floor: some exports
measure the root from its place in the rest pose."""

_FLAT_FOOT = np.radians(20.0)
"""How far below the horizontal a foot bone points in HumanML3D and CMU when the foot stands flat."""


def motion_to_clip(
    source: SourceMotion,
    *,
    where: str,
    name: str = "",
    joint_map: dict[str, str] | None = None,
    unit: str | None = None,
) -> Clip:
    """The clip of a recorded motion; `where` stands before the text of errors.

    Raises:
        MotionFileError: the skeleton lacks a joint that cannot be placed, or its unit cannot be told.
    """
    table, joints = match_joints(source.skeleton, where, joint_map)
    positions, up = place_joints(source, table, joints)
    body = body_length(positions)
    positions *= source.metres if source.metres and unit is None else metres_per_unit(body, unit, where)
    if up[2] == 1:
        positions = positions[..., [0, 2, 1]] * [1, 1, -1]
    lowest = np.percentile(positions[..., 1].min(-1), 1)
    if table not in EXACT_TABLES and abs(lowest) > _FLOOR_SLACK:
        positions[..., 1] -= lowest
    return Clip(positions.astype(np.float32), source.fps, name=name)


def match_joints(
    skeleton: SourceSkeleton, where: str, joint_map: dict[str, str] | None = None
) -> tuple[JointTable, dict[str, int]]:
    """The family of a skeleton, and which of its joints is which of ours.

    Raises:
        MotionFileError: no family fits; it says what the nearest one lacks and what the file has.
    """
    by_name: dict[str, int] = {}
    for index, name in enumerate(skeleton.names):
        by_name.setdefault(plain_name(name), index)
    if joint_map is not None:
        return _match_map(skeleton, by_name, where, joint_map)
    best: tuple[int, JointTable, dict[str, int]] | None = None
    for table in (*EXACT_TABLES, *TABLES):
        found = {}
        for joint in JOINT_NAMES:
            hits = [by_name[plain] for c in table.candidates(joint) if (plain := plain_name(c)) in by_name]
            if hits:
                found[joint] = hits[0]
        needed = JOINT_NAMES if table in EXACT_TABLES else NEEDED
        lacking = sum(joint not in found for joint in needed)
        lacking += sum(plain_name(mark) not in by_name for mark in table.marks)
        if lacking == 0:
            return table, found
        if best is None or lacking < best[0]:
            best = lacking, table, found
    assert best is not None
    _, table, found = best
    raise MotionFileError(_lack(skeleton, where, table, found))


def _match_map(
    skeleton: SourceSkeleton, by_name: dict[str, int], where: str, joint_map: dict[str, str]
) -> tuple[JointTable, dict[str, int]]:
    found = {}
    for joint, name in joint_map.items():
        index = skeleton.names.index(name) if name in skeleton.names else by_name.get(plain_name(name))
        if index is None:
            raise MotionFileError(
                f"{where}: {name!r} (joint map: {joint}) is not in the file, which has {_listed(skeleton)}"
            )
        found[joint] = index
    table = JointTable("the joint map", {})
    if any(joint not in found for joint in NEEDED):
        raise MotionFileError(_lack(skeleton, where, table, found))
    return table, found


def _lack(skeleton: SourceSkeleton, where: str, table: JointTable, found: dict[str, int]) -> str:
    missing = ", ".join(joint for joint in NEEDED if joint not in found)
    have = ", ".join(f"{joint} ({skeleton.names[index]})" for joint, index in found.items()) or "none"
    return (
        f"{where}: no joint found for {missing}; found by the names of {table.name}: {have}; the file has "
        f"{_listed(skeleton)}. Say which is which with --joint-map (see docs/formats.md)"
    )


def _listed(skeleton: SourceSkeleton) -> str:
    names = [name for name in skeleton.names if not name.endswith("_end")]
    return ", ".join(names[:60]) + (f" and {len(names) - 60} more" if len(names) > 60 else "")


def body_length(joints: Float[np.ndarray, "T 22 3"]) -> float:
    """Median length from ankle over knee and hip to the neck, along the bones."""

    def length(a: str, b: str) -> float:
        bone = joints[:, JOINT_NAMES.index(a)] - joints[:, JOINT_NAMES.index(b)]
        return float(np.median(np.linalg.norm(bone, axis=-1)))

    legs = [length(f"{s}_hip", f"{s}_knee") + length(f"{s}_knee", f"{s}_ankle") for s in ("left", "right")]
    hips = (joints[:, 1] + joints[:, 2]) / 2
    return sum(legs) / 2 + float(
        np.median(np.linalg.norm(joints[:, JOINT_NAMES.index("neck")] - hips, axis=-1))
    )


def place_joints(
    source: SourceMotion, table: JointTable, joints: dict[str, int]
) -> tuple[Float[np.ndarray, "T 22 3"], Float[np.ndarray, "3"]]:
    """Positions of our joints in the file's unit, and the axis that is up."""
    skeleton = source.skeleton
    spine = _spine(skeleton, joints)
    bones = {*joints.values(), *spine}
    for side in ("left", "right"):
        bones.update(b for b in skeleton.path(joints[f"{side}_shoulder"]) if spine[-1] in skeleton.path(b))
    poses = Poses.of(source, bones)
    # the names are those that bimotion writes, Y up: people in such a file may well lie down
    own = table is EXACT_TABLES[0] and (rest := rest_axes(skeleton, joints)) is not None and rest[1, 1] == 1
    up = np.array([0.0, 1.0, 0.0]) if own else world_up(joints, poses)
    out = np.empty((source.num_frames, NUM_JOINTS, 3))
    missing = [joint for joint in JOINT_NAMES if joint not in joints or _is_virtual(joint, table)]
    for joint in set(JOINT_NAMES) - set(missing):
        out[:, JOINT_NAMES.index(joint)] = poses.position(joints[joint])
    if missing:
        stance = find_stance(source, joints, poses, table, spine[0])
        holders = _torso(skeleton, joints, spine, stance, table)
        holders |= _feet(skeleton, joints, stance, poses, table)
        for joint in missing:
            bone, offset = holders[joint]
            out[:, JOINT_NAMES.index(joint)] = poses.position(bone) + poses.rotation(bone) @ offset
    return out, up


def _is_virtual(joint: str, table: JointTable) -> bool:
    """Heads and feet of known families are placed as the torso is; a joint map's are taken as they are."""
    return table in TABLES and joint in ("head", "left_foot", "right_foot")


def _spine(skeleton: SourceSkeleton, joints: dict[str, int]) -> list[int]:
    """Bones from the one that holds both hips up to the one that holds both shoulders."""
    chest = skeleton.common_ancestor([joints["left_shoulder"], joints["right_shoulder"], joints["neck"]])
    hips = skeleton.common_ancestor([joints["left_hip"], joints["right_hip"]])
    base = skeleton.common_ancestor([hips, chest])
    path = skeleton.path(chest)
    return [hips, *path[path.index(base) + 1 :]] if base != hips else path[path.index(base) :]


def _torso(
    skeleton: SourceSkeleton, joints: dict[str, int], spine: list[int], stance: Stance, table: JointTable
) -> dict[str, tuple[int, np.ndarray]]:
    """For each joint of the torso: the bone that holds it and its place on it."""
    at = {joint: stance.positions[index] for joint, index in joints.items()}
    centred = np.array([0, 1, 1])
    hips = (at["left_hip"] + at["right_hip"]) / 2 * centred
    half_width = abs(at["left_hip"][0] - at["right_hip"][0]) / 2
    places = {"pelvis": hips - _HIP * centred * (half_width / _HIP[0])}
    trunk, rest = (at["neck"] - places["pelvis"]) * centred, _SPINE.sum(0)
    lean = np.arctan2(trunk[2], trunk[1]) - np.arctan2(rest[2], rest[1])
    bones = _SPINE @ about_left(lean).T * (np.linalg.norm(trunk) / np.linalg.norm(rest))
    for joint, place in zip(
        ("spine1", "spine2", "spine3"), places["pelvis"] + np.cumsum(bones[:3], 0), strict=True
    ):
        places[joint] = place
    shoulders = {1: at["left_shoulder"], -1: at["right_shoulder"]}
    if table.shoulders is not None:
        shoulders = {side: np.array(table.shoulders) * [side, 1, 1] for side in (1, -1)}
    for side, joint in ((1, "left_collar"), (-1, "right_collar")):
        mirror = np.array([side, 1, 1])
        both = np.stack([_COLLAR * mirror, _SHOULDER * mirror], axis=1)
        part = np.linalg.lstsq(both, shoulders[side] - places["spine3"], rcond=None)[0]
        places[joint] = places["spine3"] + part[0] * _COLLAR * mirror
    neck_length = 0.2 * np.linalg.norm(trunk)
    if "head" in joints and joints["neck"] in (path := skeleton.path(joints["head"])):
        neck_length = np.linalg.norm(skeleton.offsets[path[path.index(joints["neck"]) + 1 :]], axis=-1).sum()
    places["head"] = at["neck"] + _HEAD * (neck_length / _HEAD[1])
    holders = {"pelvis": spine[0], "spine1": spine[0], "spine2": spine[-2:][0], "spine3": spine[-1]}
    holders |= {"left_collar": spine[-1], "right_collar": spine[-1], "head": joints["neck"]}
    return {
        joint: (bone, stance.frames[bone].T @ (places[joint] - stance.positions[bone]))
        for joint, bone in holders.items()
    }


def _feet(
    skeleton: SourceSkeleton, joints: dict[str, int], stance: Stance, poses: Poses, table: JointTable
) -> dict[str, tuple[int, np.ndarray]]:
    """Balls of the feet on the foot bones, which are turned up to the pitch of a flat foot."""
    holders = {}
    for side in ("left", "right"):
        ankle = joints[f"{side}_ankle"]
        ball = joints.get(f"{side}_foot", _first_child(skeleton, ankle))
        shin = stance.positions[ankle] - stance.positions[joints[f"{side}_knee"]]
        if ball is None:
            bone = np.array([0, -np.sin(_FLAT_FOOT), np.cos(_FLAT_FOOT)]) * 0.35 * np.linalg.norm(shin)
            holders[f"{side}_foot"] = (ankle, stance.frames[ankle].T @ bone)
            continue
        offset, left = _ankle_offset(skeleton, ankle, ball), stance.frames[ankle].T[:, 0]
        if table.toe_lift_deg is not None:
            lift = np.radians(table.toe_lift_deg)
        elif stance.feet_flat:
            bone = stance.frames[ankle] @ offset
            lift = max(0.0, np.arctan2(-bone[1], np.hypot(bone[0], bone[2])) - _FLAT_FOOT)
        else:
            pitch, left = _standing_foot(poses, ankle, offset, world_up(joints, poses))
            lift = max(0.0, pitch - _FLAT_FOOT)
        holders[f"{side}_foot"] = (ankle, quat_to_matrix(axis_angle_to_quat(-lift * left)) @ offset)
    return holders


def _standing_foot(
    poses: Poses, ankle: int, offset: Float[np.ndarray, "3"], up: Float[np.ndarray, "3"]
) -> tuple[float, Float[np.ndarray, "3"]]:
    """Pitch below the horizontal of a foot bone that rests on the floor, and the person's left in its axes.

    A foot rests in the fifth of the frames in which ankle and ball move least.
    """
    rotation = poses.rotation(ankle)
    bone = rotation @ offset
    path = poses.position(ankle) + bone / 2
    speed = np.linalg.norm(np.gradient(path, axis=0), axis=-1) if len(path) > 1 else np.zeros(1)
    still = np.argsort(speed, kind="stable")[: max(1, len(path) // 5)]
    pitch = float(np.median(np.arcsin(np.clip(-bone[still] @ up / np.linalg.norm(offset), -1, 1))))
    left = np.einsum("tji,tj->ti", rotation[still], np.cross(up, bone[still])).mean(0)
    return pitch, left / max(float(np.linalg.norm(left)), 1e-9)


def _first_child(skeleton: SourceSkeleton, joint: int) -> int | None:
    return next(
        (
            child
            for child, parent in enumerate(skeleton.parents)
            if parent == joint and np.linalg.norm(skeleton.offsets[child]) > 0
        ),
        None,
    )


def _ankle_offset(skeleton: SourceSkeleton, ankle: int, ball: int) -> Float[np.ndarray, "3"]:
    """The ball of the foot in the foot's axes, over joints between that do not turn."""
    path = skeleton.path(ball)
    return np.asarray(skeleton.offsets[path[path.index(ankle) + 1 :]].sum(0))
