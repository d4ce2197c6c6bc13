"""`bimotion compose`: one motion of several phrases."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import Positional, arg

from bimotion.cli.file_options import Writing, WritingOptions
from bimotion.cli.options import Flag, Out, Running, RunningOptions, SamplingArguments, SamplingOptions
from bimotion.cli.terminal import note, say, say_lines
from bimotion.models.choices import ComposeMethod

if TYPE_CHECKING:
    from bimotion.inference.timeline import Phrase


@dataclass(frozen=True)
class Compose:
    """Generate one motion of any length from several phrases, one after the other.

    A phrase is a sentence, optionally followed by @ and its length in seconds; otherwise the model chooses the length.
    A single .txt file is a timeline, a line each: sentence # start # end, in seconds. Pose, heading, speed and foot
    contacts continue from phrase to phrase.

    A warning on stderr names a phrase that the motion may not show.

    The motion meets --path (within 5 cm), --keys (within 3 cm), --start-pose and --loop, or the command fails.

    examples:
      bimotion compose "walks forward @3" "sits down @4" "stands up and waves with the left hand" --out f.glb
      bimotion compose story.txt --out page.html --seed 0
      bimotion compose "walks @6" --path "0,0 2,0 2,3" --out walk.bvh
      bimotion compose "walks @2" --loop --in-place --out loop.glb
    """

    phrases: Annotated[
        Positional[tuple[str, ...]], arg(metavar="PHRASE...|FILE", help_behavior_hint="(one or more)")
    ]
    """What the person does, phrase by phrase, or a timeline file (.txt)."""
    out: Out
    """File to write; an existing one is overwritten."""
    loop: Flag = False
    """Let the end lead into the start in pose, speed and steps."""
    start_pose: Annotated[Path | None, arg(metavar="MOTION", help_behavior_hint="(default: free)")] = None
    """Motion file whose first frame is the first pose."""
    path: Annotated[str | None, arg(metavar="POINTS", help_behavior_hint="(default: free)")] = None
    """Waypoints on the floor, x,z in metres, such as "0,0 2,0 2,3": start at the first, facing the second."""
    keys: Annotated[Path | None, arg(metavar="JSON", help_behavior_hint="(default: none)")] = None
    """Poses, and positions of hands and feet, at times: a list of {"time", "joint", "position"} or {"time", "pose"}."""
    method: Annotated[
        ComposeMethod | None,
        arg(
            help_behavior_hint="(default: segments if the model has them and no control is given, else clips)"
        ),
    ] = None
    """segments: two seconds at a time, each continuing the motion before. clips: a clip per phrase, joined by guidance.
    --path, --keys, --start-pose and --loop need clips."""
    best: Annotated[int | None, arg(help_behavior_hint="(default: 8 with segments, 1 with clips)")] = None
    """Number of candidates per phrase; the one that fulfils it best is kept. More than 1 needs --method segments."""
    raw: Flag = False
    """Skip clean-up (constant bone lengths, foot locking, joints above the floor)."""
    json: Flag = False
    """Print {"file", "seed", "seconds", "frames", "phrases": [{"text", "start", "end", "warnings"}]} instead of
    lines."""
    sampling: SamplingOptions = SamplingArguments()
    """How the motion is sampled."""
    running: RunningOptions = Running()
    """Which model runs, and how."""
    writing: WritingOptions = Writing()
    """How --out is written."""

    def run(self) -> None:
        """Compose, write, and print what was written."""
        from bimotion.cli.progress import Bar

        self.writing.check(self.out)
        self.sampling.check()
        phrases, controls = self._phrases(), self._controls()
        model = self.running.load()
        seed = self.sampling.first_seed()
        with Bar("composing") as bar:
            clip = model.compose(
                phrases,
                seed=seed,
                **self.sampling.settings(),
                clean=not self.raw,
                **controls,
                method=self.method,
                best=self.best,
                check=True,
                progress=bar.update,
            )
        written = self.writing.save(clip, self.out)
        for phrase, match in zip(clip.phrases, clip.matches, strict=True):
            for warning in match.warnings:
                note(f"bimotion: warning: {phrase.text}: {warning}")
        if self.json:
            row = {
                "file": str(self.out),
                "seed": seed,
                "seconds": round(written.duration, 2),
                "frames": len(written),
                "phrases": [
                    asdict(phrase) | {"warnings": list(match.warnings)}
                    for phrase, match in zip(clip.phrases, clip.matches, strict=True)
                ],
            }
            say_lines(json.dumps(row, indent=1))
            return
        say(f"{self.out}: {written.duration:.2f} s, {len(written)} frames, seed {seed}")
        for phrase in clip.phrases:
            say(f"  {phrase.start:6.2f} - {phrase.end:6.2f} s  {phrase.text}")

    def _controls(self) -> dict[str, Any]:
        """The controls as `compose` takes them."""
        from bimotion.api import read_clip
        from bimotion.inference.controls import parse_path, read_keys

        return {
            "loop": self.loop,
            "start_pose": None if self.start_pose is None else read_clip(self.start_pose),
            "path": None if self.path is None else parse_path(self.path),
            "keys": None if self.keys is None else read_keys(self.keys),
        }

    def _phrases(self) -> "list[Phrase]":
        """The phrases of the command line, or of the timeline file that it names."""
        from bimotion.cli.usage import UsageError
        from bimotion.inference.timeline import parse_phrase, read_timeline

        if not self.phrases:
            raise UsageError(
                'which phrases? As in: bimotion compose "walks forward @3" "sits down @4" --out motion.glb'
            )
        if len(self.phrases) == 1 and self.phrases[0].lower().endswith(".txt"):
            return read_timeline(Path(self.phrases[0]).expanduser())
        return [parse_phrase(phrase) for phrase in self.phrases]
