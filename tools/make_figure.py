"""Makes src/bimotion/motion/formats/figure.npz: the drawn figure of the pages as one smooth mesh with skin weights.

Needs scikit-image, which bimotion does not: `pip install scikit-image`, then `python tools/make_figure.py`.
Run it again when src/bimotion/render/static/body.json has changed. V vertices, T triangles, J = 22 joints; metres.
"""

import hashlib
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import numpy as np
from skimage.measure import marching_cubes

from bimotion.motion.body import MATERIALS
from bimotion.motion.rotations import axis_angle_to_quat, quat_to_matrix
from bimotion.motion.skeleton import JOINT_NAMES, PARENTS, REST_OFFSETS
from bimotion.render.body import Cone, Ellipsoid, body_shape, frame_axes

BODY = files("bimotion.render") / "static" / "body.json"

CELL = 0.016
"""Edge of a cell of the grid in which the surface is found."""

BLEND, VISOR_BLEND = 0.022, 0.004
"""How far parts flow into each other; the visor stays a part of its own."""

WEIGHT_REACH = 0.018
"""Distance over which the skin weights of neighbouring bones blend."""

SPREAD = np.radians(16.0)
"""How far each leg is turned out while the surface is found: in the T-pose thighs touch and would grow together."""

LEGS = ((1, 4, 7, 10), (2, 5, 8, 11))

OWNERS = {
    "seat": "pelvis",
    "spine1": "spine1",
    "ribs": "spine3",
    "left_side": "spine3",
    "right_side": "spine3",
    "neck": "neck",
    "head": "head",
    "left_heel": "left_ankle",
    "right_heel": "right_ankle",
}
"""The joint that a solid follows, by the point at which it begins, where that is not the joint of the same name."""

Field = Callable[[np.ndarray], np.ndarray]


def cone_field(a: np.ndarray, b: np.ndarray, radius_a: float, radius_b: float) -> Field:
    """Distance from two spheres and the cone tangent to both."""
    axis = b - a
    square = float(axis @ axis)
    fall = radius_a - radius_b
    slant = square - fall * fall

    def field(points: np.ndarray) -> np.ndarray:
        out = points - a
        y = out @ axis
        z = y - square
        x2 = ((out * square - y[:, None] * axis) ** 2).sum(-1)
        y2, z2 = y * y * square, z * z * square
        k = np.sign(fall) * fall * fall * x2
        side = (np.sqrt(x2 * slant / square) + y * fall) / square - radius_a
        at_b = np.sqrt(x2 + z2) / square - radius_b
        at_a = np.sqrt(x2 + y2) / square - radius_a
        return np.where(np.sign(z) * slant * z2 > k, at_b, np.where(np.sign(y) * slant * y2 < k, at_a, side))

    return field


def ellipsoid_field(centre: np.ndarray, axes: np.ndarray, radii: np.ndarray) -> Field:
    """Distance from an ellipsoid, exact on its surface."""

    def field(points: np.ndarray) -> np.ndarray:
        local = (points - centre) @ axes.T
        near = np.linalg.norm(local / radii, axis=-1)
        slope = np.linalg.norm(local / radii**2, axis=-1)
        return near * (near - 1) / np.maximum(slope, 1e-9)

    return field


def rest_pose() -> np.ndarray:
    """The joints in the T-pose."""
    rest = np.zeros((22, 3))
    for joint, parent in enumerate(PARENTS[1:], 1):
        rest[joint] = rest[parent] + REST_OFFSETS[joint]
    return rest


def spread(points: np.ndarray, joints: np.ndarray, angle: float) -> np.ndarray:
    """Points moved as the legs are when they are spread by an angle; `joints` are those that the points follow."""
    out = points.copy()
    for sign, leg in ((1.0, LEGS[0]), (-1.0, LEGS[1])):
        turn = quat_to_matrix(axis_angle_to_quat(np.array([0.0, 0.0, sign * angle])))
        which = np.isin(joints, leg)
        hip = rest_pose()[leg[0]]
        out[which] = (points[which] - hip) @ turn.T + hip
    return out


def solids() -> list[tuple[str, str, Field]]:
    """Material, joint and distance field of every solid of the figure in the T-pose with its legs spread."""
    shape = body_shape()
    rest = spread(rest_pose(), np.arange(22), SPREAD)
    points = shape.weights @ rest
    names = shape.names
    scale = np.abs(REST_OFFSETS[[4, 7], 1]).sum() / shape.leg_length

    def owner(index: int) -> str:
        return OWNERS.get(names[index], names[index])

    out: list[tuple[str, str, Field]] = []
    for solid in [*shape.cones, *shape.ellipsoids]:
        if isinstance(solid, Cone):
            field = cone_field(
                points[solid.a], points[solid.b], solid.radius_a * scale, solid.radius_b * scale
            )
            out.append((solid.colour, owner(solid.a), field))
        elif isinstance(solid, Ellipsoid):
            axes = frame_axes(points, solid.frame)
            radii = scale * np.array(solid.radii)
            if solid.half_widths:
                across = points[solid.frame.left] - points[solid.frame.right]
                radii[0] = solid.half_widths * np.linalg.norm(across) / 2
            centre = points[solid.at] + scale * np.array(solid.offset) @ axes
            out.append((solid.colour, owner(solid.at), ellipsoid_field(centre, axes, radii)))
    return out


def smooth_minimum(a: np.ndarray, b: np.ndarray, width: float) -> np.ndarray:
    """The smaller of two distances, rounded where they are nearly equal."""
    h = np.maximum(width - np.abs(a - b), 0) / width
    return np.minimum(a, b) - h * h * width / 4


