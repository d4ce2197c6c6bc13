"""Put a trained segment model into the bundled model's folder, its branch and heads in 8 bits.

python -m tools.embed_segments RUN [--model FOLDER]
"""

import argparse
from pathlib import Path

import torch

from bimotion.inference.composing_model import SEGMENTS
from bimotion.models.segment_weights import load_segments, save_segments
from bimotion.training.language.init_model import EMBEDDED

INT8 = ("motion.layers.", "head.", "understanding.", "length.")
"""Matrices stored in 8 bits with a scale for each row; the coder stays in 16."""


def main() -> None:
    """Write the model of a run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path, help="run of `bimotion train segments`")
    parser.add_argument("--model", type=Path, default=EMBEDDED, help="model folder to write into")
    args = parser.parse_args()
    folder = args.model / SEGMENTS
    save_segments(load_segments(args.run / "model"), folder, torch.float16, INT8)
    size = sum(file.stat().st_size for file in folder.iterdir())
    print(f"{folder}: {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
