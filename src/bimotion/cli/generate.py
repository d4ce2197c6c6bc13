"""`bimotion generate`: sentences to motions."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, arg

from bimotion.cli.options import Device, Model, Out, Precision, Seed, Writing, WritingOptions
from bimotion.cli.terminal import say, say_lines

if TYPE_CHECKING:
    from bimotion.motion.clip import Clip


@dataclass(frozen=True)
class Generate:
    """Turn sentences into motions.

    The suffix of --out chooses the format: .bvh .glb .npy .npz .html .mp4 .gif .png. Several motions go onto one
    .html page, or into files named by their sentences, beside --out or in it where it is a folder.

    examples:
      bimotion generate "a person waves with the right hand" --out wave.bvh
      bimotion generate "a person walks" "a person jumps" --out page.html --seed 0
      bimotion generate "a person dances" --count 5 --seconds 6 --out dances --format glb --json
      bimotion generate "a person runs" --out run.bvh --names unreal --out-unit cm --fps 30 --root-bone
    """

    text: Annotated[
        Positional[tuple[str, ...]], arg(metavar="TEXT...", help_behavior_hint="(one or more sentences)")
    ]
    """What the person does."""
    out: Out
    """The file to write, which is overwritten if it exists, or an existing folder."""
    format: Literal["bvh", "glb", "npy", "npz", "html", "mp4", "gif", "png"] = "bvh"
    """Format of files in a folder."""
    seconds: Annotated[
        float | None, arg(metavar="S", help_behavior_hint="(default: predicted from the text)")
    ] = None
    """Length of the motion."""
    count: int = 1
    """Motions for each sentence; the seed goes up by one from each to the next."""
    seed: Seed = None
    """The same seed gives the same motion."""
    guidance: Annotated[float | None, arg(metavar="W", help_behavior_hint="(default: the model's)")] = None
    """How closely the motion follows the text; 1 is plain sampling."""
    steps: Annotated[int | None, arg(metavar="N", help_behavior_hint="(default: the model's)")] = None
    """Sampling steps: more are slower and a little better."""
    sampler: Annotated[
        Literal["ancestral", "ddim", "dpmpp"] | None, arg(help_behavior_hint="(default: the model's)")
    ] = None
    """Diffusion sampler."""
    raw: bool = False
    """Skip clean-up (constant bone lengths, foot locking)."""
    model: Model = None
    """A model folder or a Hub repository."""
    device: Device = "cpu"
    """Where the model runs: cpu, cuda, mps."""
    precision: Precision = "fp32"
    """What the model computes in; int8 is for large models on a CPU (docs/performance.md)."""
    json: bool = False
    """Print a list of {"file", "text", "seed", "seconds", "frames"} instead of lines."""
    writing: WritingOptions = Writing()
    """How files are written."""

    def run(self) -> None:
        """Generate, write, and print what was written."""
        from bimotion.cli.outputs import output_paths
        from bimotion.cli.usage import UsageError

        if not self.text or not all(text.strip() for text in self.text):
            raise UsageError(
                'which motion? Give a sentence, as in: bimotion generate "a person waves" --out wave.bvh'
            )
        if self.count < 1:
            raise UsageError(f"--count: expected 1 or more, got {self.count}")
        texts = [text for text in self.text for _ in range(self.count)]
        one_page = self.out.suffix.lower() == ".html" and not self.out.is_dir()
        paths = [self.out] * len(texts) if one_page else output_paths(self.out, texts, f".{self.format}")
        for path in paths:
            self.writing.check(path)
        clips: list[Clip] = []
        done = []
        for path, seed, clip in self._clips(texts, paths):
            if one_page:
                clips.append(replace(self.writing.options().resampled(clip), name=f"{len(clips) + 1}"))
            written = clips[-1] if one_page else self.writing.save(clip, path)
            done.append(
                {
                    "file": str(path),
                    "text": clip.caption,
                    "seed": seed,
                    "seconds": round(written.duration, 2),
                    "frames": len(written),
                }
            )
        if one_page:
            from bimotion.render.page import write_page

            write_page(clips, self.out, title="bimotion")
        if self.json:
            say_lines(json.dumps(done, indent=1))
            return
        for row in done:
            say(
                f"{row['file']}: {row['text']} ({row['seconds']} s, {row['frames']} frames, seed {row['seed']})"
            )

    def _clips(self, texts: list[str], paths: list[Path]) -> Iterator[tuple[Path, int, "Clip"]]:
        """The generated clips, with the path and the seed of each."""
        import secrets

        from bimotion.api import load
        from bimotion.cli.progress import track

        first = secrets.randbelow(2**31) if self.seed is None else self.seed
        model = load(self.model, device=self.device, precision=self.precision)
        for number, text in enumerate(track(texts, "generating")):
            clip = model.text_to_motion(
                text,
                seconds=self.seconds,
                seed=first + number,
                guidance_scale=self.guidance,
                steps=self.steps,
                sampler=self.sampler,
                clean=not self.raw,
            )
            yield paths[number], first + number, replace(clip, caption=text)
