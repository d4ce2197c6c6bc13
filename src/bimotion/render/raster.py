"""Draws bodies with numpy: exact spheres, cones and ellipsoids in a parallel projection, with soft shadows.

Shapes: P points, H image height, W image width.
View space: x to the right, y up, z towards the viewer; metres around the camera's target.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Int

from bimotion.render.body import Cone, Ellipsoid, body_shape, frame_axes

Array = np.ndarray

PARTS = ("left", "right", "torso", "head", "visor", "contact")
"""Colours of a body by name; layers of `Surface.part`."""

LIGHT = np.array([-0.42, 0.66, 0.62])
LIGHT = (LIGHT / np.linalg.norm(LIGHT)).astype(np.float32)
"""Towards the light that shades the body, in view space."""

_SUN = np.array([0.35, 1.0, 0.55])
"""Towards the light that casts shadows: right, up and towards the viewer of a camera held level."""


@lru_cache
def _camera_axes(azimuth: float, elevation: float) -> Float[Array, "3 3"]:
    sin, cos = np.sin(azimuth), np.cos(azimuth)
    out = np.array([sin * np.cos(elevation), np.sin(elevation), cos * np.cos(elevation)])
    right = np.array([cos, 0.0, -sin])
    axes = np.stack([right, np.cross(out, right), out])
    axes.setflags(write=False)
    return axes


@dataclass(frozen=True)
class Camera:
    """A parallel projection on to an image."""

    azimuth: float
    """Direction of the viewer, radians around +Y: zero on +Z, a quarter turn on +X."""
    elevation: float
    """Elevation of the viewer, radians above the horizon."""
    target: tuple[float, float, float]
    """World point at `centre`, metres."""
    centre: tuple[float, float]
    """Pixel (right, down) at which the target is shown."""
    pixels_per_metre: float
    size: tuple[int, int]
    """Width and height of the image, pixels."""

    def axes(self) -> Float[Array, "3 3"]:
        """Right, up and towards the viewer in world coordinates, as rows."""
        return _camera_axes(self.azimuth, self.elevation)

    def view(self, points: Float[Array, "*P 3"]) -> Float[Array, "*P 3"]:
        """World points in view space."""
        turned: Array = (points - np.array(self.target)) @ self.axes().T
        return turned

    def pixel_grid(self) -> tuple[Float[Array, "1 W"], Float[Array, "H 1"]]:
        """View x of each column and view y of each row, at the pixels' middles."""
        width, height = self.size
        x = (np.arange(width) + 0.5 - self.centre[0]) / self.pixels_per_metre
        y = (self.centre[1] - np.arange(height) - 0.5) / self.pixels_per_metre
        return x.astype(np.float32)[None, :], y.astype(np.float32)[:, None]

    def magnified(self, factor: int) -> "Camera":
        """The same picture with more pixels."""
        return Camera(
            azimuth=self.azimuth,
            elevation=self.elevation,
            target=self.target,
            centre=(self.centre[0] * factor, self.centre[1] * factor),
            pixels_per_metre=self.pixels_per_metre * factor,
            size=(self.size[0] * factor, self.size[1] * factor),
        )


@dataclass(frozen=True)
class Surface:
    """The visible surface in each pixel."""

    depth: Float[Array, "H W"]
    """View z, metres; -inf where there is no body."""
    normal: Float[Array, "H W 3"]
    """Unit vectors in view space."""
    part: Int[Array, "H W"]
    """Index into `PARTS`."""


