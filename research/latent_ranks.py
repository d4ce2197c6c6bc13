"""What is left of rare contents when latents are read on a number of axes and written back.

    python -m research.latent_ranks RUN DATA CLASSIFIER [--ranks 128 160 192]

RUN is a run of a language stage, of which the VAE and the kept latents are used. Prints the share of training windows
of rare contents that the classifier names rightly after the VAE gave them back, their mean joint error about the root,
and that of 150 validation windows: with all numbers of the latents, and on axes for which windows or contents count
alike.
"""

import argparse
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from bimotion.data.batches import item_weights
from bimotion.data.store import MotionStore
from bimotion.features import features_to_joints
from bimotion.features.mirror import symmetric_skeleton
from bimotion.inference.postprocess.bones import with_bones
from bimotion.models.weights import load_model
from bimotion.training.clips import ClipPool
from bimotion.training.language.init_model import feature_stats, find_model
from bimotion.training.language.latent_cache import FULL, latents_of
from bimotion.training.vae.latent_axes import BALANCE, body_axes, joint_metric
from research.content_classifier import Classifier

RARE = 100
"""Contents with fewer training windows, mirror images included, are rare."""


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("classifier", type=Path)
    parser.add_argument("--ranks", type=int, nargs="*", default=(128, 160, 192))
    args = parser.parse_args()
    store, classifier = MotionStore.open(args.data), Classifier.load(args.classifier)
    model, _ = load_model(find_model(args.run))
    vae, stats = model.vae.requires_grad_(False), feature_stats(model)
    pool = ClipPool(store, store.items("train"), stats)
    file = args.run / "latents" / "train.safetensors"
    latents = latents_of(vae, pool, file, completion=False, save=False).mu[FULL].float().flatten(1)
    metric = joint_metric(vae, pool, latents.view(len(latents), *model.latent_mean.shape))
    mean, bones = latents.mean(0), np.linalg.norm(symmetric_skeleton().astype(np.float64), axis=-1)
    count = Counter(item.content for item in pool.items)
    rare = [i for i in store.items("train", mirrored=False, text=True) if count[i.content] < RARE]
    sets = rare, store.items("val", mirrored=False)[:150]

    def tell(name: str, through: Callable[[Tensor], Tensor]) -> None:
        errors, named = [], []
        for items in sets:
            off = []
            for item in items:
                features = store.features(item)
                length = torch.tensor([len(features)])
                with torch.inference_mode():
                    mu, _ = vae.encode(torch.from_numpy(stats.normalise(features))[None], length)
                    z = through(mu.flatten(1) - mean) + mean
                    back = stats.denormalise(vae.decode(z.view_as(mu), length, len(features))[0].numpy())
                was, now = (np.asarray(features_to_joints(each)) for each in (features, back))
                off.append(np.linalg.norm((was - was[:, :1]) - (now - now[:, :1]), axis=-1).mean())
                if items is rare:
                    named.append(with_bones(now, bones))
            errors.append(1000 * np.mean(off))
        right = np.mean([n == i.content for n, i in zip(classifier.name(named), rare, strict=True)])
        print(
            f"{name}: {right:.1%} of {len(rare)}, {errors[0]:.1f} mm; validation {errors[1]:.1f} mm",
            flush=True,
        )

    tell("all numbers", lambda z: z)
    for rank in args.ranks:
        for name, weights in (("alike", None), ("by contents", item_weights(pool.items, BALANCE))):
            axes = body_axes(latents, metric, rank, weights)
            tell(f"{rank} axes, {name}", lambda z, axes=axes: z @ axes.read.T @ axes.write)  # type: ignore[misc]


if __name__ == "__main__":
    main()
