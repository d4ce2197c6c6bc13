"""Paints one pose with floor, shadow and heading into a picture.

Shapes: P points, H image height, W image width.
"""

from dataclasses import replace

import numpy as np
from jaxtyping import Float, UInt8
from PIL import ImageDraw

from bimotion.motion.clip import Clip
from bimotion.render import compiled
from bimotion.render.palette import Colour, Theme, font
from bimotion.render.raster import (
    LIGHT,
    PARTS,
    Camera,
    Surface,
    draw_body,
    floor_points,
    floor_shadow,
    grid_blur,
)

Array = np.ndarray


def background(width: int, height: int, theme: Theme) -> UInt8[Array, "H W 3"]:
    """A picture without anything in it, red, green and blue from 0 to 255."""
    mix = np.linspace(0, 1, height)[:, None, None]
    column = np.array(theme.top) * (1 - mix) + np.array(theme.bottom) * mix
    return np.broadcast_to(column + 0.5, (height, width, 3)).astype(np.uint8, order="C")


def mix(a: Colour, b: Colour, part: float) -> Colour:
    """A colour between two."""
    mixed = np.round(np.array(a) * (1 - part) + np.array(b) * part)
    return int(mixed[0]), int(mixed[1]), int(mixed[2])


class Painter:
    """Draws poses with floor and shadow into pictures of one size, with the compiled library where it exists."""

    def __init__(self, size: tuple[int, int], theme: Theme, magnify: int = 3) -> None:
        self.size, self.theme, self.magnify = size, theme, magnify
        self.canvas = compiled.Canvas(size, magnify) if compiled.available() else None

    def draw(
        self,
        picture: UInt8[Array, "H W 3"],
        points: Float[Array, "P 3"],
        scale: float,
        camera: Camera,
        touching: tuple[bool, bool] = (False, False),
    ) -> None:
        """Paint floor, shadow and body on the picture; feet that are `touching` have the colour of contact."""
        reach = 1.25 * scale  # metres of floor around the body that are drawn
        if self.canvas is not None:
            self.canvas.draw(picture, points, scale, camera, self.theme, reach, touching)
            return
        middle = camera.pixels_per_metre
        left = max(int(camera.centre[0] - reach * middle), 0)
        right = min(int(camera.centre[0] + reach * middle) + 1, picture.shape[1])
        part = picture[:, left:right].astype(np.float32)
        size = (part.shape[1], part.shape[0])
        camera = replace(camera, centre=(camera.centre[0] - left, camera.centre[1]), size=size)
        _paint_floor(part, points, scale, camera, self.theme, reach)
        _paint_body(
            part, draw_body(points, scale, camera.magnified(self.magnify), touching), self.theme, self.magnify
        )
        picture[:, left:right] = (np.clip(part, 0, 255) + 0.5).astype(np.uint8)


def _paint_body(part: Float[Array, "H W 3"], surface: Surface, theme: Theme, magnify: int) -> None:
    """Mean of the fine pixels over each pixel of the picture."""
    height, width = part.shape[:2]
    on = np.isfinite(surface.depth)
    cover = on.reshape(height, magnify, width, magnify).mean(axis=(1, 3), dtype=np.float32)
    rows, columns = np.nonzero(cover.any(axis=1))[0], np.nonzero(cover.any(axis=0))[0]
    if not len(rows):
        return
    box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    large = tuple(slice(side.start * magnify, side.stop * magnify) for side in box)
    colour = np.zeros((*on[large].shape, 3), np.float32)
    colour[on[large]] = _shade(surface, on, theme)
    size = (rows[-1] + 1 - rows[0], columns[-1] + 1 - columns[0])
    part[box] *= 1 - cover[box][..., None]
    part[box] += colour.reshape(size[0], magnify, size[1], magnify, 3).mean(axis=(1, 3))


def _paint_floor(
    part: Array, points: Array, scale: float, camera: Camera, theme: Theme, reach: float
) -> None:
    x, z = floor_points(camera)
    away = np.hypot(x - camera.target[0], z - camera.target[2]) / reach
    fade = np.clip(1.15 - 1.25 * away, 0, 1)
    lines = np.zeros_like(away)
    for at, width in zip((x, z), grid_blur(camera), strict=True):
        off = np.abs((at / 0.5 + 0.5) % 1 - 0.5) * 0.5
        np.maximum(lines, np.clip(1.1 - off / width, 0, 1), out=lines)
    ink = (0.42 * lines * fade)[..., None]
    part *= 1 - ink
    part += ink * np.array(theme.grid)
    part *= 1 - theme.shade * floor_shadow(points, scale, camera)[..., None]


def _shade(surface: Surface, on: Array, theme: Theme) -> Array:
    """Colour of the pixels that show the body, in the order of the mask `on`."""
    visible = surface.part[on]
    normal = surface.normal[on]
    key = np.clip(normal @ LIGHT, 0, None)
    sky = 0.5 + 0.5 * normal[:, 1]
    rim = 1 - np.clip(normal[:, 2], 0, 1)
    light = theme.ambient * (0.72 + 0.4 * sky) + 0.5 * key - 0.15 * rim * rim
    # Distant parts are a little darker, so that limbs in front stand out.
    light += np.clip(surface.depth[on], -0.5, 0.5) * 0.13
    gloss = np.where(visible == PARTS.index("visor"), 70.0, 16.0) * key**24
    base = np.array(theme.parts(), np.float32)[visible]
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
