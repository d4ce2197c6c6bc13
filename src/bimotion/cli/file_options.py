"""Arguments about reading and writing motion files that several commands share, each defined once."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import arg

from bimotion.cli.options import Flag
from bimotion.motion.formats.joint_names import NameSet
from bimotion.motion.formats.write_options import OutUnit

if TYPE_CHECKING:
    from bimotion.motion.clip import Clip
    from bimotion.motion.formats import ReadOptions
    from bimotion.motion.formats.write_options import WriteOptions


@dataclass(frozen=True)
class Reading:
    """How motion files are read; what is not set is detected from the file."""

    skeleton: Annotated[
        Path | None, arg(metavar="ASF", help_behavior_hint="(default: beside the AMC file)")
    ] = None
    """The skeleton of an AMC file."""
    joint_map: Annotated[Path | None, arg(metavar="JSON", help_behavior_hint="(default: detected)")] = None
    """Names of the joints that detection gets wrong, as a JSON object (docs/formats.md)."""
    unit: Annotated[
        Literal["m", "dm", "cm", "inch", "mm"] | None,
        arg(help_behavior_hint="(default: from the size of the body)"),
    ] = None
    """Unit of the file's lengths."""
    up: Annotated[Literal["y", "z"] | None, arg(help_behavior_hint="(default: from the rest pose)")] = None
    """Up axis of the file."""
    rate: Annotated[float | None, arg(metavar="FPS", help_behavior_hint="(default: from the file)")] = None
    """True frame rate of a file that states none or a wrong one; the motion is not resampled."""
    body_model: Annotated[Path | None, arg(metavar="DIR", help_behavior_hint="(AMASS only)")] = None
    """Folder of `smplx` body models; without it, SMPL's mean skeleton is used."""
    animation: Annotated[
        str | None,
        arg(metavar="NAME|INDEX", help_behavior_hint="(default: the first that moves a joint)"),
    ] = None
    """Animation of a glTF or FBX file, by its name or its index from 0."""

    def options(self) -> "ReadOptions":
        """The options as `read_motion` takes them."""
        from bimotion.motion.formats import ReadOptions

        return ReadOptions(
            self.skeleton,
            self.joint_map,
            self.unit,
            self.up,
            self.rate,
            self.body_model,
            self.animation,
        )

    def read(self, path: Path) -> "Clip":
        """The motion in a file.

        Raises:
            MotionFileError: the file cannot be used.
        """
        options = self.options()
        from bimotion.api import read_clip

        return read_clip(path, **vars(options))


ReadingOptions = Annotated[Reading, arg(name="")]
"""The options of `Reading`, without a prefix."""


@dataclass(frozen=True)
class Writing:
    """How motion files are written; the defaults suit Blender."""

    names: Annotated[NameSet, arg(help_behavior_hint="(default: smpl; .bvh and .glb only)")] = "smpl"
    """Joint names: smpl for Blender and research code, mixamo for Mixamo, Maya and MotionBuilder, unreal for Unreal
    Engine, unity for Unity's Humanoid, vrm for VRM avatars."""
    out_unit: Annotated[OutUnit, arg(help_behavior_hint="(default: m; .bvh only)")] = "m"
    """Unit of lengths: m for Blender and three.js, cm for Maya, MotionBuilder and Unreal."""
    fps: Annotated[float | None, arg(metavar="FPS", help_behavior_hint="(default: unchanged)")] = None
    """Frame rate of the written file, such as 24, 25, 30 or 60; rotations are interpolated."""
    in_place: Flag = False
    """Remove horizontal root translation, so that the motion stays on the spot."""
    root_bone: Flag = False
    """Add a root bone on the floor with the path and heading: root motion for Unreal and Unity (.bvh, .glb)."""
    start: Annotated[float | None, arg(metavar="S", help_behavior_hint="(default: the beginning)")] = None
    """Start of the part to write, in seconds."""
    end: Annotated[float | None, arg(metavar="S", help_behavior_hint="(default: the end)")] = None
    """End of the part to write, in seconds."""
    sidecar: Flag = False
    """Also write a .json file with caption, frame rate and length beside each motion."""
    camera: Annotated[
        Literal["follow", "fixed", "front", "side", "top"], arg(help_behavior_hint="(default: follow)")
    ] = "follow"
    """Camera of .mp4 and .gif: `fixed` stands still and shows the whole path, the others follow the body."""
    trail: Flag = False
    """Draw the path on the floor (.mp4, .gif)."""
    contacts: Flag = False
    """Highlight feet that touch the floor (.mp4, .gif)."""

    def check(self, path: Path) -> None:
        """Fail early if a clip cannot be written to `path`.

        Raises:
            BimotionError: the path or an option cannot be used.
        """
        from bimotion.render.files import check_writable

        check_writable(path)
        self.options().check_suffix(path.suffix.lower())

    def options(self) -> "WriteOptions":
        """The options as `save_clip` takes them.

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
            camera=self.camera,
            trail=self.trail,
            contacts=self.contacts,
        )
        return self.options().resampled(clip)


WritingOptions = Annotated[Writing, arg(name="")]
"""The options of `Writing`, without a prefix."""
