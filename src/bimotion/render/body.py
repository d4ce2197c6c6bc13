"""The drawn body: tapered limbs and ellipsoids, from the definition that the web viewer uses as well.

Shapes: T frames, J joints, P points (the joints and some that are derived from them).
"""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from jaxtyping import Float

from bimotion.motion.clip import Clip
from bimotion.motion.skeleton import JOINT_NAMES

Array = np.ndarray


@dataclass(frozen=True)
class Cone:
    """Two spheres and the cone tangent to both; the points are indices, the radii metres."""

    a: int
    b: int
    radius_a: float
    radius_b: float
    colour: str


@dataclass(frozen=True)
class Frame:
    """Left, up and forward of a part of the body: from a bone and a line across it, all indices of joints."""

    left: int
    right: int
    start: int
    end: int
    pitch: float
    """How far the bone leans forward when the part is upright, radians.

    For the head 32 degrees: over 63 windows of recordings the bone from neck to head leans by 39 (median),
    in people whose trunks lean by 3 and who look down a little."""


@dataclass(frozen=True)
class Ellipsoid:
    """A rounded part; offset and radii along its frame's left, up and forward, metres."""

    at: int
    frame: Frame
    offset: tuple[float, float, float]
    radii: tuple[float, float, float]
    half_widths: float
    """If not zero, the first radius in half distances between the frame's left and right joint."""
    colour: str


@dataclass(frozen=True)
class Shape:
    """All solids of the body, and how its points follow from the joints."""

    names: tuple[str, ...]
    """Names of the points, joints first."""
    weights: Array
    """(P, J): each point is a weighted mean of joints."""
    cones: tuple[Cone, ...]
    ellipsoids: tuple[Ellipsoid, ...]
    leg_length: float
    """Leg length for which the radii are defined, metres."""
    lift: float
    """How far the body is raised so that soles, not joints, stand on the floor; metres."""


@cache
def body_shape() -> Shape:
    """The body as the package data defines it."""
    data = json.loads((files("bimotion.render") / "static" / "body.json").read_text(encoding="utf-8"))
    names = [*JOINT_NAMES, *data["points"]]
    weights = np.eye(len(names), len(JOINT_NAMES))
    for row, point in enumerate(data["points"].values(), start=len(JOINT_NAMES)):
        for name, weight in point.items():
            weights[row, JOINT_NAMES.index(name)] = weight
    joint = JOINT_NAMES.index
    frames = {
        name: Frame(
            left=joint(frame["left"]),
            right=joint(frame["right"]),
            start=joint(frame["from"]),
            end=joint(frame["to"]),
            pitch=float(np.radians(frame["pitch_deg"])),
        )
        for name, frame in data["frames"].items()
    }
    return Shape(
        names=tuple(names),
        weights=weights,
        cones=tuple(
            Cone(names.index(a), names.index(b), radius_a, radius_b, colour)
            for a, b, radius_a, radius_b, colour in data["cones"]
        ),
        ellipsoids=tuple(
            Ellipsoid(
                at=names.index(part["at"]),
                frame=frames[part["frame"]],
                offset=tuple(part["offset"]),
                radii=tuple(part["radii"]),
                half_widths=part["half_widths"],
                colour=part["colour"],
            )
            for part in data["ellipsoids"]
        ),
        leg_length=data["leg_length"],
        lift=data["lift"],
    )


def floor_height(clip: Clip) -> float:
    """Height at which the floor is drawn, metres: below it the lowest joint is in 5 % of the frames only.

    Recordings have different floors, and some dip below theirs for a moment: by 20 cm in CMU's dances, which would
    float above a floor at the lowest point of all.
    """
    return float(np.percentile(clip.joints[..., 1].min(axis=1), 5))


def body_scale(clip: Clip) -> float:
    """Size of the person relative to the drawn body: the length of the legs in the first frame."""
    first = clip.joints[0].astype(np.float64)
    legs = 0.0
    for side in ("left", "right"):
        hip, knee, ankle = (first[JOINT_NAMES.index(f"{side}_{part}")] for part in ("hip", "knee", "ankle"))
        legs += float(np.linalg.norm(hip - knee) + np.linalg.norm(knee - ankle))
    return float(np.clip(legs / 2 / body_shape().leg_length, 0.3, 3.0))


def body_points(clip: Clip) -> Float[Array, "T P 3"]:
    """The body's points over time, metres, with soles on the floor at height 0."""
    shape = body_shape()
    points: Array = np.einsum("pj,tjc->tpc", shape.weights, clip.joints.astype(np.float64))
    points[..., 1] += shape.lift * body_scale(clip) - floor_height(clip)
    return points


def frame_axes(points: Float[Array, "*T P 3"], frame: Frame) -> Float[Array, "*T 3 3"]:
    """Left, up and forward of a part of the body, unit vectors, as rows."""
    bone = _unit(points[..., frame.end, :] - points[..., frame.start, :])
    left = points[..., frame.left, :] - points[..., frame.right, :]
    left = _unit(left - np.sum(left * bone, axis=-1, keepdims=True) * bone)
    up = np.cos(frame.pitch) * bone - np.sin(frame.pitch) * np.cross(left, bone)
    return np.stack([left, up, np.cross(left, up)], axis=-2)


def _unit(vectors: Float[Array, "*T 3"]) -> Float[Array, "*T 3"]:
    unit: Array = vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)
    return unit
