"""The mesh of a character: its skinned vertices in the rest pose.

Legend: N nodes, V vertices; positions in the character's own unit and world.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from bimotion.motion.formats.gltf_file import GltfFile


@dataclass(frozen=True)
class Skin:
    """The vertices of a character's meshes in the rest pose."""

    positions: Float[np.ndarray, "V 3"]
    nodes: Int[np.ndarray, "V"]
    """The node that each vertex follows most."""


def gltf_skin(file: GltfFile, world: Float[np.ndarray, "N 4 4"]) -> Skin | None:
    """All skinned vertices in the rest pose."""
    positions, owners = [], []
    for node in file.document.get("nodes", []):
        if "mesh" not in node or "skin" not in node:
            continue
        skin = file.document["skins"][node["skin"]]
        joints = np.array(skin["joints"])
        matrices = world[joints]
        if "inverseBindMatrices" in skin:
            inverse = file.array(skin["inverseBindMatrices"]).reshape(-1, 4, 4).transpose(0, 2, 1)
            matrices = matrices @ inverse[: len(joints)]
        for primitive in file.document["meshes"][node["mesh"]]["primitives"]:
            attributes = primitive["attributes"]
            if not {"POSITION", "JOINTS_0", "WEIGHTS_0"} <= attributes.keys():
                continue
            if "bufferView" not in file.document["accessors"][attributes["POSITION"]]:
                continue  # compressed by an extension
            points = file.array(attributes["POSITION"]).astype(np.float64)
            index = file.array(attributes["JOINTS_0"]).astype(int)
            weights = file.array(attributes["WEIGHTS_0"]).astype(np.float64)
            moved = sum(
                weights[:, k, None]
                * (
                    np.einsum("vij,vj->vi", matrices[index[:, k], :3, :3], points)
                    + matrices[index[:, k], :3, 3]
                )
                for k in range(4)
            )
            positions.append(np.asarray(moved) / np.maximum(weights.sum(1, keepdims=True), 1e-9))
            owners.append(joints[index[np.arange(len(index)), weights.argmax(1)]])
    if not positions:
        return None
    return Skin(np.concatenate(positions), np.concatenate(owners))
