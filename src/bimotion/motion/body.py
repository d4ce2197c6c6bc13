"""A plain human body around the bones: rounded parts, each held by one joint.

V vertices, I indices (three a triangle), J = 22 joints; metres, in the T-pose that the skeleton's offsets stand in.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer

from bimotion.motion.skeleton import JOINT_NAMES

_SEGMENTS = 16
_CAP_RINGS = 4
_LEG = 0.813
"""Thigh and shin of the body, in metres, that the radii below were drawn for."""

Point = tuple[str, tuple[float, float, float]]
"""A joint and an offset from it."""


@dataclass(frozen=True)
class Part:
    """A capsule between two points: the radius at each end, and its depth (along Z) as a part of its width."""

    joint: str
    start: Point
    end: Point
    radii: tuple[float, float]
    depth: float = 1.0


@dataclass(frozen=True)
class Mesh:
    """Triangles with outward normals; vertex i moves with joint `joints[i]`."""

    positions: Float[np.ndarray, "V 3"]
    normals: Float[np.ndarray, "V 3"]
    joints: Integer[np.ndarray, "V"]
    indices: Integer[np.ndarray, "I"]


_NONE = (0.0, 0.0, 0.0)
_TRUNK: tuple[Part, ...] = (
    Part("pelvis", ("left_hip", (0.01, 0.03, 0)), ("right_hip", (-0.01, 0.03, 0)), (0.1, 0.1), 0.95),
    Part("pelvis", ("pelvis", _NONE), ("spine1", _NONE), (0.115, 0.115), 0.85),
    Part("spine1", ("spine1", _NONE), ("spine2", _NONE), (0.115, 0.12), 0.85),
    Part("spine2", ("spine2", _NONE), ("spine3", _NONE), (0.12, 0.125), 0.85),
    Part("spine3", ("spine3", (0.06, 0.06, 0)), ("spine3", (-0.06, 0.06, 0)), (0.11, 0.11), 0.9),
    Part("spine3", ("spine3", (0, 0.1, 0)), ("neck", _NONE), (0.1, 0.06), 0.85),
    Part("neck", ("neck", _NONE), ("head", _NONE), (0.055, 0.055)),
    Part("head", ("head", (0, 0.02, 0.01)), ("head", (0, 0.11, 0.01)), (0.085, 0.095), 1.1),
)


def _side(side: str, out: float) -> tuple[Part, ...]:
    def at(joint: str, offset: tuple[float, float, float] = _NONE) -> Point:
        return f"{side}_{joint}", offset

    return (
        Part(f"{side}_hip", at("hip"), at("knee"), (0.085, 0.055)),
        Part(f"{side}_knee", at("knee"), at("ankle"), (0.055, 0.04)),
        Part(f"{side}_ankle", at("ankle"), at("foot"), (0.045, 0.04)),
        Part(f"{side}_foot", at("foot"), at("foot", (0, -0.005, 0.055)), (0.04, 0.03)),
        Part(f"{side}_collar", at("collar"), at("shoulder"), (0.07, 0.055)),
        Part(f"{side}_shoulder", at("shoulder"), at("elbow"), (0.055, 0.04)),
        Part(f"{side}_elbow", at("elbow"), at("wrist"), (0.04, 0.03)),
        Part(
            f"{side}_wrist", at("wrist", (0.03 * out, 0, 0)), at("wrist", (0.12 * out, 0, 0)), (0.036, 0.026)
        ),
    )


BODY: dict[str, tuple[Part, ...]] = {
    "trunk": _TRUNK,
    "left": _side("left", 1.0),
    "right": _side("right", -1.0),
}
"""The parts by the name of their material."""


def body_mesh(parts: tuple[Part, ...], rest: Float[np.ndarray, "J 3"]) -> Mesh:
    """The mesh of the parts on a skeleton whose joints stand at `rest`; radii follow the length of its legs."""
    legs = rest[[4, 5, 7, 8]] - rest[[1, 2, 4, 5]]
    scale = np.linalg.norm(legs, axis=-1).sum() / 2 / _LEG
    positions, normals, joints, indices = [], [], [], []
    count = 0
    for part in parts:
        start, end = (
            rest[JOINT_NAMES.index(joint)] + np.array(offset) * scale
            for joint, offset in (part.start, part.end)
        )
        vertices, outward, triangles = _capsule(
            start, end, part.radii[0] * scale, part.radii[1] * scale, part.depth
        )
        positions.append(vertices)
        normals.append(outward)
        indices.append(triangles + count)
        joints.append(np.full(len(vertices), JOINT_NAMES.index(part.joint)))
        count += len(vertices)
    return Mesh(
        np.concatenate(positions), np.concatenate(normals), np.concatenate(joints), np.concatenate(indices)
    )


def _capsule(
    start: Float[np.ndarray, "3"],
    end: Float[np.ndarray, "3"],
    radius_start: float,
    radius_end: float,
    depth: float,
) -> tuple[Float[np.ndarray, "V 3"], Float[np.ndarray, "V 3"], Integer[np.ndarray, "I"]]:
    """Half a sphere at each end and a cone between, flattened along Z."""
    along = end - start
    along = along / max(float(np.linalg.norm(along)), 1e-9)
    across = np.cross(along, np.eye(3)[np.abs(along).argmin()])
    across /= np.linalg.norm(across)
    third = np.cross(along, across)
    # rings from the tip behind the start to the tip beyond the end
    latitude = np.linspace(-np.pi / 2, 0, _CAP_RINGS + 1)
    latitude = np.concatenate([latitude, -latitude[::-1]])
    at_start = np.arange(len(latitude)) <= _CAP_RINGS
    centres = np.where(at_start[:, None], start, end)[:, None]
    radii = np.where(at_start, radius_start, radius_end)[:, None, None]
    angle = np.linspace(0, 2 * np.pi, _SEGMENTS, endpoint=False)[None, :, None]
    ring = np.cos(angle) * across + np.sin(angle) * third
    outward = np.cos(latitude)[:, None, None] * ring + np.sin(latitude)[:, None, None] * along
    flat = np.array([1.0, 1.0, depth])
    positions = (centres + radii * outward * flat).reshape(-1, 3)
    normals = (outward / flat).reshape(-1, 3)
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    row = np.arange(len(latitude) - 1)[:, None] * _SEGMENTS
    a, b = np.arange(_SEGMENTS)[None], (np.arange(_SEGMENTS)[None] + 1) % _SEGMENTS
    corners = [row + a, row + b, row + _SEGMENTS + b, row + a, row + _SEGMENTS + b, row + _SEGMENTS + a]
    return positions, normals, np.stack(corners, axis=-1).reshape(-1)
