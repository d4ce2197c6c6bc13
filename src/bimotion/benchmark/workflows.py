"""Times of whole tasks, from the command to the file, with a model folder and synthetic motion.

Shapes: T frames.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path

import numpy as np
from jaxtyping import Float

from bimotion.api import load, read_clip, save_clip
from bimotion.benchmark.timing import Timed, now
from bimotion.data.prepare import prepare_dataset
from bimotion.errors import BimotionError
from bimotion.evaluators.embedding import read_embedder
from bimotion.features.layout import FPS
from bimotion.inference.model import MotionLanguageModel
from bimotion.motion.clip import Clip
from bimotion.motion.skeleton import NUM_JOINTS, PARENTS, TARGET_OFFSETS
from bimotion.storage.remains import temporary_folder

SECONDS = 7
"""Length of motions, the mean of HumanML3D's clips."""
RECORDINGS, RECORDING_FRAMES = 8, 1200
"""Recordings that are prepared, a minute each."""
BATCHES = (1, 32, 128)
"""Motions and captions computed together."""


@dataclass(frozen=True)
class Workflow:
    """A task whose time is measured."""

    name: str
    """What is done."""
    unit: str
    """What is counted."""
    count: int
    """How many of them."""
    run: Callable[[], object]
    """Runs it once."""


@dataclass(frozen=True)
class Waited(Timed):
    """The measured times of a workflow."""

    name: str
    """What was done."""
    unit: str
    """What was counted."""
    count: int
    """How many of them."""
    seconds: list[float]
    """Seconds of each repeat, after a warm-up."""


def measure_workflows(folder: Path, repeats: int) -> Iterator[Waited]:
    """Measure all workflows with the model in a folder: the command in a process of its own, the others in this one.

    Raises:
        BimotionError: the command failed; the message is its last line.
    """
    with temporary_folder("workflows") as scratch:
        for workflow in workflows(folder, scratch):
            seconds = []
            for _ in range(1 + repeats):
                begun = now()
                workflow.run()
                seconds.append(now() - begun)
            yield Waited(workflow.name, workflow.unit, workflow.count, seconds[1:])


def workflows(folder: Path, scratch: Path) -> Iterator[Workflow]:
    """The workflows of the model in a folder; files are written to `scratch`."""
    yield Workflow("generate, the whole command", "commands", 1, lambda: _command(folder, scratch / "a.bvh"))
    clip = Clip(walking(np.random.default_rng(0), SECONDS * FPS), float(FPS))
    yield from _files(clip, scratch)
    yield _preparing(scratch)
    windows = [np.zeros((120, 263), np.float32)] * 64
    embedder = read_embedder()
    yield Workflow("search: embedding windows of 6 s", "windows", 64, lambda: embedder.embed_motions(windows))
    model = load(folder)
    yield Workflow("text to motion, as by default", "motions", 1, lambda: _generate(model, 1, None))
    for batch in BATCHES:
        yield Workflow(
            f"text to motion, no candidates, batch {batch}",
            "motions",
            batch,
            partial(_generate, model, batch, 1),
        )
        yield Workflow(
            f"motion to text, batch {batch}", "captions", batch, partial(model.motion_to_text, [clip] * batch)
        )


def _generate(model: MotionLanguageModel, batch: int, best: int | None) -> None:
    texts = [f"a person walks {number + 2} steps forward" for number in range(batch)]
    model.text_to_motion(texts, seconds=SECONDS, seed=0, best=best)


def walking(rng: np.random.Generator, num_frames: int) -> Float[np.ndarray, "T 22 3"]:
    """Joints of a body that walks ahead with randomly swinging bones; metres, 20 frames per second."""
    time_of = np.arange(num_frames)[:, None, None] / FPS
    swing = 0.35 * np.sin(rng.uniform(1, 4, (NUM_JOINTS, 3)) * time_of + rng.uniform(0, 6, (NUM_JOINTS, 3)))
    length = np.linalg.norm(TARGET_OFFSETS, axis=-1, keepdims=True)
    bones = TARGET_OFFSETS / np.maximum(length, 1e-9) + swing
    bones *= length / np.linalg.norm(bones, axis=-1, keepdims=True)
    joints = np.zeros((num_frames, NUM_JOINTS, 3))
    joints[:, 0] = time_of[:, 0] * [0.8, 0, 0.5] + [0, 0.9, 0]
    for joint in range(1, NUM_JOINTS):
        joints[:, joint] = joints[:, PARENTS[joint]] + bones[:, joint]
    return joints.astype(np.float32)


def _command(folder: Path, out: Path) -> None:
    command = [sys.executable, "-m", "bimotion", "generate", "a person waves", "--model", str(folder)]
    command += ["--seconds", str(SECONDS), "--seed", "0", "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BimotionError((done.stderr.strip().splitlines() or ["generate failed"])[-1])


def _files(clip: Clip, scratch: Path) -> Iterator[Workflow]:
    """Writing and reading of a clip."""
    for suffix in ("bvh", "glb", "png"):
        path = scratch / f"clip.{suffix}"
        yield Workflow(f"writing {suffix.upper()}", "frames", len(clip), partial(save_clip, clip, path))
    yield Workflow("reading BVH", "frames", len(clip), lambda: read_clip(scratch / "clip.bvh"))


def _preparing(scratch: Path) -> Workflow:
    """A data set from BVH files, in one process; each run makes it anew."""
    raw = scratch / "raw"
    raw.mkdir()
    for number in range(RECORDINGS):
        joints = walking(np.random.default_rng(number), RECORDING_FRAMES)
        save_clip(Clip(joints, float(FPS)), raw / f"walk{number}.bvh")
    runs = count()

    def run() -> None:
        prepare_dataset("bvh", raw, scratch / f"data{next(runs)}", workers=1, progress=False)

    return Workflow("prepare, one process", "source frames", RECORDINGS * RECORDING_FRAMES, run)
