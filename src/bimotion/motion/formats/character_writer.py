"""Writing a character with motions: its glTF file with added animations, or its BVH skeleton with motion.

T frames, N nodes of the character.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from bimotion.errors import MotionFileError
from bimotion.motion.clip import Clip
from bimotion.motion.formats.bvh_writer import POSITIONS, ROTATIONS, smooth_angles, write_channels
from bimotion.motion.formats.gltf_file import GltfFile
from bimotion.motion.kinematics import without_jumps
from bimotion.motion.retarget.character import Character, read_character
from bimotion.motion.retarget.node_motion import NodeMotion
from bimotion.motion.retarget.onto_character import clip_to_node_motion
from bimotion.motion.rotations import quat_conjugate, quat_multiply, quat_to_matrix

_END = "_end"
"""Suffix of the name of an end site."""


@dataclass(frozen=True)
class NamedMotion:
    """A motion of the character, as an animation clip of this name."""

    name: str
    motion: NodeMotion
    fps: float


def write_character(path: str | Path, clips: Sequence[Clip], character_path: str | Path) -> None:
    """Put the clips on the character of a file and write it.

    Raises:
        MotionFileError: no humanoid in the character's file, no clip, or a suffix that does not fit the character.
    """
    path = Path(path)
    character, file = read_character(character_path)
    allowed = (".bvh",) if file is None else (".glb", ".vrm")
    if path.suffix.lower() not in allowed:
        raise MotionFileError(
            f"{path}: a {Path(character_path).suffix} character is written to {' or '.join(allowed)}"
        )
    if not clips or (file is None and len(clips) > 1):
        raise MotionFileError(
            f"{path}: expected {'one motion' if file is None else 'motions'}, got {len(clips)}"
        )
    names = _unique([clip.caption or clip.name or "motion" for clip in clips])
    motions = [
        NamedMotion(name, clip_to_node_motion(clip, character), clip.fps)
        for name, clip in zip(names, clips, strict=True)
    ]
    if file is None:
        write_bvh_character(path, character, motions[0])
    else:
        write_gltf_character(path, file, character, motions)


def _unique(names: list[str]) -> list[str]:
    """The names, with numbers appended to those that occur more than once."""
    counts = Counter(names)
    seen = Counter[str]()
    out = []
    for name in names:
        seen[name] += 1
        out.append(f"{name} {seen[name]}" if counts[name] > 1 else name)
    return out


def write_gltf_character(
    path: str | Path, file: GltfFile, character: Character, motions: Sequence[NamedMotion]
) -> None:
    """Write the glTF file with one more animation for each motion, before the existing ones.

    Meshes, materials, extensions and everything else stay as they are.
    """
    for node in {node for named in motions for node in named.motion.rotations} | {character.trunk[0]}:
        file.use_trs(node)
    added = [_animation(file, character, named) for named in motions]
    document = file.document
    document["animations"] = added + document.get("animations", [])
    document["asset"]["generator"] = "bimotion"
    file.save(path)


def _animation(file: GltfFile, character: Character, named: NamedMotion) -> dict[str, Any]:
    motion = named.motion
    num_frames = len(motion.hips)
    positions, world = motion.world(character)
    times = file.add((np.arange(num_frames) / named.fps).astype(np.float32), "SCALAR", bounds=True)
    samplers: list[dict[str, Any]] = []
    channels: list[dict[str, Any]] = []

    def track(node: int, path: str, values: np.ndarray, kind: str) -> None:
        channels.append({"sampler": len(samplers), "target": {"node": node, "path": path}})
        output = file.add(values.astype(np.float32), kind)
        samplers.append({"input": times, "output": output, "interpolation": "LINEAR"})

    hips = character.trunk[0]
    track(hips, "translation", _in_parent(file, character, hips, positions[:, hips]), "VEC3")
    nodes = sorted(motion.rotations)
    local = [_local(character, world, node) for node in nodes]
    for node, rotation in zip(nodes, np.moveaxis(without_jumps(np.stack(local, axis=1)), 1, 0), strict=True):
        track(node, "rotation", rotation[:, [1, 2, 3, 0]], "VEC4")
    return {"name": named.name, "samplers": samplers, "channels": channels}


def _local(character: Character, world: Float[np.ndarray, "T N 4"], node: int) -> Float[np.ndarray, "T 4"]:
    parent = character.parents[node]
    if parent < 0:
        return world[:, node]
    return quat_multiply(quat_conjugate(world[:, parent]), world[:, node])


def _in_parent(
    file: GltfFile, character: Character, node: int, positions: Float[np.ndarray, "T 3"]
) -> Float[np.ndarray, "T 3"]:
    """World positions in the axes and the scale of the node's parent, which does not move."""
    parent = character.parents[node]
    matrix = np.eye(4)
    while parent >= 0:
        matrix = file.local_matrix(parent) @ matrix
        parent = character.parents[parent]
    inverse = np.linalg.inv(matrix)
    return np.asarray(positions @ inverse[:3, :3].T + inverse[:3, 3])


def write_bvh_character(path: str | Path, character: Character, named: NamedMotion) -> None:
    """Write the motion on the character's BVH skeleton, with its names, offsets and unit; the root alone moves."""
    _, world = named.motion.world(character)
    root, hips = character.order[0], character.trunk[0]
    joints = [node for node in character.order if not character.names[node].endswith(_END)]
    angles = smooth_angles(
        quat_to_matrix(np.stack([_local(character, world, node) for node in joints], axis=1))
    )
    position = named.motion.hips + (character.positions[root] - character.positions[hips])
    values = np.concatenate([position, angles.reshape(len(angles), -1)], axis=1)
    lines = _hierarchy(character, root, character.offsets(), 0)
    write_channels(path, "".join(lines), values, named.fps)


def _hierarchy(character: Character, node: int, offsets: Float[np.ndarray, "N 3"], depth: int) -> list[str]:
    indent = "  " * depth
    x, y, z = offsets[node] if depth else np.zeros(3)
    offset = f"{indent}  OFFSET {x:.6f} {y:.6f} {z:.6f}\n"
    if character.names[node].endswith(_END):
        return [f"{indent}End Site\n{indent}{{\n", offset, f"{indent}}}\n"]
    lines = [
        f"{indent}{'JOINT' if depth else 'ROOT'} {character.names[node]}\n{indent}{{\n",
        offset,
        f"{indent}  CHANNELS {'3' if depth else f'6 {POSITIONS}'} {ROTATIONS}\n",
    ]
    for child in (child for child in character.order if character.parents[child] == node):
        lines += _hierarchy(character, child, offsets, depth + 1)
    return [*lines, f"{indent}}}\n"]
