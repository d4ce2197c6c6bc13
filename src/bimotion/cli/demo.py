"""`bimotion demo`: text to motion and motion to text on the bundled model, with a page to look at."""

import shutil
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import arg

from bimotion.cli.options import Device, Model
from bimotion.cli.terminal import say

if TYPE_CHECKING:
    from bimotion.inference.generation import GeneratedClip

RECORDED = Path(__file__).parent / "static" / "recorded.bvh"
"""A CMU recording in the package."""

PROMPTS = {
    "sit": "a person sits down on a chair and stays seated",
    "throw": "a person throws a ball with the right hand",
    "dance": "a person dances in circles",
    "kick": "a person walks forward, then kicks with the left leg",
    "slow": "a person walks slowly",
    "fast": "a person walks fast",
}
"""Prompts, by the names of their files: actions, a side, two actions in a row, and a pair that differs in speed."""


@dataclass(frozen=True)
class Demo:
    """Caption a recorded motion and generate motions from sentences, end to end.

    Writes BVH and GLB files and a page that plays them all.

    examples:
      bimotion demo
      bimotion demo --out /tmp/demo --seed 3
    """

    out: Annotated[Path, arg(metavar="DIR")] = Path("bimotion-demo")
    """Folder to write to; created if it does not exist. Files of an earlier demo in it are replaced."""
    seed: Annotated[int, arg(metavar="N")] = 0
    """Random seed: the same seed gives the same motions."""
    model: Model = None
    """Model folder, training run or Hub repository."""
    device: Device = "cpu"
    """Device that the model runs on: cpu, cuda, mps."""

    def run(self) -> None:
        """Caption, generate, write a page, and print where it is."""
        from bimotion.api import model_folder
        from bimotion.storage.locks import locked_folder

        folder = model_folder(self.model)
        self._make_folder()
        with locked_folder(self.out):
            self._demonstrate(folder)

    def _demonstrate(self, folder: Path) -> None:
        from bimotion.api import load, read_clip

        say(f"bimotion demo: the model in {folder}, on {self.device}; no network is used.")
        say()
        began = time.perf_counter()
        model = load(folder, device=self.device)
        recorded = read_clip(RECORDED)
        _say("Motion to text")
        shutil.copyfile(RECORDED, self.out / "recorded.bvh")
        caption = model.motion_to_text(recorded)
        say(f"   {self.out / 'recorded.bvh'}: {recorded.duration:.1f} s of walking, recorded with markers")
        say("   (mocap.cs.cmu.edu, made with funding from NSF EIA-0196217)")
        say(f'   caption: "{caption}"')
        say()
        _say("Text to motion")
        clips = [replace(recorded, name="recorded", caption=caption)]
        generated = model.text_to_motion(list(PROMPTS.values()), seed=self.seed, check=True)
        for name, clip in zip(PROMPTS, generated, strict=True):
            self._write(clip, name)
            clips.append(replace(clip, name=name))
        say()
        from bimotion.render.page import write_page

        page = self.out / "index.html"
        labels = ["caption", *["prompt"] * (len(clips) - 1)]
        write_page(clips, page, title="bimotion demo", labels=labels)
        _say("Look")
        say(f"   {page.resolve().as_uri()} in a browser: all of them, in 3D; it needs no network")
        say("   the .bvh and .glb files in Blender: File > Import")
        say()
        say(f"Done in {time.perf_counter() - began:.1f} s. Next: bimotion generate --help")

    def _make_folder(self) -> None:
        """Create the folder; one that contains files other than a demo's is refused.

        Raises:
            UsageError: it holds other files than a demo's.
        """
        from bimotion.cli.usage import UsageError
        from bimotion.storage.locks import LOCK_FILE

        written = {"index.html", "recorded.bvh", LOCK_FILE} | {
            f"{name}{kind}" for name in PROMPTS for kind in (".bvh", ".glb")
        }
        if self.out.is_dir():
            others = sorted(path.name for path in self.out.iterdir() if path.name not in written)
            if others:
                raise UsageError(
                    f"{self.out}: contains other files ({', '.join(others[:3])}); choose another --out"
                )
        self.out.mkdir(parents=True, exist_ok=True)

    def _write(self, clip: "GeneratedClip", name: str) -> None:
        from bimotion.api import save_clip

        files = [self.out / f"{name}{kind}" for kind in (".bvh", ".glb")]
        for file in files:
            save_clip(clip, file)
        say(f'   "{clip.caption}"')
        say(f"   {clip.duration:.1f} s: {' and '.join(map(str, files))}")
        if clip.match is not None:
            score = "" if clip.match.score is None else f" (match {clip.match.score:.2f})"
            say(f'   caption: "{clip.match.caption}"{score}')
            for doubt in clip.match.warnings:
                say(f"   doubt: {doubt}")


def _say(heading: str) -> None:
    say(f"== {heading}")
