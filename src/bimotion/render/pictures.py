"""Motions as pictures: poses along time, sheets of several clips, and moving pictures.

Shapes: P points, H image height, W image width.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image, ImageDraw

from bimotion.errors import ConfigError
from bimotion.motion.clip import Clip, heading
from bimotion.motion.retarget.planting import contacts
from bimotion.render.body import body_points, body_scale
from bimotion.render.paint import Painter, background, mix, write_heading
from bimotion.render.palette import THEMES, Colour, ThemeName, font
from bimotion.render.raster import Camera
from bimotion.storage.atomic import atomic_path

Array = np.ndarray

_ELEVATION = np.radians(16.0)
_TURN = np.radians(38.0)  # from the front: shows the face and the length of a stride

CameraMode = Literal["follow", "fixed", "front", "side", "top"]
"""Camera of a moving picture."""

_ANGLES: dict[str, tuple[float, float]] = {
    "follow": (_TURN, _ELEVATION),
    "fixed": (_TURN, _ELEVATION),
    "front": (0.0, np.radians(6.0)),
    "side": (np.radians(90.0), np.radians(6.0)),
    "top": (0.0, np.radians(80.0)),
}
"""Azimuth relative to the body's first heading, and elevation, radians."""


def draw_strip(clip: Clip, frames: int = 8, *, height: int = 420, theme: ThemeName = "light") -> Image.Image:
    """Poses at even times from the first frame to the last, side by side, with caption and seconds.

    All poses are seen from one side, chosen by the heading of the first. They are evenly spaced, whatever the
    distance travelled; the grid on the floor, in half metres, stays with the world.

    Args:
        clip: The motion.
        frames: Number of poses; a shorter clip gives fewer.
        height: Of the picture in pixels; its width follows from the poses.
        theme: "light" or "dark".

    Raises:
        ConfigError: Fewer than one pose, or a picture too small to draw in.
    """
    return draw_sheet([clip], frames, height=height, theme=theme)


