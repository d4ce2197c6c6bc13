"""Arguments that several commands share, each defined once."""

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import Positional, arg

from bimotion.models.choices import Precision, Sampler
from bimotion.motion.formats.joint_names import NameSet
from bimotion.motion.formats.write_options import OutUnit

if TYPE_CHECKING:
    from bimotion.engines.engine import Engine
    from bimotion.inference.model import MotionLanguageModel
    from bimotion.motion.clip import Clip
    from bimotion.motion.formats import ReadOptions
    from bimotion.motion.formats.write_options import WriteOptions

Files = Annotated[Positional[tuple[Path, ...]], arg(metavar="FILE...", help_behavior_hint="(one or more)")]
"""One or more motion files."""

File = Annotated[Positional[Path], arg(metavar="FILE")]
"""One motion file."""

Out = Annotated[Path, arg(metavar="FILE")]
"""The file to write."""

Model = Annotated[
    str | None,
    arg(
        metavar="MODEL",
        help_behavior_hint="(default: the bundled model; hf:OWNER/NAME[@REVISION]: from the Hub)",
    ),
]
"""A model folder, a training run, or a Hub repository."""

Flag = Annotated[bool, arg(help_behavior_hint="")]
"""A switch, off by default."""

Seed = Annotated[int | None, arg(metavar="N", help_behavior_hint="(default: random)")]
"""A seed; the same seed gives the same result."""

Evaluator = Annotated[
    Path | None, arg(metavar="FOLDER", help_behavior_hint="(default: the bundled evaluator)")
]
"""Folder or run of an evaluator."""

Device = Annotated[str, arg(metavar="DEVICE")]
"""Device that the model runs on."""

Guidance = Annotated[float | None, arg(metavar="W", help_behavior_hint="(default: the model's)")]
Steps = Annotated[int | None, arg(metavar="N", help_behavior_hint="(default: the model's)")]
SamplerName = Annotated[Sampler | None, arg(help_behavior_hint="(default: the model's)")]


@dataclass(frozen=True)
class Running:
    """Which model runs, and how; shared by all commands that use one."""

    model: Model = None
    """Model folder, training run or Hub repository."""
    device: Device = "cpu"
    """Device that the model runs on: cpu, cuda, mps."""
    precision: Precision = "fp32"
    """Number format that the model computes in; int8 is for large models on a CPU (docs/performance.md)."""

    def check(self) -> None:
        """Fail early if the model does not exist.

        Raises:
            ModelError: the model does not exist.
        """
        from bimotion.api import model_folder

        model_folder(self.model)

    def load(self) -> "MotionLanguageModel":
        """The model.

        Raises:
            ModelError: it does not exist, is broken, or cannot run with these settings.
        """
        from bimotion.api import load

        return load(self.model, device=self.device, precision=self.precision)


RunningOptions = Annotated[Running, arg(name="")]
"""The options of `Running`, without a prefix."""


EngineName = Annotated[Literal["local", "ray"], arg(help_behavior_hint="(default: local)")]
"""Where work runs."""


@dataclass(frozen=True)
class Machines:
    """Where the work of a job runs; shared by all commands that work on many files or sentences."""

    engine: EngineName = "local"
    """local: processes of this machine. ray: a Ray cluster (docs/scale.md), which the variable RAY_ADDRESS names;
    without it, one on this machine."""
    workers: Annotated[
        int | None, arg(metavar="N", help_behavior_hint="(default: 1; ray: as many as there is room for)")
    ] = None
    """Processes that work at the same time."""

    def start(self, device: str = "cpu") -> "Engine":
        """The engine; each of its processes gets a GPU if `device` is one.

        Raises:
            ConfigError: fewer than one worker, Ray is not installed, or there is no cluster.
        """
        from bimotion.engines.local import LocalEngine

        if self.engine == "local":
            return LocalEngine(1 if self.workers is None else self.workers)
        from bimotion.engines.on_ray import RayEngine, connect

        engine = RayEngine(self.workers, gpus=float(device.startswith("cuda")))
        connect(self.workers)
        return engine


MachineOptions = Annotated[Machines, arg(name="")]
"""The options of `Machines`, without a prefix."""


@dataclass(frozen=True)
class SamplingArguments:
    """How motion is sampled; shared by all commands that generate some."""

    seed: Seed = None
    """Random seed: the same seed gives the same motion."""
    guidance: Guidance = None
    """Guidance scale: how closely the motion follows the prompt; 1 samples without guidance."""
    steps: Steps = None
    """Number of sampling steps: more are slower and slightly better."""
    sampler: SamplerName = None
    """Diffusion sampler."""

    def first_seed(self) -> int:
        """The seed, or a random one that can be printed."""
        return secrets.randbelow(2**31) if self.seed is None else self.seed

    def check(self) -> None:
        """Fail early if a setting is out of range.

        Raises:
            ConfigError: it is.
        """
        from bimotion.inference.settings import Sampling

        Sampling(self.seed, **self.settings())

    def settings(self) -> dict[str, Any]:
        """The settings as arguments of the model's methods, without the seed."""
        return {"guidance_scale": self.guidance, "steps": self.steps, "sampler": self.sampler}


SamplingOptions = Annotated[SamplingArguments, arg(name="")]
"""The options of `SamplingArguments`, without a prefix."""


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
