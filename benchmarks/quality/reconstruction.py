"""How well clips come back from their latents."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.quality.classifier import Classifier, scores
from benchmarks.quality.making import progress, quality_scores
from bimotion.data.store import Item, MotionStore
from bimotion.features import features_to_joints
from bimotion.inference.model import BATCH, MotionLanguageModel
from bimotion.training.clips import ClipPool
from bimotion.training.vae.metrics import clip_errors, reconstruction_metrics, summarise


def reconstruction(
    model: MotionLanguageModel, store: MotionStore, items: Sequence[Item], classifier: Classifier
) -> dict[str, dict[str, Any]]:
    """Errors of the VAE alone (`vae`), and by the latents that the transformer reads and the head makes (`model`).

    Of the latter also what the classifier names and how the feet stand: the best that text to motion can reach.
    """
    alone = reconstruction_metrics(model.network.vae, ClipPool(store, list(items), model.stats))
    rows: list[dict[str, float]] = []
    joints: list[np.ndarray] = []
    real: list[np.ndarray] = []
    for start in range(0, len(items), BATCH):
        wanted = [store.features(item) for item in items[start : start + BATCH]]
        given = model.decode_features(model.encode_features(wanted), [len(each) for each in wanted])
        rows += [clip_errors(ours, theirs) for ours, theirs in zip(given, wanted, strict=True)]
        joints += [np.asarray(features_to_joints(each)) for each in given]
        real += [np.asarray(features_to_joints(each)) for each in wanted]
        progress("reconstruction", len(rows), len(items))
    contents = [item.content for item in items]
    return {
        "vae": alone,
        "model": summarise(rows, contents),
        "content": scores(contents, classifier.name(joints)),
        "quality": quality_scores(joints, real),
    }
