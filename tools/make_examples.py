"""Write captioned training motions and timed phrases of a data set beside a model.

    python -m tools.make_examples MODEL DATA

Motions are stored as latents, to start from; motions and phrases have embeddings by the bundled evaluator. Motions of
less than a second and mirror images are left out: motions are mirrored where a sentence names a side.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

from bimotion.data.store import Item, MotionStore
from bimotion.evaluators.embedding import read_embedder
from bimotion.features.layout import FPS
from bimotion.inference.examples import EXAMPLES_FILE, write_examples
from bimotion.inference.model import MotionLanguageModel
from bimotion.inference.phrase_bank import PHRASES_FILE, write_phrases


def example_items(model: MotionLanguageModel, store: MotionStore) -> list[Item]:
    """The windows and phrases that become examples, in their order."""
    return [
        item
        for item in store.items("train", text=True)
        if item.captions and not item.mirrored and FPS <= item.num_frames <= model.max_frames
    ]


def make_examples(model: MotionLanguageModel, store: MotionStore, folder: Path) -> None:
    """Write the examples and phrases of a data set's training split into a model folder."""
    items = example_items(model, store)
    latents, embeddings = [], []
    embedder = read_embedder(None)
    windows = [item for item in store.items("train", text=True, mirrored=False) if not item.is_span]
    write_phrases(windows, embedder, folder)
    for start in range(0, len(items), 256):
        features = [np.asarray(store.features(item)) for item in items[start : start + 256]]
        latents.append(model.encode_features(features).flatten(1).float())
        embeddings.append(embedder.embed_motions(features))
    write_examples(
        torch.cat(latents),
        [item.num_frames for item in items],
        [item.captions for item in items],
        np.concatenate(embeddings),
        folder,
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path)
    parser.add_argument("data", type=Path)
    args = parser.parse_args()
    make_examples(MotionLanguageModel.from_folder(args.model), MotionStore.open(args.data), args.model)
    for name in (EXAMPLES_FILE, PHRASES_FILE):
        print(f"{args.model / name}: {(args.model / name).stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