def draw_sheet(
    clips: Sequence[Clip], frames: int = 8, *, height: int = 420, theme: ThemeName = "light"
) -> Image.Image:
    """Strips of several clips one above the other, at one scale; `height` is that of one strip.

    Raises:
        ConfigError: No clips, fewer than one pose, or strips too small to draw in.
    """
    if not clips:
        raise ConfigError("a picture needs at least one clip, got none")
    if frames < 1:
        raise ConfigError(f"frames must be at least 1, got {frames}")
    if height < 120:
        raise ConfigError(f"height must be at least 120 pixels, got {height}")
    strips = [_Strip(clip, frames) for clip in clips]
    margin = height // 22
    head = round(height * 0.2)
    foot = round(height * 0.1)
    tall = max(strip.high - strip.low for strip in strips)
    scale = (height - head - foot) / tall
    width = max(round(len(strip.times) * strip.step * scale) for strip in strips) + 2 * margin
    colours = THEMES[theme]
    sheet = background(width, height * len(strips), colours)
    painter = Painter((width, height), colours)
    for row, strip in enumerate(strips):
        top = row * height
        step = (width - 2 * margin) / len(strip.times)
        layer = sheet[top : top + height]
        for column in range(len(strip.times)):
            centre = (margin + (column + 0.5) * step, height - foot + strip.low * scale)
            camera = strip.camera(column, centre, scale, layer)
            painter.draw(layer, strip.poses[column], strip.scale, camera)
    picture = Image.fromarray(sheet)
    draw = ImageDraw.Draw(picture)
    for row, strip in enumerate(strips):
        top = row * height
        write_heading(draw, strip.clip, (margin, top + margin), width - 2 * margin, height // 18, colours)
        step = (width - 2 * margin) / len(strip.times)
        baseline = top + height - foot * 0.42
        small = font(max(height // 28, 10))
        for column, time in enumerate(strip.times):
            at = (margin + (column + 0.5) * step, baseline)
            draw.text(at, f"{time:.1f} s", fill=colours.soft, font=small, anchor="mm")
        if row:
            draw.line(
                [(margin, top), (width - margin, top)], fill=mix(colours.bottom, colours.grid, 0.4), width=1
            )
    return picture


@dataclass(frozen=True)
class VideoStyle:
    """Camera and overlays of a moving picture."""

    camera: CameraMode = "follow"
    """follow: from ahead to one side, with the body; fixed: from there, standing still, with the whole path in view;
    front, side, top: from there, with the body."""
    trail: bool = False
    """Draw the path of the body on the floor."""
    contacts: bool = False
    """Colour feet that touch the floor."""
    theme: ThemeName = "light"


def draw_frames(
    clip: Clip,
    *,
    size: tuple[int, int] = (480, 480),
    fps: float | None = None,
    style: VideoStyle | None = None,
) -> Iterator[UInt8[Array, "H W 3"]]:
    """The motion as a moving picture, a frame at a time, with caption or name above it.

    Args:
        clip: The motion; it is resampled if `fps` is another than its own.
        size: Width and height in pixels.
        fps: Pictures a second; None keeps the clip's.
        style: Camera, colours and overlays.

    Raises:
        ConfigError: A picture too small to draw in.
    """
    style = style or VideoStyle()
    width, height = size
    if min(size) < 64:
        raise ConfigError(f"pictures must be at least 64 pixels wide and high, got {width} x {height}")
    if fps is not None and fps != clip.fps:
        clip = clip.resample(fps)
    colours = THEMES[style.theme]
    points, scale = body_points(clip), body_scale(clip)
    cameras = _cameras(clip, points, scale, size, style.camera)
    sky = background(width, height, colours)
    heading = Image.fromarray(sky)
    edge, letters = width // 24, max(height // 24, 11)
    write_heading(ImageDraw.Draw(heading), clip, (edge, edge), width - 2 * edge, letters, colours)
    sky = np.array(heading)
    standing = (
        contacts(clip.joints.astype(np.float64), clip.fps)
        if style.contacts
        else np.zeros((len(clip), 2), bool)
    )
    painter = Painter(size, colours, magnify=2)
    for frame, camera in enumerate(cameras):
        picture = sky.copy()
        if style.trail:
            picture = _with_trail(picture, points[: frame + 1, 0], camera, colours.contact)
        painter.draw(
            picture, points[frame], scale, camera, (bool(standing[frame, 0]), bool(standing[frame, 1]))
        )
        yield picture


def _cameras(
    clip: Clip, points: Float[Array, "T P 3"], scale: float, size: tuple[int, int], mode: CameraMode
) -> list[Camera]:
    """The camera of each frame, such that all of the motion is in the picture below the caption."""
    width, height = size
    turn, elevation = _ANGLES[mode]
    azimuth = _azimuth(clip) - _TURN + turn
    path = _smooth(points[:, 0, [0, 2]], sigma=0.35 * clip.fps)
    if mode == "fixed":
        path = np.tile((path.max(0) + path.min(0)) / 2, (len(path), 1))
    camera = Camera(azimuth, elevation, (0.0, 0.0, 0.0), (0.0, 0.0), 1.0, size)
    followed = [replace(camera, target=(float(x), 0.0, float(z))) for x, z in path]
    projected = np.stack([each.view(pose) for each, pose in zip(followed, points, strict=True)])
    margin = 0.16 * scale
    low, high = projected[..., 1].min() - margin, projected[..., 1].max() + 1.4 * margin
    half = np.abs(projected[..., 0]).max() + margin
    head = 0.14 if clip.caption or clip.name else 0.03
    zoom = float(min(height * (0.95 - head) / (high - low), width / (2 * half)))
    centre = (width / 2, float(height * (0.5 + head / 2) + (high + low) / 2 * zoom))
    return [replace(each, centre=centre, pixels_per_metre=zoom) for each in followed]


def _with_trail(
    picture: UInt8[Array, "H W 3"], trail: Float[Array, "N 3"], camera: Camera, colour: Colour
) -> UInt8[Array, "H W 3"]:
    """The picture with a line on the floor, drawn at twice its size and made smaller so that it is smooth."""
    if len(trail) < 2:
        return picture
    projected = camera.view(trail * [1, 0, 1])
    x = (camera.centre[0] + projected[:, 0] * camera.pixels_per_metre) * 2
    y = (camera.centre[1] - projected[:, 1] * camera.pixels_per_metre) * 2
    mask = Image.new("L", (2 * camera.size[0], 2 * camera.size[1]))
    line = list(zip(x.tolist(), y.tolist(), strict=True))
    ImageDraw.Draw(mask).line(line, fill=200, width=max(camera.size[1] // 90, 3), joint="curve")
    out = Image.fromarray(picture)
    out.paste(colour, (0, 0, *camera.size), mask.reduce(2))
    return np.array(out)


def write_picture(
    clip: Clip, path: str | PathLike[str], *, frames: int = 8, theme: ThemeName = "light"
) -> None:
    """Writes the strip of `draw_strip` as a PNG file, whole or not at all."""
    picture = draw_strip(clip, frames, theme=theme)
    with atomic_path(Path(path)) as target:
        picture.save(target, format="PNG", optimize=True)


def write_gif(
    clip: Clip,
    path: str | PathLike[str],
    *,
    size: tuple[int, int] = (400, 400),
    style: VideoStyle | None = None,
) -> None:
    """Writes an endless animated GIF, whole or not at all.

    Raises:
        ConfigError: A picture too small to draw in.

    A GIF's frames last whole hundredths of a second: clips play at 20 or 25 frames a second, in true time.
    """
    fps = 20.0 if clip.fps <= 22 or clip.fps % 20 == 0 else 25.0
    pictures = [Image.fromarray(frame) for frame in draw_frames(clip, size=size, fps=fps, style=style)]
    # One palette for all frames: colours do not flicker, and unchanged areas are not stored again.
    samples = pictures[:: max(len(pictures) // 6, 1)]
    joined = Image.new("RGB", (size[0], size[1] * len(samples)))
    for row, picture in enumerate(samples):
        joined.paste(picture, (0, row * size[1]))
    palette = joined.quantize(255, method=Image.Quantize.MEDIANCUT)
    indexed = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]
    with atomic_path(Path(path)) as target:
        indexed[0].save(
            target,
            format="GIF",
            save_all=True,
            append_images=indexed[1:],
            duration=round(1000 / fps),
            loop=0,
            optimize=False,
        )


class _Strip:
    """The poses of one clip and the space that they need, metres."""

    def __init__(self, clip: Clip, frames: int) -> None:
        self.clip = clip
        picks = np.unique(np.round(np.linspace(0, len(clip) - 1, frames)).astype(int))
        self.times = [int(i) / clip.fps for i in picks]
        self.poses = body_points(clip)[picks]
        self.scale = body_scale(clip)
        self.azimuth = _azimuth(clip)
        # Each pose is centred over its extent, so that a stretched arm does not touch its neighbour.
        level = Camera(self.azimuth, _ELEVATION, (0.0, 0.0, 0.0), (0.0, 0.0), 1.0, (1, 1))
        projected = level.view(self.poses)
        middle = (projected[..., 0].min(axis=1) + projected[..., 0].max(axis=1)) / 2
        depth = self.poses[:, 0, [0, 2]] @ level.axes()[2][[0, 2]] / np.cos(_ELEVATION)
        right, out = level.axes()[0], level.axes()[2] / np.cos(_ELEVATION)
        self.targets = middle[:, None] * right + depth[:, None] * out * np.array([1, 0, 1])
        projected = np.stack(
            [level.axes() @ (p - t).T for p, t in zip(self.poses, self.targets, strict=True)]
        )
        margin = 0.12 * self.scale
        self.low, self.high = (
            float(projected[:, 1].min()) - margin,
            float(projected[:, 1].max()) + 1.2 * margin,
        )
        self.step = max(float(np.ptp(projected[:, 0], axis=1).max()) + 2.2 * margin, 0.6 * self.scale)

    def camera(self, column: int, centre: tuple[float, float], scale: float, layer: Array) -> Camera:
        target = tuple(float(value) for value in self.targets[column])
        size = (layer.shape[1], layer.shape[0])
        return Camera(self.azimuth, _ELEVATION, (target[0], 0.0, target[2]), centre, scale, size)


def _azimuth(clip: Clip) -> float:
    return float(heading(clip.joints[:1])[0] + _TURN)


def _smooth(path: Float[Array, "T 2"], sigma: float) -> Float[Array, "T 2"]:
    radius = int(np.ceil(3 * sigma))
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    padded = np.pad(path, ((radius, radius), (0, 0)), mode="edge")
    columns = [np.convolve(padded[:, axis], weights / weights.sum(), mode="valid") for axis in range(2)]
    return np.stack(columns, axis=-1)