def whole_field(parts: list[tuple[str, str, Field]]) -> Field:
    """Distance from the figure."""

    def field(points: np.ndarray) -> np.ndarray:
        total = np.full(len(points), 1.0)
        for colour, _, part in sorted(parts, key=lambda part: part[0] == "visor"):
            total = smooth_minimum(total, part(points), VISOR_BLEND if colour == "visor" else BLEND)
        return total

    return field


def surface(field: Field) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and triangles of the surface, vertices drawn on to it."""
    low, high = np.array([-0.9, -1.15, -0.3]), np.array([0.9, 0.95, 0.35])
    axes = [np.arange(a, b, CELL) for a, b in zip(low, high, strict=True)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    values = field(grid.reshape(-1, 3)).reshape(grid.shape[:3])
    points, triangles, _, _ = marching_cubes(values.astype(np.float32), 0.0, spacing=(CELL,) * 3)
    points = points.astype(np.float64) + low
    for _ in range(4):
        slope = gradient(field, points)
        points -= 0.7 * field(points)[:, None] * slope / np.maximum((slope**2).sum(-1, keepdims=True), 0.1)
    a, b, c = points[triangles].transpose(1, 0, 2)
    if (np.cross(b - a, c - a) * gradient(field, (a + b + c) / 3)).sum(-1).mean() < 0:
        triangles = triangles[:, ::-1]
    return points, triangles


def gradient(field: Field, points: np.ndarray) -> np.ndarray:
    """Direction in which the distance grows."""
    step = 1e-4
    return np.stack(
        [(field(points + step * e) - field(points - step * e)) / (2 * step) for e in np.eye(3)], axis=-1
    )


def cut(points: np.ndarray, triangles: np.ndarray, field: Field) -> tuple[np.ndarray, np.ndarray]:
    """The mesh with its triangles cut along the line on which `field` is 0, so that none crosses it."""
    values = field(points)
    values[np.abs(values) < 1e-4] = 1e-4
    added: dict[tuple[int, int], int] = {}
    out_points = list(points)
    out: list[tuple[int, int, int]] = []

    def between(i: int, j: int) -> int:
        key = (min(i, j), max(i, j))
        if key not in added:
            part = values[i] / (values[i] - values[j])
            added[key] = len(out_points)
            out_points.append(points[i] + part * (points[j] - points[i]))
        return added[key]

    for a, b, c in triangles:
        signs = [values[i] > 0 for i in (a, b, c)]
        if len(set(signs)) == 1:
            out.append((a, b, c))
            continue
        while signs.count(signs[0]) != 1:  # begin at the corner that is alone
            (a, b, c), signs = (b, c, a), signs[1:] + signs[:1]
        ab, ac = between(a, b), between(a, c)
        out += [(a, ab, ac), (ab, b, c), (ab, c, ac)]
    return np.array(out_points), np.array(out)


def skin_weights(points: np.ndarray, parts: list[tuple[str, str, Field]]) -> tuple[np.ndarray, np.ndarray]:
    """Four joints of each vertex, and weights in 255ths that add up to 255."""
    distance = np.full((len(points), len(JOINT_NAMES)), 1.0)
    for _, joint, field in parts:
        column = JOINT_NAMES.index(joint)
        distance[:, column] = np.minimum(distance[:, column], field(points))
    weights = np.exp(-(distance - distance.min(1, keepdims=True)) / WEIGHT_REACH)
    joints = np.argsort(-weights, axis=1, kind="stable")[:, :4]
    chosen = np.take_along_axis(weights, joints, axis=1)
    chosen = np.where(chosen < 0.02, 0, chosen)
    parts_of_255 = np.floor(chosen / chosen.sum(1, keepdims=True) * 255).astype(int)
    parts_of_255[:, 0] += 255 - parts_of_255.sum(1)
    joints = np.where(parts_of_255 > 0, joints, 0)
    return joints.astype(np.uint8), parts_of_255.astype(np.uint8)


def main() -> None:
    """Make the figure and write it."""
    parts = solids()
    field = whole_field(parts)
    points, triangles = surface(field)

    def material_field(name: str) -> Field:
        def difference(at: np.ndarray) -> np.ndarray:
            mine = np.min([part(at) for colour, _, part in parts if colour == name], axis=0)
            return mine - np.min([part(at) for colour, _, part in parts if colour != name], axis=0)

        return difference

    for name in MATERIALS[1:]:
        points, triangles = cut(points, triangles, material_field(name))
    middle = points[triangles].mean(1)
    nearest = [
        np.min([part(middle) for colour, _, part in parts if colour == name], axis=0) for name in MATERIALS
    ]
    joints, weights = skin_weights(points, parts)
    points = sum(weights[:, k, None] / 255 * spread(points, joints[:, k], -SPREAD) for k in range(4))
    path = Path(__file__).parents[1] / "src" / "bimotion" / "motion" / "formats" / "figure.npz"
    np.savez_compressed(
        path,
        positions=points.astype(np.float32),
        triangles=triangles.astype(np.uint16),
        materials=np.argmin(nearest, axis=0).astype(np.uint8),
        joints=joints,
        weights=weights,
        body_sha256=np.frombuffer(hashlib.sha256(BODY.read_bytes()).digest(), dtype=np.uint8),
    )
    print(f"{path}: {len(points)} vertices, {len(triangles)} triangles, {path.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
