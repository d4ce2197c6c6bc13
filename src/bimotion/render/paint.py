"""Paints one pose with its floor and shadow into a picture, and the words above it.

Shapes: P points, H image height, W image width.
"""

from dataclasses import replace

import numpy as np
from jaxtyping import Float
from PIL import ImageDraw

from bimotion.motion.clip import Clip
from bimotion.render.palette import Colour, Theme, font
from bimotion.render.raster import PARTS, Camera, Surface, draw_body, floor_points, floor_shadow

Array = np.ndarray

_LIGHT = np.array([-0.42, 0.66, 0.62])
_LIGHT = (_LIGHT / np.linalg.norm(_LIGHT)).astype(np.float32)


def background(width: int, height: int, theme: Theme) -> Float[Array, "H W 3"]:
    """A picture without anything in it, red, green and blue from 0 to 255."""
    mix = np.linspace(0, 1, height)[:, None, None]
    column = np.array(theme.top) * (1 - mix) + np.array(theme.bottom) * mix
    return np.broadcast_to(column, (height, width, 3)).astype(np.float32)


def mix(a: Colour, b: Colour, part: float) -> Colour:
    """A colour between two."""
    mixed = np.round(np.array(a) * (1 - part) + np.array(b) * part)
    return int(mixed[0]), int(mixed[1]), int(mixed[2])


def draw_pose(
    layer: Float[Array, "H W 3"],
    points: Float[Array, "P 3"],
    scale: float,
    camera: Camera,
    theme: Theme,
    magnify: int = 3,
) -> None:
    """Paints floor, shadow and body into the picture, in the part of it that the pose covers."""
    reach = 1.25 * scale  # metres of floor around the body that are drawn
    middle = camera.pixels_per_metre
    left = max(int(camera.centre[0] - reach * middle), 0)
    right = min(int(camera.centre[0] + reach * middle) + 1, layer.shape[1])
    part = layer[:, left:right]
    size = (part.shape[1], part.shape[0])
    camera = replace(camera, centre=(camera.centre[0] - left, camera.centre[1]), size=size)
    _paint_floor(part, points, scale, camera, theme, reach)
    fine = camera.magnified(magnify)
    surface = draw_body(points, scale, fine)
    blocks = (size[1], magnify, size[0], magnify)
    on = np.isfinite(surface.depth)
    cover = on.reshape(blocks).mean(axis=(1, 3), dtype=np.float32)
    rows, columns = np.nonzero(cover.any(axis=1))[0], np.nonzero(cover.any(axis=0))[0]
    if not len(rows):
        return
    box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    large = tuple(slice(side.start * magnify, side.stop * magnify) for side in box)
    colour = np.zeros((*on[large].shape, 3), np.float32)
    colour[on[large]] = _shade(surface, on, theme)
    blocks = (len(range(*box[0].indices(size[1]))), magnify, len(range(*box[1].indices(size[0]))), magnify)
    part[box] *= 1 - cover[box][..., None]
    part[box] += colour.reshape(*blocks, 3).mean(axis=(1, 3))


def _paint_floor(
    part: Array, points: Array, scale: float, camera: Camera, theme: Theme, reach: float
) -> None:
    x, z = floor_points(camera)
    away = np.hypot(x - camera.target[0], z - camera.target[2]) / reach
    fade = np.clip(1.15 - 1.25 * away, 0, 1)
    # Metres of floor that a pixel covers, across and in depth.
    blur = np.array([1.0, 1 / np.sin(camera.elevation)]) / camera.pixels_per_metre
    sin, cos = abs(np.sin(camera.azimuth)), abs(np.cos(camera.azimuth))
    lines = np.zeros_like(away)
    for at, width in ((x, blur[0] * cos + blur[1] * sin), (z, blur[0] * sin + blur[1] * cos)):
        off = np.abs((at / 0.5 + 0.5) % 1 - 0.5) * 0.5
        np.maximum(lines, np.clip(1.1 - off / width, 0, 1), out=lines)
    ink = (0.42 * lines * fade)[..., None]
    part *= 1 - ink
    part += ink * np.array(theme.grid)
    part *= 1 - theme.shade * floor_shadow(points, scale, camera)[..., None]


def _shade(surface: Surface, on: Array, theme: Theme) -> Array:
    """Colour of the pixels that show the body, in the order of the mask `on`."""
    seen = surface.part[on]
    normal = surface.normal[on]
    key = np.clip(normal @ _LIGHT, 0, None)
    sky = 0.5 + 0.5 * normal[:, 1]
    rim = 1 - np.clip(normal[:, 2], 0, 1)
    light = theme.ambient * (0.72 + 0.4 * sky) + 0.5 * key - 0.15 * rim * rim
    # What is farther away is a little darker: limbs in front stand out.
    light += np.clip(surface.depth[on], -0.5, 0.5) * 0.13
    gloss = np.where(seen == PARTS.index("visor"), 70.0, 16.0) * key**24
    base = np.array(theme.parts(), np.float32)[seen]
    colour: Array = np.clip(base * light[:, None] + gloss[:, None], 0, 255)
    return colour


def write_heading(
    draw: ImageDraw.ImageDraw, clip: Clip, at: tuple[int, int], width: int, size: int, theme: Theme
) -> None:
    """Caption, or else name, in at most two lines of letters `size` pixels high."""
    text = " ".join((clip.caption or clip.name).split())
    if not text:
        return
    face = font(size, text.isascii())
    lines: list[str] = []
    rest = text
    while rest and len(lines) < 2:
        count = len(rest)
        while count > 1 and draw.textlength(rest[:count], font=face) > width:
            space = rest.rfind(" ", 0, count)
            count = space if space > 0 else count - 1
        lines.append(rest[:count].strip())
        rest = rest[count:].strip()
    if rest:
        lines[-1] = lines[-1][:-1].rstrip() + "…"
    for row, line in enumerate(lines):
        draw.text((at[0], at[1] + row * size * 1.25), line, fill=theme.ink, font=face)
