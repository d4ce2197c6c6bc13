"""Characters of different builds and rest poses as glTF files: a skeleton with turned bones, and a box on each bone."""

from dataclasses import dataclass

import numpy as np

from bimotion.motion.formats.gltf_file import GltfFile
from bimotion.motion.formats.joint_names import NAMES
from bimotion.motion.rotations import axis_angle_to_quat, quat_conjugate, quat_multiply, quat_rotate
from bimotion.motion.skeleton import JOINT_NAMES, MIRROR, PARENTS, REST_OFFSETS


@dataclass(frozen=True)
class Build:
    """What a character is like; lengths relative to the mean person's."""

    legs: float = 1.0
    arms: float = 1.0
    shins: float = 1.0
    """Length of the shins beside that of the thighs."""
    arm_drop: float = 0.0
    """How far the arms hang below the horizontal in the rest pose, radians."""
    girth: float = 0.1
    """Half the width of the trunk, metres."""
    yaw: float = 0.0
    """Where it faces, radians from +Z."""
    scale: float = 1.0
    """Of the node above the skeleton, whose children are in units of 1 / scale."""
    names: str = "mixamo"


BUILDS = {
    "tall T-pose": Build(legs=1.25, arms=1.05),
    "child in A-pose, in centimetres": Build(legs=0.6, arms=0.7, arm_drop=0.8, scale=0.01),
    "giant facing backwards": Build(legs=2.4, arms=2.6, arm_drop=0.4, yaw=np.pi, names="unreal", girth=0.3),
    "long shins": Build(legs=0.95, shins=1.12, arm_drop=0.2, names="unreal"),
}


def rest_positions(build: Build) -> np.ndarray:
    """The joints in the rest pose, standing on the floor, facing +Z, metres."""
    offsets = REST_OFFSETS.copy()
    for joint, name in enumerate(JOINT_NAMES):
        part = name.partition("_")[2]
        factor = build.arms if part in ("elbow", "wrist") else build.legs
        offsets[joint] *= factor * (build.shins if part == "ankle" else 1.0)
        if part in ("elbow", "wrist"):
            side = 1 if name.startswith("left") else -1
            drop = axis_angle_to_quat(np.array([0.0, 0.0, -side * build.arm_drop]))
            offsets[joint] = quat_rotate(drop, offsets[joint])
    rest = np.zeros((22, 3))
    for joint, parent in enumerate(PARENTS[1:], 1):
        rest[joint] = rest[parent] + offsets[joint]
    rest[:, 1] += 0.03 * build.legs - rest[:, 1].min()
    np.testing.assert_allclose(rest[MIRROR] * [-1, 1, 1], rest, atol=1e-9)
    return rest


def gltf_character(build: Build) -> GltfFile:
    """A glTF file with such a character."""
    turn = axis_angle_to_quat(np.array([0.0, build.yaw, 0.0]))
    rest = quat_rotate(turn, rest_positions(build))
    rng = np.random.default_rng(0)
    world = axis_angle_to_quat(rng.normal(scale=0.7, size=(22, 3)))  # bones have axes of their own
    file = GltfFile({"asset": {"version": "2.0"}, "scene": 0})
    nodes = [{"name": "Armature", "scale": [build.scale] * 3, "children": [1]}]
    for joint, parent in enumerate(PARENTS):
        above, start = (
            (world[parent], rest[parent]) if parent >= 0 else (np.array([1.0, 0, 0, 0]), np.zeros(3))
        )
        offset = quat_rotate(quat_conjugate(above), rest[joint] - start) / build.scale
        w, x, y, z = quat_multiply(quat_conjugate(above), world[joint])
        node = {"name": NAMES[build.names][joint], "translation": offset.tolist(), "rotation": [x, y, z, w]}
        if children := [child + 1 for child, p in enumerate(PARENTS) if p == joint]:
            node["children"] = children
        nodes.append(node)
    nodes.append({"name": "Body", "mesh": 0, "skin": 0})
    file.document |= {"nodes": nodes, "scenes": [{"nodes": [0, 23]}]}
    points, joints = _boxes(rest, build, turn)
    points, joints = (rows[: len(rows) // 3 * 3] for rows in (points, joints))  # whole triangles
    inverse = np.zeros((22, 4, 4), dtype=np.float32)
    for joint in range(22):
        back = quat_conjugate(world[joint])
        inverse[joint, :3, :3] = (
            np.stack([quat_rotate(back, axis) for axis in np.eye(3)], axis=1) / build.scale
        )
        inverse[joint, :3, 3] = -quat_rotate(back, rest[joint]) / build.scale
        inverse[joint, 3, 3] = 1
    weights = np.tile(np.array([1, 0, 0, 0], dtype=np.float32), (len(points), 1))
    index = np.zeros((len(points), 4), dtype=np.uint8)
    index[:, 0] = joints
    attributes = {
        "POSITION": file.add(points.astype(np.float32), "VEC3", bounds=True),
        "JOINTS_0": file.add(index, "VEC4"),
        "WEIGHTS_0": file.add(weights, "VEC4"),
    }
    file.document |= {
        "meshes": [{"name": "Body", "primitives": [{"attributes": attributes, "material": 0}]}],
        "materials": [{"name": "Cloth", "pbrMetallicRoughness": {"baseColorFactor": [0.2, 0.4, 0.6, 1]}}],
        "skins": [
            {
                "joints": list(range(1, 23)),
                "inverseBindMatrices": file.add(inverse.transpose(0, 2, 1).reshape(22, 16), "MAT4"),
            }
        ],
    }
    return file


def _boxes(rest: np.ndarray, build: Build, turn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points around each joint and along its bones: a trunk of some girth, thin limbs, soles on the floor."""
    rng = np.random.default_rng(1)
    points, joints = [], []
    for joint, parent in enumerate(PARENTS):
        trunk = JOINT_NAMES[joint] in ("pelvis", "spine1", "spine2", "spine3", "neck")
        count = 60 if trunk else 20
        along = rng.random((count, 1))
        start = rest[parent] if parent >= 0 else rest[joint]
        width = np.array([build.girth, 0.02, 0.7 * build.girth]) if trunk else np.full(3, 0.03 * build.legs)
        noise = quat_rotate(turn, rng.uniform(-1, 1, (count, 3)) * width)
        cloud = start + along * (rest[joint] - start) + noise
        cloud[:, 1] = np.maximum(cloud[:, 1], 0)
        points.append(cloud)
        joints.append(np.full(count, max(parent, 0)))
    for side, foot in ((1, 10), (-1, 11)):  # heel, ball and toes touch the floor
        ahead = quat_rotate(turn, np.array([0.0, 0.0, 1.0]))
        across = quat_rotate(turn, np.array([1.0, 0.0, 0.0])) * side
        for back in np.linspace(-0.2, 0.06, 14):
            for out in (-0.03, 0.0, 0.03):
                spot = rest[foot] + build.legs * (back * ahead + out * across)
                points.append((spot * [1, 0, 1])[None])
                joints.append(np.array([foot if back > 0 else foot - 3]))
    return np.concatenate(points), np.concatenate(joints)