class _Canvas:
    """Keeps the nearest surface while solids are drawn."""

    def __init__(self, camera: Camera) -> None:
        self.x, self.y = camera.pixel_grid()
        shape = (camera.size[1], camera.size[0])
        self.depth = np.full(shape, -np.inf, np.float32)
        self.normal = np.zeros((*shape, 3), np.float32)
        self.part = np.zeros(shape, np.int8)

    def window(self, low: Array, high: Array) -> tuple[slice, slice]:
        """Rows and columns of the box between two view points."""
        columns = np.searchsorted(self.x[0], [low[0], high[0]])
        rows = np.searchsorted(-self.y[:, 0], [-high[1], -low[1]])
        return slice(rows[0], rows[1]), slice(columns[0], columns[1])

    def draw_patch(
        self, window: tuple[slice, slice], depth: Array, normal: tuple[Array, Array, Array], part: int
    ) -> None:
        """Draws a patch where it is nearer; depth is NaN where the solid is not."""
        nearer = depth > self.depth[window]
        np.copyto(self.depth[window], depth, where=nearer)
        np.copyto(self.part[window], part, where=nearer)
        for axis, values in enumerate(normal):
            np.copyto(self.normal[window][..., axis], values, where=nearer)

    def sphere(self, centre: Array, radius: float, part: int) -> None:
        window = self.window(centre - radius, centre + radius)
        dx, dy = self.x[:, window[1]] - centre[0], self.y[window[0]] - centre[1]
        high = np.sqrt(radius**2 - dx * dx - dy * dy)  # NaN outside
        self.draw_patch(window, centre[2] + high, (dx / radius, dy / radius, high / radius), part)

    def cone(self, a: Array, b: Array, radius_a: float, radius_b: float, part: int) -> None:
        """The band of a cone that touches both spheres; the spheres are drawn apart.

        A point t along the axis from `a` is (radius_a - t sin) / cos away from it, where sin is the slope
        of the tangent; put into a ray along z, that is a quadratic in z.
        """
        axis = b - a
        length = float(np.linalg.norm(axis))
        sin = (radius_a - radius_b) / max(length, 1e-9)
        if abs(sin) >= 0.999:
            return  # one sphere holds the other
        cos2 = 1 - sin * sin
        wx, wy, wz = axis / length
        square = 1 - wz * wz / cos2
        if square < 1e-4:
            return  # seen along its axis: the spheres cover it
        radius = max(radius_a, radius_b)
        window = self.window(np.minimum(a, b) - radius, np.maximum(a, b) + radius)
        dx, dy = self.x[:, window[1]] - a[0], self.y[window[0]] - a[1]
        t0 = dx * wx + dy * wy
        taper = radius_a - sin * t0
        half = wz * (sin * taper / cos2 - t0)
        root = half * half - square * (dx * dx + dy * dy - t0 * t0 - taper * taper / cos2)
        z = (np.sqrt(root) - half) / square
        t = t0 + z * wz
        z = np.where((t >= radius_a * sin) & (t <= length + radius_b * sin), z, np.nan)
        scale = np.sqrt(cos2) / np.maximum((radius_a - t * sin) / np.sqrt(cos2), 1e-6)
        normal = tuple((q - t * w) * scale + w * sin for q, w in ((dx, wx), (dy, wy), (z, wz)))
        self.draw_patch(window, a[2] + z, (normal[0], normal[1], normal[2]), part)

    def ellipsoid(self, centre: Array, axes: Float[Array, "3 3"], radii: Array, part: int) -> None:
        """`axes` are the ellipsoid's own in view space, as rows."""
        unit = axes / radii[:, None]  # takes the surface to the unit sphere
        reach = np.sqrt(((axes * radii[:, None]) ** 2).sum(axis=0))
        window = self.window(centre - reach, centre + reach)
        dx, dy = self.x[:, window[1]] - centre[0], self.y[window[0]] - centre[1]
        flat = [row[0] * dx + row[1] * dy for row in unit]
        square = float((unit[:, 2] ** 2).sum())
        half = sum(f * row[2] for f, row in zip(flat, unit, strict=True))
        root = half * half - square * (sum(f * f for f in flat) - 1)
        z = (np.sqrt(root) - half) / square
        on = [f + row[2] * z for f, row in zip(flat, unit, strict=True)]
        slope = [sum(o * row[axis] for o, row in zip(on, unit, strict=True)) for axis in range(3)]
        norm = np.sqrt(sum(s * s for s in slope))
        self.draw_patch(window, centre[2] + z, (slope[0] / norm, slope[1] / norm, slope[2] / norm), part)


def foot_side(cone: Cone) -> int:
    """1 for a cone of the left foot, 2 for one of the right, 0 for all others."""
    names = body_shape().names
    start, end = names[cone.a].partition("_"), names[cone.b].partition("_")
    foot = start[2] in ("ankle", "heel", "foot") and end[2] in ("heel", "foot", "toe")
    return (1 if start[0] == "left" else 2) if foot else 0


def ellipsoid_in_view(
    solid: Ellipsoid, points: Float[Array, "P 3"], scale: float, camera: Camera
) -> tuple[Float[Array, "3"], Float[Array, "3 3"], Float[Array, "3"]]:
    """Centre and axes (rows) of an ellipsoid in view space, and its radii."""
    axes = frame_axes(points, solid.frame)
    centre = points[solid.at] + scale * np.array(solid.offset) @ axes
    radii = scale * np.array(solid.radii)
    if solid.half_widths:
        across = points[solid.frame.left] - points[solid.frame.right]
        radii[0] = solid.half_widths * float(np.linalg.norm(across)) / 2
    return camera.view(centre), axes @ camera.axes().T, radii


