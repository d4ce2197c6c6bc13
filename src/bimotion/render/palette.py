"""Colours, light and fonts of the pictures, similar to those of the web viewer."""

from dataclasses import dataclass
from functools import cache
from typing import Literal

from PIL import ImageFont

ThemeName = Literal["light", "dark"]
Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Theme:
    """Colours of a picture, red, green and blue from 0 to 255."""

    left: Colour
    right: Colour
    torso: Colour
    head: Colour
    visor: Colour
    contact: Colour
    """Feet that touch the floor, where this is shown."""
    top: Colour
    """Background at the upper edge."""
    bottom: Colour
    """Background at the lower edge."""
    grid: Colour
    ink: Colour
    """Captions."""
    soft: Colour
    """Names and times."""
    shade: float
    """How dark a shadow is, 0 to 1."""
    ambient: float
    """Light that comes from everywhere; 1 leaves colours as they are."""

    def parts(self) -> tuple[Colour, ...]:
        """In the order of `raster.PARTS`."""
        return (self.left, self.right, self.torso, self.head, self.visor, self.contact)


THEMES: dict[str, Theme] = {
    "light": Theme(
        left=(47, 122, 229),
        right=(238, 108, 44),
        torso=(213, 218, 226),
        head=(230, 233, 238),
        visor=(37, 44, 57),
        contact=(24, 160, 88),
        top=(248, 250, 252),
        bottom=(229, 234, 241),
        grid=(120, 136, 160),
        ink=(28, 36, 49),
        soft=(92, 105, 128),
        shade=0.26,
        ambient=0.6,
    ),
    "dark": Theme(
        left=(75, 146, 247),
        right=(249, 128, 60),
        torso=(170, 179, 194),
        head=(195, 202, 214),
        visor=(20, 25, 34),
        contact=(52, 199, 120),
        top=(40, 48, 62),
        bottom=(20, 25, 34),
        grid=(124, 143, 175),
        ink=(232, 237, 245),
        soft=(159, 173, 194),
        shade=0.5,
        ambient=0.54,
    ),
}

# The font inside Pillow has the Latin letters only; these are tried for others.
_WIDE_FONTS = ("NotoSansCJK-Regular.ttc", "DejaVuSans.ttf", "NotoSans-Regular.ttf", "Arial Unicode.ttf")


@cache
def font(size: int, latin: bool = True) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """A typeface of this height in pixels; with `latin` False one with more letters, if the system has it."""
    for name in () if latin else _WIDE_FONTS:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return ImageFont.load_default(size)
