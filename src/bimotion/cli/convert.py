"""`bimotion convert`: a motion file to another format."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, arg

from bimotion.cli.options import Reading, ReadingOptions
from bimotion.cli.terminal import say

if TYPE_CHECKING:
    from bimotion.motion.clip import Clip


@dataclass(frozen=True)
class Convert:
    """Convert a motion file: the suffixes choose the formats.

    Reads .bvh .amc .npy .npz (joint positions, HumanML3D features, AMASS). Writes .bvh .glb .npy .npz .html .mp4 .gif
    .png. What is written has the 22 joints of the SMPL skeleton, in metres, Y up.

    examples:
      bimotion convert dance.bvh dance.glb
      bimotion convert 02_01.amc walk.bvh --fps 30
      bimotion convert mine.bvh mine.npz --joint-map mine.json --unit cm
      bimotion convert walk.bvh walk.npy --features
    """

    source: Annotated[Positional[Path], arg(metavar="IN")]
    """The file to read."""
    out: Annotated[Positional[Path], arg(metavar="OUT")]
    """The file to write; one that exists is overwritten."""
    fps: Annotated[float | None, arg(metavar="FPS", help_behavior_hint="(default: as it is)")] = None
    """Frames per second to resample to."""
    mirror: bool = False
    """Swap left and right."""
    features: bool = False
    """Write HumanML3D features (T, 263) at 20 frames per second instead of joint positions (.npy only)."""
    reading: ReadingOptions = Reading()
    """How IN is read."""

    def run(self) -> None:
        """Read, change, write."""
        from bimotion.api import check_writable, save_clip
        from bimotion.cli.usage import UsageError

        check_writable(self.out)
        if self.features and self.out.suffix.lower() != ".npy":
            raise UsageError(f"{self.out}: --features are written to .npy")
        if self.fps is not None and not 1 <= self.fps <= 1000:
            raise UsageError(f"--fps: expected 1 to 1000, got {self.fps:g}")
        clip = self.reading.read(self.source)
        if self.mirror:
            clip = clip.mirror()
        if self.features:
            self._write_features(clip)
            return
        clip = clip if self.fps is None else clip.resample(self.fps)
        save_clip(clip, self.out)
        say(f"{self.out}: {clip.duration:.2f} s, {len(clip)} frames at {clip.fps:g} per second")

    def _write_features(self, clip: "Clip") -> None:
        import numpy as np

        from bimotion.features.clips import clip_to_features
        from bimotion.storage.atomic import atomic_path

        features = clip_to_features(clip)
        with atomic_path(self.out) as beside, beside.open("wb") as file:
            np.save(file, features)
        say(f"{self.out}: HumanML3D features {features.shape} at 20 frames per second")