def draw_body(
    points: Float[Array, "P 3"], scale: float, camera: Camera, touching: tuple[bool, bool] = (False, False)
) -> Surface:
    """The body of these points (`body_points`) as the camera sees it; `scale` is that of `body_scale`.

    Feet that are `touching` the floor, left and right, have the colour of contact.
    """
    shape = body_shape()
    canvas = _Canvas(camera)
    view = camera.view(points)
    with np.errstate(invalid="ignore"):  # roots of negative numbers are where the ray misses
        done: set[tuple[int, float]] = set()
        for cone in shape.cones:
            contact = (False, *touching)[foot_side(cone)]
            part = PARTS.index("contact" if contact else cone.colour)
            for point, radius in ((cone.a, cone.radius_a), (cone.b, cone.radius_b)):
                if (point, radius) not in done:
                    done.add((point, radius))
                    canvas.sphere(view[point], radius * scale, part)
            canvas.cone(view[cone.a], view[cone.b], cone.radius_a * scale, cone.radius_b * scale, part)
        for solid in shape.ellipsoids:
            centre, axes, radii = ellipsoid_in_view(solid, points, scale, camera)
            canvas.ellipsoid(centre, axes, radii, PARTS.index(solid.colour))
    return Surface(canvas.depth, canvas.normal, canvas.part)


def grid_blur(camera: Camera) -> tuple[float, float]:
    """Metres of floor along world x and z that a pixel covers: the width of a line of the grid."""
    across, away = 1 / camera.pixels_per_metre, 1 / np.sin(camera.elevation) / camera.pixels_per_metre
    sin, cos = abs(np.sin(camera.azimuth)), abs(np.cos(camera.azimuth))
    return float(across * cos + away * sin), float(across * sin + away * cos)


def floor_points(camera: Camera) -> tuple[Float[Array, "H W"], Float[Array, "H W"]]:
    """World x and z of the floor (y = 0) in each pixel."""
    right, up, out = camera.axes()
    x, y = camera.pixel_grid()
    # On the floor view y fixes how far away: y = up . (p - target), with p's height 0.
    horizon = np.array([out[0], 0.0, out[2]]) / np.hypot(out[0], out[2])
    away = (y + up[1] * camera.target[1]) / (up @ horizon)
    return (
        (camera.target[0] + x * right[0] + away * horizon[0]).astype(np.float32),
        (camera.target[2] + x * right[2] + away * horizon[2]).astype(np.float32),
    )


def floor_shadow(points: Float[Array, "P 3"], scale: float, camera: Camera) -> Float[Array, "H W"]:
    """Darkness of the body's shadow on the floor, 0 to 1; limbs near the floor cast sharper shadows."""
    columns, rows = camera.pixel_grid()
    x, z = floor_points(camera)
    dark = np.zeros(x.shape, np.float32)
    for cone in body_shape().cones:
        ends = points[[cone.a, cone.b]]
        radii = scale * np.array([[cone.radius_a, cone.radius_b]])
        (spots,), (reach,) = shadow_spots(ends[None], radii, camera)
        projected = camera.view(spots)[:, :2]
        low, high = projected.min(axis=0) - reach, projected.max(axis=0) + reach
        right = np.searchsorted(columns[0], [low[0], high[0]])
        down = np.searchsorted(-rows[:, 0], [-high[1], -low[1]])
        window = (slice(down[0], down[1]), slice(right[0], right[1]))
        _cast(dark[window], x[window] - spots[0, 0], z[window] - spots[0, 2], ends, spots, cone, scale)
    return dark


def shadow_spots(
    ends: Float[Array, "N 2 3"], radii: Float[Array, "N 2"], camera: Camera
) -> tuple[Float[Array, "N 2 3"], Float[Array, "N"]]:
    """Where on the floor the ends of limbs cast their shadows, and how far these reach around them, metres."""
    sun = _SUN @ np.stack([camera.axes()[0], [0.0, 1.0, 0.0], np.cross(camera.axes()[0], [0.0, 1.0, 0.0])])
    fall = np.array([sun[0] / sun[1], 1.0, sun[2] / sun[1]])
    return ends - ends[..., 1:2] * fall, radii.max(-1) + _softness(ends[..., 1]).max(-1)


def _softness(height: Array) -> Array:
    """Half the width of a shadow's edge, metres, for an object at a height."""
    soft: Array = 0.02 + 0.12 * np.maximum(height, 0)
    return soft


def _cast(dark: Array, dx: Array, dz: Array, ends: Array, spots: Array, cone: Cone, scale: float) -> None:
    along = (spots[1] - spots[0])[[0, 2]].astype(np.float32)
    t = np.clip((dx * along[0] + dz * along[1]) / max(float(along @ along), 1e-9), 0, 1)
    distance = np.sqrt((dx - t * along[0]) ** 2 + (dz - t * along[1]) ** 2)
    radius = scale * (cone.radius_a + t * (cone.radius_b - cone.radius_a))
    height = ends[0, 1] + t * (ends[1, 1] - ends[0, 1])
    soft = _softness(height)
    edge = np.clip((radius + soft - distance) / (2 * soft), 0, 1)
    np.maximum(dark, edge * edge * (3 - 2 * edge) / (1 + 0.9 * np.maximum(height, 0)), out=dark)
