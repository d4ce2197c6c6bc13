"""Draws bodies with numpy: exact spheres, cones and ellipsoids in a parallel projection, with soft shadows.

Shapes: P points, H image height, W image width.
View space: x to the right, y up, z towards the viewer; metres around the camera's target.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from bimotion.render.body import Cone, body_shape, frame_axes

Array = np.ndarray

PARTS = ("left", "right", "torso", "head", "visor")
"""Colours of a body by name; layers of `Surface.part`."""

_SUN = np.array([0.35, 1.0, 0.55])
"""Towards the light that casts shadows: right, up and towards the viewer of a camera held level."""


@dataclass(frozen=True)
class Camera:
    """A parallel projection on to an image."""

    azimuth: float
    """Where the viewer stands, radians around +Y: zero on +Z, a quarter turn on +X."""
    elevation: float
    """How high the viewer stands, radians above the horizon."""
    target: tuple[float, float, float]
    """World point at `centre`, metres."""
    centre: tuple[float, float]
    """Pixel (right, down) at which the target is shown."""
    pixels_per_metre: float
    size: tuple[int, int]
    """Width and height of the image, pixels."""

    def axes(self) -> Float[Array, "3 3"]:
        """Right, up and towards the viewer in world coordinates, as rows."""
        sin, cos = np.sin(self.azimuth), np.cos(self.azimuth)
        out = np.array([sin * np.cos(self.elevation), np.sin(self.elevation), cos * np.cos(self.elevation)])
        right = np.array([cos, 0.0, -sin])
        return np.stack([right, np.cross(out, right), out])

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
    """What is seen in each pixel."""

    depth: Float[Array, "H W"]
    """View z, metres; -inf where nothing is."""
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

    def put(
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
        self.put(window, centre[2] + high, (dx / radius, dy / radius, high / radius), part)

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
        self.put(window, a[2] + z, (normal[0], normal[1], normal[2]), part)

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
        self.put(window, centre[2] + z, (slope[0] / norm, slope[1] / norm, slope[2] / norm), part)


def draw_body(points: Float[Array, "P 3"], scale: float, camera: Camera) -> Surface:
    """The body of these points (`body_points`) as the camera sees it; `scale` is that of `body_scale`."""
    shape = body_shape()
    canvas = _Canvas(camera)
    view = camera.view(points)
    with np.errstate(invalid="ignore"):  # roots of negative numbers are where the ray misses
        done: set[tuple[int, float]] = set()
        for cone in shape.cones:
            part = PARTS.index(cone.colour)
            for point, radius in ((cone.a, cone.radius_a), (cone.b, cone.radius_b)):
                if (point, radius) not in done:
                    done.add((point, radius))
                    canvas.sphere(view[point], radius * scale, part)
            canvas.cone(view[cone.a], view[cone.b], cone.radius_a * scale, cone.radius_b * scale, part)
        for part_ in shape.ellipsoids:
            axes = frame_axes(points, part_.frame)
            centre = points[part_.at] + scale * np.array(part_.offset) @ axes
            radii = scale * np.array(part_.radii)
            if part_.half_widths:
                across = points[part_.frame.left] - points[part_.frame.right]
                radii[0] = part_.half_widths * float(np.linalg.norm(across)) / 2
            canvas.ellipsoid(camera.view(centre), axes @ camera.axes().T, radii, PARTS.index(part_.colour))
    return Surface(canvas.depth, canvas.normal, canvas.part)


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
    """How dark the body's shadow makes the floor, 0 to 1; limbs near the floor cast the sharper shadows."""
    sun = _SUN @ np.stack([camera.axes()[0], [0.0, 1.0, 0.0], np.cross(camera.axes()[0], [0.0, 1.0, 0.0])])
    fall = sun[[0, 2]] / sun[1]
    columns, rows = camera.pixel_grid()
    x, z = floor_points(camera)
    dark = np.zeros(x.shape, np.float32)
    for cone in body_shape().cones:
        ends = points[[cone.a, cone.b]]
        spots = ends - ends[:, 1:2] * np.array([fall[0], 1.0, fall[1]])
        reach = scale * max(cone.radius_a, cone.radius_b) + _softness(ends[:, 1]).max()
        seen = camera.view(spots)[:, :2]
        low, high = seen.min(axis=0) - reach, seen.max(axis=0) + reach
        right = np.searchsorted(columns[0], [low[0], high[0]])
        down = np.searchsorted(-rows[:, 0], [-high[1], -low[1]])
        window = (slice(down[0], down[1]), slice(right[0], right[1]))
        _cast(dark[window], x[window] - spots[0, 0], z[window] - spots[0, 2], ends, spots, cone, scale)
    return dark


def _softness(height: Array) -> Array:
    """Half the width of a shadow's edge, metres, for what casts it from a height."""
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
