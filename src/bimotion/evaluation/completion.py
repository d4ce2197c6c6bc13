"""Reconstruction, prediction and in-betweening: how near a system's joints come to those that were recorded."""

from collections.abc import Mapping, Sequence

import numpy as np

from bimotion.data.window_features import Features
from bimotion.evaluation.distribution import Gaussian, frechet_distance
from bimotion.evaluation.evaluation_set import Asked
from bimotion.evaluation.joint_errors import (
    acceleration_error,
    aligned_joint_error,
    displacement,
    flat_displacement,
    joint_error,
)
from bimotion.evaluation.systems import Completes
from bimotion.evaluation.text_to_motion import Track
from bimotion.evaluators.embedding import Embedder
from bimotion.features import features_to_joints

GIVEN_TO_PREDICT = 0.2
"""Share of a motion that is given where the rest is predicted."""

GIVEN_AROUND = 0.25
"""Share of a motion that is given before a gap, and after it."""

BATCH = 16
"""Motions that are reconstructed at once."""


def reconstruction(asked: Asked, system: Completes, embedder: Embedder, track: Track) -> dict[str, float]:
    """FID, MPJPE, PA-MPJPE and acceleration error, over all frames, of motions by way of their latents."""
    part = asked.round(0)
    made: list[Features] = []
    errors: dict[str, list[np.ndarray]] = {"mpjpe_mm": [], "pa_mpjpe_mm": [], "acceleration_mm": []}
    measures = (joint_error, aligned_joint_error, acceleration_error)
    for start in track(range(0, len(asked), BATCH), "reconstruction"):
        wanted = part.motions[start : start + BATCH]
        given = system.reconstruct(wanted)
        made += given
        for ours, theirs in zip(given, wanted, strict=True):
            pair = (_joints(ours), _joints(theirs)[: len(ours)])
            for values, measure in zip(errors.values(), measures, strict=True):
                values.append(1000 * measure(*pair))
    real = Gaussian.of(embedder.embed_motions(part.motions))
    mean = {name: float(np.concatenate(values).mean()) for name, values in errors.items()}
    return {"fid": frechet_distance(real, Gaussian.of(embedder.embed_motions(made))), **mean}


def completion(
    asked: Asked, system: Completes, track: Track, *, flat: bool
) -> Mapping[str, Mapping[str, float]]:
    """ADE and FDE over the frames that were not given, each motion's mean and last value; metres.

    `flat` takes the norm of all joints' displacements at once, as published.
    """
    measure = flat_displacement if flat else displacement
    part = asked.round(0)
    apart: dict[str, list[np.ndarray]] = {"prediction": [], "inbetween": []}
    for place in track(range(len(asked)), "prediction and in-betweening"):
        joints = _joints(part.motions[place])
        num, seed = len(joints), asked.seed + place
        begin = max(int(GIVEN_TO_PREDICT * num), 2)
        made = system.predict(joints[:begin], num, seed)
        apart["prediction"].append(measure(made[begin:num], joints[begin:]))
        first = max(int(GIVEN_AROUND * num), 2)
        last = min(num - first, num - 2)
        made = system.fill(joints[:first], joints[last:], num, seed)
        apart["inbetween"].append(measure(made[first:last], joints[first:last]))
    return {task: _displacements(values) for task, values in apart.items()}


def _displacements(values: Sequence[np.ndarray]) -> dict[str, float]:
    return {
        "ade_m": float(np.mean([each.mean() for each in values])),
        "fde_m": float(np.mean([each[-1] for each in values])),
    }


def _joints(features: Features) -> np.ndarray:
    return np.asarray(features_to_joints(features), dtype=np.float32)
