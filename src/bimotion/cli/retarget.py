"""`bimotion retarget`: motions to another character."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from bimotion.cli.file_options import Reading, ReadingOptions
from bimotion.cli.terminal import say


@dataclass(frozen=True)
class Retarget:
    """Retarget motions to your own character, which keeps its mesh and materials.

    The character is a .bvh, .glb, .gltf or .vrm with a humanoid skeleton, whatever its joint names and rest pose.
    Limb directions are those of the motion, steps are scaled to the character's leg length, feet stay on the floor, and
    arms do not pass through the body. Each motion becomes an animation clip named after its file. A
    .bvh character takes one motion.

    examples:
      bimotion retarget wave.bvh character.glb --out waving.glb
      bimotion retarget walk.bvh jump.npz sit.bvh avatar.vrm --out avatar-with-motions.vrm
      bimotion retarget walk.bvh skeleton.bvh --out walk-on-skeleton.bvh
    """

    files: Annotated[Positional[tuple[Path, ...]], arg(metavar="MOTION... CHARACTER")]
    """One or more motion files, and the character last."""
    out: Annotated[Path, arg(metavar="FILE")]
    """The file to write; an existing one is overwritten."""
    fps: Annotated[float | None, arg(metavar="FPS", help_behavior_hint="(default: unchanged)")] = None
    """Frame rate of the written file."""
    reading: ReadingOptions = Reading()
    """How the motions are read."""

    def run(self) -> None:
        """Read, retarget, write."""
        from bimotion.api import retarget
        from bimotion.cli.usage import UsageError

        if len(self.files) < 2:
            raise UsageError("expected motions and a character: bimotion retarget wave.bvh me.glb --out F")
        *motions, character = self.files
        clips = [
            replace(clip, name=clip.name or file.stem)
            for file in motions
            for clip in [self.reading.read(file)]
        ]
        if self.fps is not None:
            clips = [clip.resample(self.fps) for clip in clips]
        retarget(clips, character, self.out)
        seconds = sum(clip.duration for clip in clips)
        say(
            f"{self.out}: {len(clips)} animation clip{'s' * (len(clips) > 1)}, {seconds:.2f} s, on {character.name}"
        )
