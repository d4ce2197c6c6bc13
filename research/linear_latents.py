"""How exactly linear latents reconstruct motion: of whole clips, and of segments of a clip.

    python -m research.linear_latents DATA
    python -m research.linear_latents DATA --sizes clip:32:48:256 segment40:12:48:64

A size is clip or segmentN (N frames), cosines, pose axes and latent dimensions. Each linear path is fitted in closed
form to training windows, contents weighted by the root of their frequency, and reconstructs the validation windows.
Prints mean and median errors in millimetres about the root and in the world, the mean over contents, and the jitter of
the reconstructions relative to the recordings.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from bimotion.data.batches import item_weights
from bimotion.data.store import MotionStore
from bimotion.features import features_to_joints
from bimotion.models.cosine_path import CosinePath
from bimotion.motion.quality import MotionQuality, motion_quality
from bimotion.training.clips import ClipPool
from bimotion.training.vae.metrics import joint_errors, summarise
from bimotion.training.vae.task import PATH_WEIGHTS

SIZES = (
    "clip:32:48:256",
    "clip:32:48:384",
    "clip:32:48:512",
    "clip:48:64:256",
    "clip:48:64:384",
    "clip:48:64:512",
    "segment40:12:48:48",
    "segment40:12:48:64",
    "segment40:12:48:96",
    "segment40:12:48:128",
    "segment20:10:64:48",
    "segment20:10:64:64",
)


def main() -> None:
    """Print a row for each size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--sizes", nargs="+", default=SIZES)
    parser.add_argument("--windows", type=int, default=3500, help="training windows that are fitted to")
    args = parser.parse_args()
    store = MotionStore.open(args.data)
    items = [item for item in store.items("train") if "#s" not in item.id]
    order = np.random.default_rng(0).permutation(len(items))[: args.windows]
    train = ClipPool(store, [items[position] for position in order.tolist()], store.stats)
    held_out = ClipPool(store, store.items("val", mirrored=False), store.stats)
    weights = item_weights(train.items, 0.5)
    print("| latents | per 196 frames | root | median | over contents | world | median | jitter |")
    print("| --- |" + " ---: |" * 7)
    for size in args.sizes:
        kind, *values = size.split(":")
        cosines, axes, count = map(int, values)
        frames = int(kind.removeprefix("segment")) if kind != "clip" else 10_000
        scores = reconstruct(train, weights, held_out, frames, CosinePath(263, axes, cosines, 1, count))
        contents = np.mean([value for name, value in scores.items() if name.startswith("root_mm/")])
        total = count * max(1, round(196 / frames))
        print(
            f"| {kind}, {cosines} cosines, {axes} axes, {count} | {total} | {scores['root_mm']:.1f} "
            f"| {scores['root_mm_median']:.1f} | {contents:.1f} | {scores['world_mm']:.1f} "
            f"| {scores['world_mm_median']:.1f} | {scores['jitter_ratio']:.2f} |",
            flush=True,
        )


@torch.no_grad()
def reconstruct(
    train: ClipPool, weights: np.ndarray, held_out: ClipPool, frames: int, path: CosinePath
) -> dict[str, float]:
    """Scores of the held-out clips, each cut into equal parts of about `frames`."""
    parts = [(part, weight) for row, weight in enumerate(weights) for part in cut(train.clip(row), frames)]
    path.fit([part for part, _ in parts], PATH_WEIGHTS, torch.tensor([weight for _, weight in parts]))
    rows, contents, qualities = [], [], []
    for row, item in enumerate(held_out.items):
        clip = held_out.clip(row)
        generated = torch.cat([decoded(path, part) for part in cut(clip, frames)])
        both = [
            np.asarray(features_to_joints(held_out.stats.denormalise(each.double().numpy())))
            for each in (generated, clip)
        ]
        rows.append(joint_errors(*both))
        contents.append(item.content)
        qualities.append([motion_quality(joints) for joints in both])
    new, recorded = map(MotionQuality.mean, zip(*qualities, strict=True))
    return {**summarise(rows, contents), **new.ratios_to(recorded)}


def cut(clip: Tensor, frames: int) -> Iterator[Tensor]:
    """The clip in equal parts of about so many frames."""
    count = max(1, round(len(clip) / frames))
    edges = [round(position * len(clip) / count) for position in range(count + 1)]
    yield from (clip[start:end] for start, end in zip(edges[:-1], edges[1:], strict=True))


def decoded(path: CosinePath, clip: Tensor) -> Tensor:
    """The path's reconstruction of a clip."""
    lengths = torch.tensor([len(clip)])
    reconstruction: Tensor = path.decode(path.encode(clip[None], lengths), lengths, len(clip))[0]
    return reconstruction


if __name__ == "__main__":
    main()
