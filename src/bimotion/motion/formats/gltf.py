"""Writing binary glTF 2.0 (.glb): the web viewer's figure, skinned on the 22 joints, with the clip as animation.

Metres, Y up, facing +Z, as glTF requires. The rest pose is a T-pose over the origin. The figure is raised by the
thickness of its soles, so that the soles, not the joints, are at the height of the clip's lowest joints.

Source: Khronos Group, glTF 2.0 specification; VRMC_vrm_animation 1.0 for the humanoid of VRM names.
"""

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from bimotion.motion.body import Mesh, body_mesh
from bimotion.motion.clip import Clip
from bimotion.motion.formats.bvh_writer import split_root
from bimotion.motion.formats.gltf_file import GltfFile
from bimotion.motion.formats.joint_names import NAMES, ROOT_NAMES
from bimotion.motion.formats.write_options import WriteOptions
from bimotion.motion.kinematics import Pose, clip_to_pose, global_rotations
from bimotion.motion.rotations import quat_to_matrix
from bimotion.motion.skeleton import CHILDREN, NUM_JOINTS, PARENTS

_VERTICES, _INDICES = 34962, 34963
_COLOURS = {
    "torso": (0.66, 0.70, 0.75),
    "left": (0.03, 0.20, 0.78),
    "right": (0.85, 0.15, 0.03),
    "head": (0.79, 0.81, 0.85),
    "visor": (0.02, 0.025, 0.04),
}
"""Linear base colours of the pages: left blue, right orange."""


def write_glb(clip: Clip, path: str | Path, options: WriteOptions | None = None) -> None:
    """Write the clip as an animated figure; the animation is named by the caption, or else the name.

    Bones are of constant length. With `root_bone` the pelvis is the child of a bone on the floor.
    """
    options = options or WriteOptions()
    clip = options.edit(clip)
    pose, fps = clip_to_pose(clip), clip.fps
    if options.fps is not None:
        pose, fps = pose.resample(clip.fps, options.fps), options.fps
    file = GltfFile({"asset": {"version": "2.0", "generator": "bimotion"}, "scene": 0})
    rest = pose.rest()
    rest[:, 1] -= rest[:, 1].min()
    mesh = body_mesh(rest)
    below = -float(mesh.positions[:, 1].min())
    pose.root[:, 1] += _sole(pose, mesh, rest)
    _skeleton(file, rest + [0.0, below, 0.0], NAMES[options.names])
    _figure(file, mesh, below, rest)
    name = clip.caption or clip.name or "motion"
    _animation(file, pose, fps, name, ROOT_NAMES[options.names] if options.root_bone else None)
    if options.names == "vrm":
        bones = {bone: {"node": node} for node, bone in enumerate(NAMES["vrm"])}
        file.document["extensions"] = {
            "VRMC_vrm_animation": {"specVersion": "1.0", "humanoid": {"humanBones": bones}}
        }
        file.document["extensionsUsed"] = ["VRMC_vrm_animation"]
    file.document["extras"] = {"fps": fps, "caption": clip.caption, "name": clip.name}
    file.save(path)


def _sole(pose: Pose, mesh: Mesh, rest: Float[np.ndarray, "J 3"]) -> float:
    """How far the figure's soles are below the clip's lowest joints, over all but 5 % of the frames."""
    joints = pose.joints()
    lowest = mesh.lowest(quat_to_matrix(global_rotations(pose.rotations)), joints, rest)
    return float(np.percentile(joints[..., 1].min(1), 5) - np.percentile(lowest, 5))


def _skeleton(file: GltfFile, rest: Float[np.ndarray, "J 3"], names: tuple[str, ...]) -> None:
    nodes = []
    for joint, parent in enumerate(PARENTS):
        offset = rest[joint] - (rest[parent] if parent >= 0 else 0)
        node: dict[str, Any] = {"name": names[joint], "translation": offset.tolist()}
        if CHILDREN[joint]:
            node["children"] = list(CHILDREN[joint])
        nodes.append(node)
    nodes.append({"name": "figure", "mesh": 0, "skin": 0})
    file.document |= {"nodes": nodes, "scenes": [{"nodes": [0, NUM_JOINTS]}]}
    inverse = np.tile(np.eye(4, dtype=np.float32), (NUM_JOINTS, 1, 1))
    inverse[:, 3, :3] = -rest  # glTF's matrices are stored column by column
    matrices = file.add(inverse.reshape(NUM_JOINTS, 16), "MAT4")
    file.document["skins"] = [
        {"inverseBindMatrices": matrices, "skeleton": 0, "joints": list(range(NUM_JOINTS))}
    ]


def _figure(file: GltfFile, mesh: Mesh, below: float, rest: Float[np.ndarray, "J 3"]) -> None:
    """One mesh whose parts share their vertices, so that it is shaded smoothly across colours."""
    positions = (mesh.positions + [0.0, below, 0.0]).astype(np.float32)
    attributes = {
        "POSITION": file.add(positions, "VEC3", target=_VERTICES, bounds=True),
        "NORMAL": file.add(mesh.normals.astype(np.float32), "VEC3", target=_VERTICES),
        "JOINTS_0": file.add(mesh.joints.astype(np.uint8), "VEC4", target=_VERTICES),
        "WEIGHTS_0": file.add(mesh.weights.astype(np.uint8), "VEC4", target=_VERTICES),
    }
    file.document["accessors"][attributes["WEIGHTS_0"]]["normalized"] = True
    primitives = [
        {
            "attributes": attributes,
            "indices": file.add(mesh.indices[name].astype(np.uint16), "SCALAR", target=_INDICES),
            "material": number,
        }
        for number, name in enumerate(_COLOURS)
    ]
    file.document["meshes"] = [{"name": "figure", "primitives": primitives}]
    file.document["materials"] = [
        {
            "name": name,
            "pbrMetallicRoughness": {
                "baseColorFactor": [*colour, 1.0],
                "metallicFactor": 0.0,
                "roughnessFactor": 0.25 if name == "visor" else 0.6,
            },
        }
        for name, colour in _COLOURS.items()
    ]


def _animation(file: GltfFile, pose: Pose, fps: float, name: str, root_name: str | None) -> None:
    times = file.add((np.arange(len(pose.root)) / fps).astype(np.float32), "SCALAR", bounds=True)
    samplers: list[dict[str, Any]] = []
    channels: list[dict[str, Any]] = []

    def track(node: int, path: str, values: np.ndarray, kind: str) -> None:
        output = file.add(values.astype(np.float32), kind)
        channels.append({"sampler": len(samplers), "target": {"node": node, "path": path}})
        samplers.append({"input": times, "output": output, "interpolation": "LINEAR"})

    if root_name is not None:
        root, turn, pose = split_root(pose, fps)
        nodes = file.document["nodes"]
        file.document["scenes"][0]["nodes"] = [len(nodes), NUM_JOINTS]
        file.document["skins"][0]["skeleton"] = len(nodes)
        track(len(nodes), "translation", root, "VEC3")
        track(len(nodes), "rotation", turn[:, [1, 2, 3, 0]], "VEC4")
        nodes.append({"name": root_name, "children": [0]})
    track(0, "translation", pose.root, "VEC3")
    for joint in range(NUM_JOINTS):
        track(joint, "rotation", pose.rotations[:, joint, [1, 2, 3, 0]], "VEC4")
    file.document["animations"] = [{"name": name, "samplers": samplers, "channels": channels}]
