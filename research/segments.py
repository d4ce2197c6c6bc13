"""How well segments represent whole recordings: error of the joints, and jerk where segments meet.

    python -m research.segments FOLDER DATA

FOLDER is a segment model (`RUN/model`, or the one in the bundled model's folder), DATA a prepared data set.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from bimotion.data.store import MotionStore
from bimotion.evaluation.long_motion import jerk
from bimotion.features import features_to_joints
from bimotion.features.normalise import FeatureStats
from bimotion.models.segment_coder import SegmentCoder
from bimotion.models.segment_weights import load_segments
from bimotion.training.segments.takes import read_takes


@torch.inference_mode()
def rebuilt(coder: SegmentCoder, features: Float[Tensor, "T F"], *, reduced: bool) -> Float[Tensor, "T F"]:
    """A recording decoded from its latents; with `reduced` from innovations, each after what was rebuilt before."""
    latents = coder.encode(coder.split(features))
    if reduced:
        before = torch.zeros_like(latents[:1])
        rows = []
        for number, latent in enumerate(latents):
            first = torch.tensor([number == 0])
            innovation = coder.innovation(latent[None], before, first)
            before = coder.latent(innovation, before, first)
            rows.append(before)
        latents = torch.cat(rows)
    return coder.join(coder.decode(latents))[: len(features)]


def main(folder: str, data: str) -> None:
    """Print the mean error about the root, and the ratio of peak jerk at borders to that between them."""
    model, store = load_segments(folder), MotionStore.open(Path(data))
    stats = FeatureStats(model.feature_mean.numpy(), model.feature_std.numpy())
    segment = model.config.segment
    takes = read_takes(store, store.items("test", mirrored=False), stats, segment.window)
    for reduced in (False, True):
        errors, borders, elsewhere = [], [], []
        for take in takes:
            features = take.features.float()
            real, copy = (
                features_to_joints(stats.denormalise(each.numpy()))
                for each in (features, rebuilt(model.coder, features, reduced=reduced))
            )
            about_root = (real - real[:, :1]) - (copy - copy[:, :1])
            errors.append(np.linalg.norm(about_root, axis=-1).mean(1))
            course, reach = jerk(copy), segment.overlap // 2 + 1
            for border in range(segment.frames, len(course) - segment.frames, segment.frames):
                middle = border + segment.overlap // 2
                borders.append(course[middle - reach : middle + reach].max())
                middle += segment.frames // 2
                elsewhere.append(course[middle - reach : middle + reach].max())
        name = f"{segment.rank} values of innovation" if reduced else f"{segment.values} values"
        print(
            f"{len(takes)} recordings, {name}: mean error {1000 * np.concatenate(errors).mean():.1f} mm, "
            f"peak jerk at borders {np.mean(borders):.1f}, elsewhere {np.mean(elsewhere):.1f} m/s3, "
            f"ratio {np.mean(borders) / np.mean(elsewhere):.2f}"
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
