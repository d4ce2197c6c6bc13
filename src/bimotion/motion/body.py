"""The figure of the web viewer as one smooth mesh, fitted to a skeleton.

V vertices, I indices (three a triangle), J = 22 joints; metres, in the T-pose of the skeleton's offsets.
The mesh is made from render/static/body.json by tools/make_figure.py.
"""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from jaxtyping import Float, Integer

from bimotion.motion.skeleton import CHILDREN, NUM_JOINTS, PARENTS, REST_OFFSETS, joint_indices

MATERIALS = ("torso", "left", "right", "head", "visor")
"""Parts of the figure by colour."""


@dataclass(frozen=True)
class Mesh:
    """Triangles with outward normals; four joints move each vertex."""

    positions: Float[np.ndarray, "V 3"]
    normals: Float[np.ndarray, "V 3"]
    joints: Integer[np.ndarray, "V 4"]
    weights: Integer[np.ndarray, "V 4"]
    """In 255ths that add up to 255."""
    indices: dict[str, Integer[np.ndarray, "I"]]
    """By material."""

    def lowest(
        self,
        rotations: Float[np.ndarray, "T J 3 3"],
        joints: Float[np.ndarray, "T J 3"],
        rest: Float[np.ndarray, "J 3"],
    ) -> Float[np.ndarray, "T"]:
        """Height of the lowest vertex of the feet in each frame, for world rotations and positions of the joints."""
        feet = joint_indices("left_ankle", "right_ankle", "left_foot", "right_foot")
        foot_vertices = np.flatnonzero(np.isin(self.joints[:, 0], feet))
        points, owners, weights = (
            self.positions[foot_vertices],
            self.joints[foot_vertices],
            self.weights[foot_vertices] / 255,
        )
        heights = np.zeros((len(joints), len(foot_vertices)))
        for k in range(4):
            used = np.flatnonzero(weights[:, k] > 0)
            joint = owners[used, k]
            turned = np.einsum("tvj,vj->tv", rotations[:, joint, 1], points[used] - rest[joint])
            heights[:, used] += weights[used, k] * (turned + joints[:, joint, 1])
        return np.asarray(heights.min(1))


@cache
def _template() -> dict[str, np.ndarray]:
    with (files("bimotion.motion.formats") / "figure.npz").open("rb") as file, np.load(file) as arrays:
        return dict(arrays)


def body_mesh(rest: Float[np.ndarray, "J 3"]) -> Mesh:
    """The figure on a skeleton with joints at `rest`: its thickness scales with the legs, its limbs have the bones'
    lengths.
    """
    template = _template()
    template_rest = np.zeros((NUM_JOINTS, 3))
    for joint, parent in enumerate(PARENTS[1:], 1):
        template_rest[joint] = template_rest[parent] + REST_OFFSETS[joint]
    both_legs = [joint_indices("left_leg"), joint_indices("right_leg")]
    legs = [np.linalg.norm(np.diff(p[both_legs], axis=1), axis=-1).sum() for p in (rest, template_rest)]
    thick = legs[0] / legs[1]
    stretch = np.tile(np.eye(3) * thick, (NUM_JOINTS, 1, 1))
    for joint, children in enumerate(CHILDREN):
        bones = [p[children[0]] - p[joint] for p in (template_rest, rest)] if children else [np.zeros(3)] * 2
        length, target_length = (float(np.linalg.norm(bone)) for bone in bones)
        if len(children) == 1 and length > 0:
            along = bones[0] / length
            stretch[joint] += (target_length / length - thick) * np.outer(along, along)
    points, joints, weights = template["positions"], template["joints"], template["weights"]
    positions = np.zeros(points.shape)
    for k in range(4):
        owner = joints[:, k]
        moved = np.einsum("vij,vj->vi", stretch[owner], points - template_rest[owner]) + rest[owner]
        positions += weights[:, k, None] / 255 * moved
    triangles, materials = template["triangles"].astype(np.int64), template["materials"]
    indices = {name: triangles[materials == number].reshape(-1) for number, name in enumerate(MATERIALS)}
    return Mesh(positions, _normals(positions, triangles), joints, weights, indices)


def _normals(
    positions: Float[np.ndarray, "V 3"], triangles: Integer[np.ndarray, "N 3"]
) -> Float[np.ndarray, "V 3"]:
    """Unit normals: the mean of the triangles around each vertex, by their areas."""
    a, b, c = positions[triangles].transpose(1, 0, 2)
    across = np.repeat(np.cross(b - a, c - a), 3, axis=0)
    corners = triangles.reshape(-1)
    total = np.stack([np.bincount(corners, across[:, k], len(positions)) for k in range(3)], axis=-1)
    return np.asarray(total / np.maximum(np.linalg.norm(total, axis=-1, keepdims=True), 1e-12))
