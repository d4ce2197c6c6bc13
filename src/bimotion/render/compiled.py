"""Drawing by the small C library that is compiled at installation; `available` says whether it exists.

The pictures are those of `raster` and `paint`; shapes: P points, H image height, W image width.
"""

import ctypes
from functools import cache
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from bimotion.render.body import body_shape
from bimotion.render.palette import Theme
from bimotion.render.raster import (
    LIGHT,
    PARTS,
    Camera,
    ellipsoid_in_view,
    foot_side,
    grid_blur,
    shadow_spots,
)
from bimotion.storage.c_library import load_c_library

_LIBRARY = Path(__file__).parent / "libraster.so"
_SPHERE, _CONE, _ELLIPSOID = 0, 1, 2
_SOLID, _SHADOW = 27, 13
"""Floats of a solid and of a shadow, as raster.c declares them."""


@cache
def _library() -> ctypes.CDLL | None:
    return load_c_library(_LIBRARY, {"bimotion_draw": None})


def available() -> bool:
    """Whether the library was compiled for this machine."""
    return _library() is not None


class Canvas:
    """A picture to draw poses on, with the library's work space; used again for every frame."""

    def __init__(self, size: tuple[int, int], magnify: int) -> None:
        width, height = size
        self.size, self.magnify = size, magnify
        self.depth = np.empty((height * magnify, width * magnify), np.float32)
        self.owner = np.empty((height * magnify, width * magnify), np.int32)
        self.dark = np.empty((height, width), np.float32)

    def draw(
        self,
        picture: UInt8[np.ndarray, "H W 3"],
        points: Float[np.ndarray, "P 3"],
        scale: float,
        camera: Camera,
        theme: Theme,
        reach: float,
        touching: tuple[bool, bool] = (False, False),
    ) -> None:
        """Paint floor, shadow and body on the picture, within `reach` metres of the camera's target."""
        library = _library()
        assert library is not None
        assert picture.flags.c_contiguous
        width, height = self.size
        scene = _scene(camera, theme, reach)
        solids = _solids(points, scale, camera, touching)
        shadows = _shadows(points, scale, camera)

        def pointer(array: np.ndarray) -> ctypes.c_void_p:
            return ctypes.c_void_p(array.ctypes.data)

        library.bimotion_draw(
            *map(pointer, (picture, self.depth, self.owner, self.dark, scene, solids)),
            len(solids),
            pointer(shadows),
            len(shadows),
            *(width, height, self.magnify),
        )


def _scene(camera: Camera, theme: Theme, reach: float) -> Float[np.ndarray, "S"]:
    right, up, out = camera.axes()
    horizon = np.array([out[0], 0.0, out[2]]) / np.hypot(out[0], out[2])
    slope, pixel = float(up @ horizon), 1 / camera.pixels_per_metre
    across, along = (
        (0.5 - camera.centre[0]) * pixel,
        (camera.centre[1] - 0.5) * pixel + up[1] * camera.target[1],
    )
    floor = [
        (
            camera.target[k] + across * right[k] + along / slope * horizon[k],
            right[k] * pixel,
            -horizon[k] * pixel / slope,
        )
        for k in (0, 2)
    ]
    values = [
        *camera.centre,
        camera.pixels_per_metre,
        *floor[0],
        *floor[1],
        *(camera.target[0], camera.target[2], reach, *grid_blur(camera)),
        *(theme.shade, theme.ambient, *LIGHT, *theme.grid),
        *np.array(theme.parts(), dtype=float).reshape(-1),
        PARTS.index("visor"),
    ]
    return np.array(values, np.float32)


