"""`bimotion convert`: a motion file to another format."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, arg

from bimotion.cli.file_options import Reading, ReadingOptions, Writing, WritingOptions
from bimotion.cli.options import Flag, MachineOptions, Machines
from bimotion.cli.terminal import say

if TYPE_CHECKING:
    from bimotion.motion.clip import Clip


@dataclass(frozen=True)
class Convert:
    """Convert a motion file; the suffixes choose the formats.

    Reads .bvh .amc .npy .npz (joint positions, HumanML3D features, AMASS). Writes .bvh .glb .npy .npz .html .mp4 .gif
    .png. Output has the 22 joints of the SMPL skeleton, Y up; the defaults suit Blender.

    examples:
      bimotion convert dance.bvh dance.glb
      bimotion convert 02_01.amc walk.bvh --fps 30
      bimotion convert mine.bvh mine.npz --joint-map mine.json --unit cm
      bimotion convert walk.bvh unreal.bvh --names unreal --out-unit cm --root-bone
      bimotion convert walk.bvh loop.glb --start 1 --end 2.2 --in-place
      bimotion convert walk.bvh walk.npy --features
      bimotion convert takes/ converted/ --to glb
    """

    source: Annotated[Positional[Path], arg(metavar="IN")]
    """The file to read, or a folder."""
    out: Annotated[Positional[Path], arg(metavar="OUT")]
    """The file to write (overwritten if it exists), or the folder where IN is one."""
    to: Annotated[Literal["bvh", "glb", "npy", "npz"] | None, arg(help_behavior_hint="(for a folder)")] = None
    """Format of the files where IN is a folder; to continue after an interruption, run the same command again."""
    mirror: Flag = False
    """Swap left and right."""
    features: Flag = False
    """Write HumanML3D features (T, 263) at 20 frames per second instead of joint positions (.npy only)."""
    reading: ReadingOptions = Reading()
    """How IN is read."""
    writing: WritingOptions = Writing()
    """How OUT is written."""
    machines: MachineOptions = Machines()
    """Where a folder is converted."""

    def run(self) -> None:
        """Read, change, write."""
        from bimotion.cli.usage import UsageError

        if self.source.is_dir():
            self._folder()
            return
        if self.to is not None:
            raise UsageError(
                "--to: expected a folder to convert; the suffix of OUT chooses the format of a file"
            )
        self.writing.check(self.out)
        if self.features and self.out.suffix.lower() != ".npy":
            raise UsageError(f"{self.out}: --features can only be written to .npy")
        if self.features and self.writing.fps not in (None, 20):
            raise UsageError("--fps: HumanML3D features always have 20 frames per second")
        clip = self.reading.read(self.source)
        if self.mirror:
            clip = clip.mirror()
        if self.features:
            self._write_features(clip)
            return
        clip = self.writing.save(clip, self.out)
        say(f"{self.out}: {clip.duration:.2f} s, {len(clip)} frames at {clip.fps:g} per second")

    def _folder(self) -> None:
        """Convert the files of a folder that are not converted yet."""
        from bimotion.cli.folder_jobs import run_rows
        from bimotion.cli.usage import UsageError
        from bimotion.jobs.folders import CONVERT_COLUMNS, convert_job

        if self.to is None or self.features:
            raise UsageError(
                "expected --to, as in: bimotion convert takes/ converted/ --to glb (without --features)"
            )
        self.out.mkdir(parents=True, exist_ok=True)

        job = convert_job(
            self.source, self.out, f".{self.to}", self.reading.read, self.writing.save, mirror=self.mirror
        )
        run_rows(job, self.out / "converted.csv", CONVERT_COLUMNS, "converting", engine=self.machines.start())

    def _write_features(self, clip: "Clip") -> None:
        import numpy as np

        from bimotion.features.clips import clip_to_features
        from bimotion.storage.atomic import atomic_path

        features = clip_to_features(self.writing.options().edit(clip))
        with atomic_path(self.out) as beside, beside.open("wb") as file:
            np.save(file, features)
        say(f"{self.out}: HumanML3D features {features.shape} at 20 frames per second")
