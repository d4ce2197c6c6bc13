"""The target character of retargeting: its skeleton in the rest pose, the roles of its joints, and its mesh.

N nodes, V vertices of the mesh; lengths in the character's own unit, positions and rotations in its own world.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from bimotion.errors import MotionFileError
from bimotion.motion.formats.gltf_file import GltfFile
from bimotion.motion.retarget.joint_mapping import LIMBS
from bimotion.motion.retarget.mapping import map_joints
from bimotion.motion.retarget.skin import Skin, gltf_skin
from bimotion.motion.retarget.source import SourceMotion, SourceSkeleton
from bimotion.motion.retarget.stance import rest_axes
from bimotion.motion.retarget.tree import common_ancestor, path_to
from bimotion.motion.rotations import matrix_to_quat, quat_conjugate, quat_multiply, quat_rotate

CHARACTERS: tuple[str, ...] = (".bvh", ".glb", ".gltf", ".vrm")
"""Suffixes of files that hold a character."""

_VRM_JOINTS = {
    "hips": "pelvis",
    "spine": "spine1",
    "chest": "spine2",
    "upperChest": "spine3",
    "neck": "neck",
    "head": "head",
} | {
    f"{side}{bone}": f"{side}_{joint}"
    for side in ("left", "right")
    for bone, joint in (
        ("Shoulder", "collar"),
        ("UpperArm", "shoulder"),
        ("LowerArm", "elbow"),
        ("Hand", "wrist"),
        ("UpperLeg", "hip"),
        ("LowerLeg", "knee"),
        ("Foot", "ankle"),
        ("Toes", "foot"),
    )
}


@dataclass(frozen=True)
class Character:
    """A humanoid skeleton in a reference pose: its rest pose if that is upright, else the most upright frame of its
    file.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    positions: Float[np.ndarray, "N 3"]
    rotations: Float[np.ndarray, "N 4"]
    joints: dict[str, int]
    """Node of each of our joints; torso joints where the file has them."""
    trunk: tuple[int, ...]
    """Nodes from the parent of both hips up to the parent of both shoulders."""
    axes: Float[np.ndarray, "3 3"]
    """Columns: the character's left, up and forward."""
    skin: Skin | None = None
    order: tuple[int, ...] = ()
    """Nodes, parents before their children."""

    def offsets(self) -> Float[np.ndarray, "N 3"]:
        """Each node from its parent, in the axes of its parent."""
        parents = np.maximum(self.parents, 0)
        return quat_rotate(quat_conjugate(self.rotations[parents]), self.positions - self.positions[parents])

    def local_rotations(self) -> Float[np.ndarray, "N 4"]:
        """Rotation of each node against its parent."""
        parents = np.maximum(self.parents, 0)
        local = quat_multiply(quat_conjugate(self.rotations[parents]), self.rotations)
        return np.where((np.array(self.parents) < 0)[:, None], self.rotations, local)

    def length(self, *joints: str) -> float:
        """Length of a chain of joints along its bones."""
        points = self.positions[[self.joints[joint] for joint in joints]]
        return float(np.linalg.norm(np.diff(points, axis=0), axis=-1).sum())

    def floor(self) -> float:
        """Height of the floor under the character's feet: its lowest vertex, or a little below its lowest joint."""
        up = self.axes[:, 1]
        if self.skin is not None:
            return float((self.skin.positions @ up).min())
        feet = [
            self.joints[joint]
            for joint in ("left_foot", "right_foot", "left_ankle", "right_ankle")
            if joint in self.joints
        ]
        lowest = float((self.positions[feet] @ up).min())
        return lowest - 0.03 * self.length("left_hip", "left_knee", "left_ankle")


def gltf_character(file: GltfFile) -> Character:
    """The character in a glTF file, by its VRM humanoid or by the names and the shape of its nodes.

    Raises:
        MotionFileError: no humanoid skeleton.
    """
    nodes = file.document.get("nodes", [])
    parents = file.parents()
    order = _parents_first(parents)
    world = np.tile(np.eye(4), (len(nodes), 1, 1))
    for node in order:
        local = file.local_matrix(node)
        world[node] = world[parents[node]] @ local if parents[node] >= 0 else local
    scale = np.linalg.norm(world[:, :3, :3], axis=1)
    rotations = matrix_to_quat(world[:, :3, :3] / np.maximum(scale, 1e-12)[:, None, :])
    positions = world[:, :3, 3]
    names = tuple(str(node.get("name", f"node {i}")) for i, node in enumerate(nodes))
    joints = _vrm_joints(file.document)
    if any(joint not in joints for joint in LIMBS):
        source = SourceMotion.at_rest(_flat_skeleton(names, parents, positions, order))
        joints = {joint: order[index] for joint, index in map_joints(source, file.where).joints.items()}
    return _character(
        names, tuple(parents), positions, rotations, joints, gltf_skin(file, world), tuple(order), file.where
    )


def bvh_character(source: SourceMotion, where: str) -> Character:
    """The character of a BVH file: its skeleton in the rest pose, or in its most upright frame.

    Raises:
        MotionFileError: no humanoid skeleton.
    """
    skeleton = source.skeleton
    joints = map_joints(source, where).joints
    count = len(skeleton.names)
    positions, rotations = skeleton.rest_positions(), np.tile([1.0, 0.0, 0.0, 0.0], (count, 1))
    if rest_axes(skeleton, joints) is None:
        source.compute(range(count))
        poses = [source.world(joint) for joint in range(count)]
        frame = _most_upright(np.stack([position for position, _ in poses], axis=1), joints)
        positions = np.stack([position[frame] for position, _ in poses])
        rotations = np.stack([rotation[frame] for _, rotation in poses])
    return _character(
        skeleton.names, skeleton.parents, positions, rotations, joints, None, tuple(range(count)), where
    )