@cache
def _layout() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Spheres (point, radius, side of the foot or 0, part) and cones (ends, radii, side, part), once each."""
    cones = body_shape().cones
    ends = np.array([(cone.a, cone.b) for cone in cones])
    radii = np.array([(cone.radius_a, cone.radius_b) for cone in cones])
    part = np.array([PARTS.index(cone.colour) for cone in cones])
    feet = np.array([foot_side(cone) for cone in cones])
    rows = np.stack([ends, radii, np.stack([feet, feet], 1), np.stack([part, part], 1)], axis=-1).reshape(
        -1, 4
    )
    _, first = np.unique(rows[:, :2], axis=0, return_index=True)
    return rows[np.sort(first)], np.concatenate([ends, radii], axis=1), np.stack([feet, part], axis=1)


def _solids(
    points: Float[np.ndarray, "P 3"], scale: float, camera: Camera, touching: tuple[bool, bool]
) -> Float[np.ndarray, "N F"]:
    spheres, cones, owners = _layout()
    view = camera.view(points)
    contact = PARTS.index("contact")

    def part(feet: np.ndarray, parts: np.ndarray) -> np.ndarray:
        return np.where(np.array([False, *touching])[feet.astype(int)], contact, parts)

    out = np.zeros((len(spheres) + len(cones) + len(body_shape().ellipsoids), _SOLID), np.float32)
    rows, centre = out[: len(spheres)], view[spheres[:, 0].astype(int)]
    radius = spheres[:, 1:2] * scale
    rows[:, 0], rows[:, 1], rows[:, 2:5] = _SPHERE, part(spheres[:, 2], spheres[:, 3]), centre
    rows[:, 5:7], rows[:, 7:9], rows[:, 9:10] = centre[:, :2] - radius, centre[:, :2] + radius, radius
    rows = out[len(spheres) : len(spheres) + len(cones)]
    start, end = view[cones[:, 0].astype(int)], view[cones[:, 1].astype(int)]
    radii = cones[:, 2:4] * scale
    length = np.maximum(np.linalg.norm(end - start, axis=-1), 1e-9)
    axis, sine = (end - start) / length[:, None], (radii[:, 0] - radii[:, 1]) / length
    cos2 = 1 - sine**2
    largest = radii.max(1, keepdims=True)
    rows[:, 0], rows[:, 1], rows[:, 2:5] = _CONE, part(owners[:, 0], owners[:, 1]), start
    rows[:, 5:7], rows[:, 7:9] = (
        np.minimum(start, end)[:, :2] - largest,
        np.maximum(start, end)[:, :2] + largest,
    )
    rows[:, 10:13], rows[:, 13], rows[:, 14], rows[:, 15], rows[:, 16:18] = axis, length, sine, cos2, radii
    # one sphere holds the other, or the cone is seen along its axis: the spheres cover it
    hidden = (np.abs(sine) >= 0.999) | (1 - axis[:, 2] ** 2 / np.maximum(cos2, 1e-9) < 1e-4)
    rows[hidden, 7:9] = rows[hidden, 5:7]
    for row, solid in zip(out[len(spheres) + len(cones) :], body_shape().ellipsoids, strict=True):
        centre, axes, half = ellipsoid_in_view(solid, points, scale, camera)
        across = np.sqrt(((axes * half[:, None]) ** 2).sum(0))[:2]
        row[0], row[1], row[2:5] = _ELLIPSOID, PARTS.index(solid.colour), centre
        row[5:7], row[7:9], row[18:27] = (
            centre[:2] - across,
            centre[:2] + across,
            (axes / half[:, None]).reshape(-1),
        )
    return out


def _shadows(points: Float[np.ndarray, "P 3"], scale: float, camera: Camera) -> Float[np.ndarray, "N F"]:
    _, cones, _ = _layout()
    ends = points[cones[:, :2].astype(int)]  # (N, 2, 3)
    spots, reach = shadow_spots(ends, cones[:, 2:4] * scale, camera)
    columns, rows = camera.pixel_grid()
    projected = camera.view(spots)[..., :2]
    low, high = projected.min(1) - reach[:, None], projected.max(1) + reach[:, None]
    along = spots[:, 1] - spots[:, 0]
    out = np.zeros((len(cones), _SHADOW), np.float32)
    out[:, :2], out[:, 2:4] = spots[:, 0][:, [0, 2]], along[:, [0, 2]]
    out[:, 4] = 1 / np.maximum((along[:, [0, 2]] ** 2).sum(-1), 1e-9)
    out[:, 5:7], out[:, 7:9] = cones[:, 2:4] * scale, ends[..., 1]
    out[:, 9] = np.searchsorted(-rows[:, 0], -high[:, 1])
    out[:, 10] = np.searchsorted(-rows[:, 0], -low[:, 1])
    out[:, 11] = np.searchsorted(columns[0], low[:, 0])
    out[:, 12] = np.searchsorted(columns[0], high[:, 0])
    return out
