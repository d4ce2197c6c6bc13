"""Options of written motion files: joint names, unit, frame rate, and the part of the clip."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from bimotion.errors import ConfigError
from bimotion.motion.clip import Clip
from bimotion.motion.formats.joint_names import NameSet
from bimotion.motion.trajectory import in_place

OutUnit = Literal["m", "cm"]
"""A unit of written lengths."""

METRES: dict[str, float] = {"m": 1.0, "cm": 0.01}
"""Metres in each unit."""


@dataclass(frozen=True)
class WriteOptions:
    """How a clip is written; the defaults suit Blender.

    Raises:
        ConfigError: an option outside its range.
    """

    names: NameSet = "smpl"
    """Names of the joints in .bvh and .glb."""
    unit: OutUnit = "m"
    """Unit of lengths in .bvh; .glb and the other formats are in metres by definition."""
    fps: float | None = None
    """Frames per second; None keeps the clip's."""
    in_place: bool = False
    """Remove horizontal root translation."""
    root_bone: bool = False
    """Add a root bone on the floor with the path and heading, in .bvh and .glb."""
    start: float | None = None
    """Start of the written part, in seconds of the clip."""
    end: float | None = None
    """End of the written part, in seconds of the clip."""

    def __post_init__(self) -> None:
        for name, value, allowed in (("names", self.names, NameSet), ("unit", self.unit, OutUnit)):
            if value not in get_args(allowed):
                raise ConfigError(f"{name} must be one of {', '.join(get_args(allowed))}, got {value!r}")
        if self.fps is not None and not 1 <= self.fps <= 1000:
            raise ConfigError(f"fps: expected 1 to 1000 frames per second, got {self.fps:g}")
        start, end = self.start or 0.0, np.inf if self.end is None else self.end
        if not 0 <= start < end:
            raise ConfigError(f"start and end: expected 0 <= start < end seconds, got {start:g} and {end:g}")

    def edit(self, clip: Clip) -> Clip:
        """The part of the clip that is written, without root translation if `in_place`; writers change the frame rate.

        Raises:
            ConfigError: the clip ends before `start`.
        """
        first = round((self.start or 0.0) * clip.fps)
        last = len(clip) if self.end is None else min(round(self.end * clip.fps), len(clip))
        if first >= last:
            raise ConfigError(f"start: the motion is {clip.duration:.2f} s long, got {self.start or 0.0:g} s")
        clip = clip[first:last] if (first, last) != (0, len(clip)) else clip
        return in_place(clip) if self.in_place else clip

    def resampled(self, clip: Clip) -> Clip:
        """`edit`, resampled to the written frame rate: for formats that store positions, and for pictures."""
        clip = self.edit(clip)
        return clip if self.fps is None else clip.resample(self.fps)

    def check_suffix(self, suffix: str) -> None:
        """Refuse options that a format does not support.

        Raises:
            ConfigError: `names` or `root_bone` for a format other than .bvh and .glb, `unit` for one other than .bvh.
        """
        if suffix not in (".bvh", ".glb") and (self.names != "smpl" or self.root_bone):
            raise ConfigError(f"names and root_bone are for .bvh and .glb, got {suffix}")
        if suffix != ".bvh" and self.unit != "m":
            raise ConfigError(f"unit: {suffix} is in metres by definition; {self.unit} is for .bvh")
