"""Arguments that several commands share, with one wording each."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, arg

from bimotion.motion.formats.joint_names import NameSet
from bimotion.motion.formats.write_options import OutUnit

if TYPE_CHECKING:
    from bimotion.motion.clip import Clip
    from bimotion.motion.formats.write_options import WriteOptions

Files = Annotated[Positional[tuple[Path, ...]], arg(metavar="FILE...", help_behavior_hint="(one or more)")]
"""One or more motion files."""

File = Annotated[Positional[Path], arg(metavar="FILE")]
"""One motion file."""

Out = Annotated[Path, arg(metavar="FILE")]
"""The file to write."""

Model = Annotated[
    str | None, arg(metavar="MODEL", help_behavior_hint="(default: the model that comes with bimotion)")
]
"""A model folder or a Hub repository."""

Seed = Annotated[int | None, arg(metavar="N", help_behavior_hint="(default: another one every time)")]
"""What makes a result repeatable."""

Evaluator = Annotated[
    Path | None, arg(metavar="FOLDER", help_behavior_hint="(default: the bundled evaluator)")
]
"""Folder or run of an evaluator."""

Device = Annotated[str, arg(metavar="DEVICE")]
"""Where the model runs."""

Precision = Literal["fp32", "bf16", "int8"]
"""What the model computes in."""


@dataclass(frozen=True)
class Reading:
    """How motion files are read; what is not given is found out from the file."""

    skeleton: Annotated[Path | None, arg(metavar="ASF", help_behavior_hint="(default: found beside it)")] = (
        None
    )
    """The skeleton of an AMC file."""
    joint_map: Annotated[Path | None, arg(metavar="JSON", help_behavior_hint="(default: by the names)")] = (
        None
    )
    """Which joint of the file is which, for skeletons that bimotion does not know (docs/formats.md)."""
    unit: Annotated[
        Literal["m", "cm", "inch", "mm"] | None, arg(help_behavior_hint="(default: from the body's height)")
    ] = None
    """Unit of the file's lengths."""
    body_model: Annotated[Path | None, arg(metavar="DIR", help_behavior_hint="(AMASS only)")] = None
    """A folder of `smplx` body models."""

    def read(self, path: Path) -> "Clip":
        """The motion in a file.

        Raises:
            MotionFileError: the file cannot be used.
        """
        from bimotion.api import read_clip

        return read_clip(
            path,
            skeleton=self.skeleton,
            joint_map=self.joint_map,
            unit=self.unit,
            body_model=self.body_model,
        )


ReadingOptions = Annotated[Reading, arg(name="")]
"""The options of `Reading`, without a prefix."""


@dataclass(frozen=True)
class Writing:
    """How motion files are written; the defaults suit Blender."""

    names: Annotated[NameSet, arg(help_behavior_hint="(default: smpl; .bvh and .glb only)")] = "smpl"
    """Joint names: mixamo for Mixamo, Maya and MotionBuilder, unreal for Unreal Engine, unity for Unity's Humanoid, vrm
    for VRM avatars, smpl for Blender and research code."""
    out_unit: Annotated[OutUnit, arg(help_behavior_hint="(default: m; .bvh only)")] = "m"
    """Unit of written lengths: m suits Blender and three.js, cm Maya, MotionBuilder and Unreal."""
    fps: Annotated[float | None, arg(metavar="FPS", help_behavior_hint="(default: as it is)")] = None
    """Frames per second to write, such as 24, 25, 30 or 60; rotations are interpolated."""
    in_place: bool = False
    """Take the way along the floor out of the motion: it treads on the spot."""
    root_bone: bool = False
    """Add a bone on the floor that carries way and heading, for root motion in Unreal and Unity (.bvh, .glb)."""
    start: Annotated[float | None, arg(metavar="S", help_behavior_hint="(default: the beginning)")] = None
    """Second at which the written part begins."""
    end: Annotated[float | None, arg(metavar="S", help_behavior_hint="(default: the end)")] = None
    """Second at which the written part ends."""
    sidecar: bool = False
    """Write caption, rate and length to a .json file beside each motion as well."""

    def check(self, path: Path) -> None:
        """Say now what would go wrong when a clip is written to `path`.

        Raises:
            BimotionError: the path or an option cannot be used.
        """
        from bimotion.api import check_writable

        check_writable(path)
        self.options().check_suffix(path.suffix.lower())

    def options(self) -> "WriteOptions":
        """The options of the file.

        Raises:
            ConfigError: one outside its range.
        """
        from bimotion.motion.formats.write_options import WriteOptions

        return WriteOptions(
            self.names, self.out_unit, self.fps, self.in_place, self.root_bone, self.start, self.end
        )

    def save(self, clip: "Clip", path: Path) -> "Clip":
        """Write the clip; returns the part that was written, at the rate of the file.

        Raises:
            BimotionError: the path or an option cannot be used.
        """
        from bimotion.api import save_clip

        save_clip(
            clip,
            path,
            names=self.names,
            unit=self.out_unit,
            fps=self.fps,
            in_place=self.in_place,
            root_bone=self.root_bone,
            start=self.start,
            end=self.end,
            sidecar=self.sidecar,
        )
        return self.options().resampled(clip)


WritingOptions = Annotated[Writing, arg(name="")]
"""The options of `Writing`, without a prefix."""