def _farthest_child(joint: int, parents: tuple[int, ...], positions: Float[np.ndarray, "N 3"]) -> int | None:
    """The child at the largest distance from a joint; None without one at another position."""
    children = [child for child, parent in enumerate(parents) if parent == joint]
    distances = {child: float(np.linalg.norm(positions[child] - positions[joint])) for child in children}
    farthest = max(children, key=distances.__getitem__, default=None)
    return farthest if farthest is not None and distances[farthest] > 0 else None


def _character(
    names: tuple[str, ...],
    parents: tuple[int, ...],
    positions: Float[np.ndarray, "N 3"],
    rotations: Float[np.ndarray, "N 4"],
    joints: dict[str, int],
    skin: Skin | None,
    order: tuple[int, ...],
    where: str,
) -> Character:
    hips, chest = (
        common_ancestor(parents, [joints[f"left_{joint}"], joints[f"right_{joint}"]])
        for joint in ("hip", "shoulder")
    )
    base = common_ancestor(parents, [hips, chest])
    if hips < 0 or chest < 0 or base < 0:
        raise MotionFileError(f"{where}: legs and arms are not connected by a spine")
    above = path_to(parents, chest)
    trunk = [hips, *(node for node in above[above.index(base) + 1 :] if node != hips)]
    joints = dict(joints)
    for side in ("left", "right"):
        chain = path_to(parents, joints[f"{side}_shoulder"])
        between = chain[chain.index(chest) + 1 : -1]
        if f"{side}_collar" not in joints and between:
            joints[f"{side}_collar"] = between[0]
        foot = _farthest_child(joints[f"{side}_ankle"], parents, positions)
        if f"{side}_foot" not in joints and foot is not None:
            joints[f"{side}_foot"] = foot
    return Character(
        names, parents, positions, rotations, joints, tuple(trunk), _axes(positions, joints), skin, order
    )


def _axes(positions: Float[np.ndarray, "N 3"], joints: dict[str, int]) -> Float[np.ndarray, "3 3"]:
    """Left, up and forward as columns; up is the axis of the world along which the character stands."""

    def at(*names: str) -> np.ndarray:
        return np.asarray(np.mean([positions[joints[name]] for name in names], axis=0))

    body = at("left_shoulder", "right_shoulder") - at("left_ankle", "right_ankle")
    axis = int(np.abs(body).argmax())
    up = np.sign(body[axis]) * np.eye(3)[axis]
    left = at("left_hip", "left_shoulder") - at("right_hip", "right_shoulder")
    left = left - (left @ up) * up
    left /= np.linalg.norm(left)
    nearest = int(np.abs(left).argmax())
    if abs(left[nearest]) > np.cos(np.radians(8.0)):  # facing along an axis but for a posed shoulder or hip
        left = np.sign(left[nearest]) * np.eye(3)[nearest]
    return np.stack([left, up, np.cross(left, up)], axis=1)


def _most_upright(positions: Float[np.ndarray, "T N 3"], joints: dict[str, int]) -> int:
    """The frame in which trunk and legs are most nearly one straight line."""

    def at(*names: str) -> np.ndarray:
        return np.asarray(np.mean([positions[:, joints[name]] for name in names], axis=0))

    ends = at("left_shoulder", "right_shoulder") - at("left_ankle", "right_ankle")
    return int(np.linalg.norm(ends, axis=-1).argmax())


def _parents_first(parents: list[int]) -> list[int]:
    children: dict[int, list[int]] = {}
    for node, parent in enumerate(parents):
        children.setdefault(parent, []).append(node)
    order = list(children.get(-1, []))
    for node in order:
        order += children.get(node, [])
    return order


def _flat_skeleton(
    names: tuple[str, ...], parents: list[int], positions: Float[np.ndarray, "N 3"], order: list[int]
) -> SourceSkeleton:
    """The nodes, parents first, with bones in the axes of the world."""
    index_of = {node: index for index, node in enumerate(order)}
    above = tuple(index_of[parents[node]] if parents[node] >= 0 else -1 for node in order)
    offsets = [positions[n] - (positions[parents[n]] if parents[n] >= 0 else 0) for n in order]
    return SourceSkeleton(tuple(names[node] for node in order), above, np.array(offsets).reshape(-1, 3))


def _vrm_joints(document: dict[str, Any]) -> dict[str, int]:
    """Nodes of our joints by the humanoid that a VRM 0 or VRM 1 file states."""
    extensions = document.get("extensions", {})
    if "VRMC_vrm" in extensions:
        bones = extensions["VRMC_vrm"]["humanoid"]["humanBones"]
        found = {bone: fields["node"] for bone, fields in bones.items()}
    elif "VRM" in extensions:
        found = {b["bone"]: b["node"] for b in extensions["VRM"]["humanoid"]["humanBones"]}
    else:
        return {}
    return {_VRM_JOINTS[bone]: int(node) for bone, node in found.items() if bone in _VRM_JOINTS}


def read_character(path: str | Path) -> tuple[Character, GltfFile | None]:
    """The character of a file, and the glTF file that it came from.

    Raises:
        MotionFileError: another suffix, or no humanoid skeleton in it.
    """
    path = Path(path)
    if path.suffix.lower() not in CHARACTERS:
        raise MotionFileError(f"{path}: expected a character: a file that ends in {', '.join(CHARACTERS)}")
    if not path.is_file():
        raise MotionFileError(f"{path}: no such file")
    if path.suffix.lower() == ".bvh":
        from bimotion.motion.formats.bvh import read_bvh

        return bvh_character(read_bvh(path), str(path)), None
    file = GltfFile.load(path)
    return gltf_character(file), file
