"""A model on the test windows of a data set: reconstruction errors, and truth of its captions."""

from typing import Any

import numpy as np
import torch

from bimotion.captions.claims import false_claims
from bimotion.captions.facts import measure_facts
from bimotion.data.store import Item, MotionStore
from bimotion.errors import DataError
from bimotion.evaluation.joint_errors import displacement, joint_error
from bimotion.evaluation.shards import Track
from bimotion.features import features_to_joints
from bimotion.inference.feature_model import BATCH
from bimotion.inference.model import MotionLanguageModel


def measure_test_set(
    model: MotionLanguageModel, store: MotionStore, track: Track = lambda items, label: items
) -> dict[str, Any]:
    """Errors of the VAE in millimetres (mean and median over windows) and the share of captions without false claims.

    Raises:
        DataError: the data set has no test windows.
    """
    items = store.items("test", mirrored=False)
    if not items:
        raise DataError(f"{store.folder}: has no test windows to measure on")
    rows: dict[str, list[float]] = {"root_mm": [], "world_mm": []}
    verdicts = []
    for start in track(range(0, len(items), BATCH), "test windows"):
        part = items[start : start + BATCH]
        features = [store.features(item)[: model.max_frames] for item in part]
        captions = model.features_to_text(features)
        for item, recorded, caption in zip(part, features, captions, strict=True):
            real = np.asarray(features_to_joints(recorded))
            decoded = np.asarray(features_to_joints(_through_vae(model, recorded)))
            rows["root_mm"].append(1000 * float(joint_error(decoded, real).mean()))
            rows["world_mm"].append(1000 * float(displacement(decoded, real).mean()))
            verdicts.append({"id": item.id, "caption": caption, "false": _false(item, caption, real)})
    errors = {name: float(np.mean(values)) for name, values in rows.items()}
    errors |= {f"{name}_median": float(np.median(values)) for name, values in rows.items()}
    true = [not verdict["false"] for verdict in verdicts]
    return {
        "windows": len(items),
        "reconstruction": errors,
        "captions": {"share": float(np.mean(true)), "of": len(true), "verdicts": verdicts},
    }


@torch.inference_mode()
def _through_vae(model: MotionLanguageModel, features: np.ndarray) -> np.ndarray:
    """Features of a window encoded to the mean of its latents and decoded."""
    vae = model.network.vae
    device = next(vae.parameters()).device
    x = torch.from_numpy(model.stats.normalise(features)).float()[None].to(device)
    lengths = torch.tensor([len(features)], device=device)
    mu, _ = vae.encode(x, lengths)
    return np.asarray(model.stats.denormalise(vae.decode(mu, lengths)[0].double().cpu().numpy()), np.float32)


def _false(item: Item, caption: str, joints: np.ndarray) -> list[str]:
    """Words of a caption that the measured facts of the window contradict."""
    return false_claims(caption, measure_facts(joints), item.content, item.gait)
