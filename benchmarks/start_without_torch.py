"""One motion of the bundled model from start to end in a new process: with torch, with numpy alone, with ONNX Runtime.

    python -m benchmarks.start_without_torch [--turns 3] [--onnx FOLDER]

Each way imports what it needs, reads the model and samples one candidate with its joints, without clean-up. The ways
take turns. Processor seconds hardly depend on what else the machine does. `bimotion export onnx` writes FOLDER.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections import defaultdict

NUMPY = """
import numpy as np
from importlib import resources
from bimotion.features import features_to_joints
from bimotion.inference import prompts
from bimotion.models.tokens import MotionTokenizer
from bimotion.portable.diffusion import PortableHead, levels_of, xt_width
from bimotion.portable.folder import read_config
from bimotion.portable.motion_vae import PortableVae
from bimotion.portable.numpy_operations import NumpyOperations
from bimotion.portable.tensors import StoredTensors
from bimotion.portable.transformer import PortableMixture, Tokens

folder = resources.files("bimotion") / "embedded"
config = read_config(folder)
operations = NumpyOperations(StoredTensors.of_file(folder / "model.safetensors"))
tokenizer = MotionTokenizer.from_file(folder / "tokenizer.json")
sequence = prompts.motion_of_text(tokenizer, "a person waves", 512, 140)
ids = [each for each in sequence.ids if each < tokenizer.special.text_vocab_size]
mixture, head = PortableMixture(operations, config.mixture), PortableHead(operations, config)
text, every = len(ids), len(ids) + config.slots
empty = np.zeros((config.mixture.layers, 1, mixture.groups, 0, mixture.head_width), np.float32)
slots = mixture.out_slots(config.slots)
tokens = Tokens(np.asarray(ids)[None], slots, np.arange(every), np.arange(text), np.arange(text, every))
states = mixture.run(tokens, empty, empty).motion
noise = np.random.default_rng(0).standard_normal((1, xt_width(config))).astype(np.float32)
diffusion = config.diffusion
levels = levels_of(diffusion, diffusion.sampler, diffusion.sample_steps)
latents = head.sample(states, noise, np.float32(diffusion.guidance_scale), levels, diffusion.sampler)
features_to_joints(PortableVae(operations, config).decode(latents, np.asarray(140)))
"""

TORCH = """
import bimotion
bimotion.load().text_to_motion("a person waves", seconds=7, seed=0, best=1, clean=False)
"""

IMPORTS = {"torch alone, imported": "import torch", "numpy alone, imported": "import numpy"}

ONNX = """
import onnxruntime
from pathlib import Path
for path in sorted(Path({folder!r}).glob("*.onnx")):
    if path.stem != "encoder":
        onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
"""
"""Reading the graphs only."""


def seconds(program: str) -> tuple[float, float]:
    """Elapsed and processor seconds of a program in a new process."""
    begun, before = time.perf_counter(), os.times()
    subprocess.run([sys.executable, "-c", program], check=True)
    after = os.times()
    used = after.children_user - before.children_user + after.children_system - before.children_system
    return time.perf_counter() - begun, used


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--onnx")
    args = parser.parse_args()
    programs = {**IMPORTS, "torch": TORCH, "numpy": NUMPY}
    if args.onnx is not None:
        programs["ONNX Runtime, reading the graphs"] = ONNX.format(folder=args.onnx)
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for _ in range(args.turns):
        for name, program in programs.items():
            found[name].append(seconds(program))
    print("| way | s | processor s |")
    print("| --- | ---: | ---: |")
    for name, pairs in found.items():
        print(f"| {name} | {statistics.median(p[0] for p in pairs):.2f} | {min(p[1] for p in pairs):.2f} |")


if __name__ == "__main__":
    main()
