"""Reconstruction errors of a motion VAE in millimetres, overall and per content.

Shapes: T frames, J joints (22).
"""

import math

import numpy as np
import torch
from jaxtyping import Float

from bimotion.features.decode import features_to_joints
from bimotion.features.layout import CONTACTS, FPS
from bimotion.models.vae import MotionVae
from bimotion.training.clips import ClipPool
from bimotion.training.vae.losses import FOOT_JOINTS


def reconstruction_metrics(vae: MotionVae, pool: ClipPool, *, batch_size: int = 32) -> dict[str, float]:
    """Errors of all windows of the pool, encoded to `mu` and decoded at their length.

    `root_mm`: mean over windows of the mean distance of joints with the root (pelvis) at the origin in every
    frame, in the world's orientation; `world_mm`: without moving the root; `*_median`: median over windows.
    `slide_ratio`, `jitter_ratio`: speed of standing feet, and third difference of joints, against the
    recording's. `root_mm/NAME` and `world_mm/NAME` are means over the windows of one content.
    """
    rows: list[dict[str, float]] = []
    contents: list[str] = []
    device = next(vae.parameters()).device
    for indices in pool.by_length(batch_size):
        batch = pool.batch([pool.clip(index) for index in indices]).to(device)
        with torch.no_grad():
            mu, _ = vae.encode(batch.features, batch.lengths)
            decoded = vae.decode(mu, batch.lengths, batch.features.shape[1])
        recorded = pool.stats.denormalise(batch.features.double().cpu().numpy())
        reconstructed = pool.stats.denormalise(decoded.double().cpu().numpy())
        for row, index in enumerate(indices):
            length = pool.items[index].num_frames
            rows.append(clip_errors(reconstructed[row, :length], recorded[row, :length]))
            contents.append(pool.items[index].content)
    return summarise(rows, contents)


def summarise(rows: list[dict[str, float]], contents: list[str]) -> dict[str, float]:
    """Means and medians over windows, and means per content."""
    result: dict[str, float] = {}
    for name in ("root_mm", "world_mm"):
        values = np.array([row[name] for row in rows])
        result[name] = float(values.mean())
        result[f"{name}_median"] = float(np.median(values))
    for name in ("slide", "jitter"):
        ratios = _ratio(rows, name)
        if math.isfinite(ratios):
            result[f"{name}_ratio"] = ratios
    for content in sorted(set(contents)):
        chosen = [row for row, of in zip(rows, contents, strict=True) if of == content]
        for name in ("root_mm", "world_mm"):
            result[f"{name}/{content}"] = float(np.mean([row[name] for row in chosen]))
    return result


def _ratio(rows: list[dict[str, float]], name: str) -> float:
    recorded = float(np.sum([row[f"{name}_recorded"] for row in rows]))
    return float(np.sum([row[name] for row in rows])) / recorded if recorded > 0 else math.nan


def clip_errors(
    decoded: Float[np.ndarray, "T 263"], recorded: Float[np.ndarray, "T 263"]
) -> dict[str, float]:
    """Joint errors of one reconstructed clip, and its sliding and jitter and the recording's (`_recorded`)."""
    joints, real = features_to_joints(decoded), features_to_joints(recorded)
    world = joints - real
    errors = {
        "root_mm": 1000 * float(np.linalg.norm(world - world[:, :1], axis=-1).mean()),
        "world_mm": 1000 * float(np.linalg.norm(world, axis=-1).mean()),
    }
    stands = recorded[:-1, CONTACTS] > 0.5
    for suffix, positions in (("", joints), ("_recorded", real)):
        feet = np.linalg.norm(np.diff(positions[:, list(FOOT_JOINTS)], axis=0), axis=-1) * FPS
        errors[f"slide{suffix}"] = float((feet * stands).sum())
        jerk = np.linalg.norm(np.diff(positions, n=3, axis=0), axis=-1) if len(positions) > 3 else np.zeros(1)
        errors[f"jitter{suffix}"] = float(jerk.sum())
    return errors
