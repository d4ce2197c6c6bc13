"""Reconstruction quality of a motion VAE: joint errors in millimetres, over all windows and per content.

Shapes: T frames, J joints (22).
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float

from bimotion.features.decode import features_to_joints
from bimotion.models.vae import MotionVae
from bimotion.motion.quality import MIN_QUALITY_FRAMES, MotionQuality, motion_quality
from bimotion.training.clips import ClipPool


def reconstruction_metrics(vae: MotionVae, pool: ClipPool, *, batch_size: int = 32) -> dict[str, float]:
    """Errors of all windows of the pool, encoded to `mu` and decoded at their length; discrete latents are rounded.

    `root_mm`: mean over windows of the mean distance of joints with the root (pelvis) at the origin in every
    frame, in the world's orientation; `world_mm`: without moving the root; `*_median`: median over windows.
    `skating_speed_ratio`, `jitter_ratio`, `speed_ratio`: measures of `motion.quality`, as ratios to the
    recorded ones'. `root_mm/NAME` and `world_mm/NAME` are means over the windows of one content.
    """
    rows: list[dict[str, float]] = []
    contents: list[str] = []
    qualities: tuple[list[MotionQuality], list[MotionQuality]] = ([], [])
    device = next(vae.parameters()).device
    for indices in pool.by_length(batch_size):
        batch = pool.batch([pool.clip(index) for index in indices]).to(device)
        with torch.no_grad():
            mu, _ = vae.encode(batch.features, batch.lengths)
            decoded = vae.decode(vae.rounded(mu), batch.lengths, batch.features.shape[1])
        targets = pool.stats.denormalise(batch.features.double().cpu().numpy())
        predictions = pool.stats.denormalise(decoded.double().cpu().numpy())
        for row, index in enumerate(indices):
            item = pool.items[index]
            pair = [features_to_joints(each[row, : item.num_frames]) for each in (predictions, targets)]
            rows.append(joint_errors(*pair))
            contents.append(item.content)
            if item.num_frames >= MIN_QUALITY_FRAMES:
                for measured, joints in zip(qualities, pair, strict=True):
                    measured.append(motion_quality(np.asarray(joints)))
    return {**summarise(rows, contents), **_ratios(*qualities)}


def summarise(rows: list[dict[str, float]], contents: list[str]) -> dict[str, float]:
    """Means and medians over windows, and means per content."""
    result: dict[str, float] = {}
    for name in ("root_mm", "world_mm"):
        values = np.array([row[name] for row in rows])
        result[name] = float(values.mean())
        result[f"{name}_median"] = float(np.median(values))
    for content in sorted(set(contents)):
        chosen = [row for row, of in zip(rows, contents, strict=True) if of == content]
        for name in ("root_mm", "world_mm"):
            result[f"{name}/{content}"] = float(np.mean([row[name] for row in chosen]))
    return result


def joint_errors(
    predicted: Float[np.ndarray, "T 22 3"], target: Float[np.ndarray, "T 22 3"]
) -> dict[str, float]:
    """Joint errors of one window, with and without the root at the origin, millimetres."""
    world = predicted - target
    return {
        "root_mm": 1000 * float(np.linalg.norm(world - world[:, :1], axis=-1).mean()),
        "world_mm": 1000 * float(np.linalg.norm(world, axis=-1).mean()),
    }


def _ratios(predicted: Sequence[MotionQuality], target: Sequence[MotionQuality]) -> dict[str, float]:
    if not predicted:
        return {}
    ratios = MotionQuality.mean(predicted).ratios_to(MotionQuality.mean(target))
    return {name: value for name, value in ratios.items() if math.isfinite(value)}
