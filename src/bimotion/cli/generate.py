"""`bimotion generate`: sentences to motions."""

import json
from dataclasses import dataclass, replace
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from bimotion.cli.options import Device, Model, Out, Precision, Seed
from bimotion.cli.terminal import say, say_lines


@dataclass(frozen=True)
class Generate:
    """Turn sentences into motions.

    The suffix of --out chooses the format: .bvh .glb .npy .npz .html .mp4 .gif .png. Several motions go onto one
    .html page, or into numbered files.

    examples:
      bimotion generate "a person waves with the right hand" --out wave.bvh
      bimotion generate "a person walks" "a person jumps" --out page.html --seed 0
      bimotion generate "a person dances" --count 5 --seconds 6 --out dance.bvh --json
    """

    text: Annotated[
        Positional[tuple[str, ...]], arg(metavar="TEXT...", help_behavior_hint="(one or more sentences)")
    ]
    """What the person does."""
    out: Out
    """The file to write; one that exists is overwritten."""
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
    """How the noise is taken away."""
    raw: bool = False
    """What the network says, without giving bones one length and holding standing feet in place."""
    model: Model = None
    """A model folder or a Hub repository."""
    device: Device = "cpu"
    """Where the model runs: cpu, cuda, mps."""
    precision: Precision = "fp32"
    """What the model computes in; int8 is for large models on a CPU (docs/performance.md)."""
    json: bool = False
    """Print a list of {"file", "text", "seed", "seconds", "frames"} instead of lines."""

    def run(self) -> None:
        """Generate, write, and say what was written."""
        from bimotion.cli.outputs import numbered
        from bimotion.cli.usage import UsageError

        if not self.text or not all(text.strip() for text in self.text):
            raise UsageError(
                'which motion? Give a sentence, as in: bimotion generate "a person waves" --out wave.bvh'
            )
        if self.count < 1:
            raise UsageError(f"--count: expected 1 or more, got {self.count}")
        texts = [text for text in self.text for _ in range(self.count)]
        one_page = self.out.suffix.lower() == ".html"
        paths = numbered(self.out, 1 if one_page else len(texts))

        import secrets

        from bimotion.api import load, save_clip
        from bimotion.cli.progress import track

        seed = secrets.randbelow(2**31) if self.seed is None else self.seed
        model = load(self.model, device=self.device, precision=self.precision)
        clips = []
        done = []
        for number, text in enumerate(track(texts, "generating")):
            clip = model.text_to_motion(
                text,
                seconds=self.seconds,
                seed=seed + number,
                guidance_scale=self.guidance,
                steps=self.steps,
                sampler=self.sampler,
                clean=not self.raw,
            )
            if one_page:
                clips.append(replace(clip, name=f"{number + 1}"))
            else:
                save_clip(clip, paths[number])
            done.append(
                {
                    "file": str(self.out if one_page else paths[number]),
                    "text": text,
                    "seed": seed + number,
                    "seconds": round(clip.duration, 2),
                    "frames": len(clip),
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
