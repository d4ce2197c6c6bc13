"""Reconstruction, prediction and in-betweening: distance of a system's joints from the recorded ones."""

from collections.abc import Sequence

import numpy as np

from bimotion.evaluation.distribution import Gaussian, frechet_distance
from bimotion.evaluation.evaluation_set import EvaluationSet
from bimotion.evaluation.joint_errors import (
    acceleration_error,
    aligned_joint_error,
    displacement,
    flat_displacement,
    joint_error,
)
from bimotion.evaluation.motions import chunks, motion_joints
from bimotion.evaluation.systems import CompletionSystem
from bimotion.evaluation.text_to_motion import Track
from bimotion.evaluators.embedding import Embedder

CONTEXT_BEFORE = 0.2
"""Share of a motion given as context where the rest is predicted."""

CONTEXT_AROUND = 0.25
"""Share of a motion given as context before a gap, and after it."""

BATCH = 16
"""Motions reconstructed at once."""


def reconstruction(
    evaluation_set: EvaluationSet, system: CompletionSystem, embedder: Embedder, track: Track
) -> dict[str, float]:
    """FID, MPJPE, PA-MPJPE and acceleration error, over all frames, of motions encoded and decoded again."""
    repeat = evaluation_set.repeat(0)
    embeddings = []
    errors: dict[str, list[np.ndarray]] = {"mpjpe_mm": [], "pa_mpjpe_mm": [], "acceleration_mm": []}
    measures = (joint_error, aligned_joint_error, acceleration_error)
    for rows in track(list(chunks(len(evaluation_set), BATCH)), "reconstruction"):
        targets = repeat.motions[rows.start : rows.stop]
        decoded = system.reconstruct(targets)
        embeddings.append(embedder.embed_motions(decoded))
        for motion, target in zip(decoded, targets, strict=True):
            pair = (motion_joints(motion), motion_joints(target)[: len(motion)])
            for values, measure in zip(errors.values(), measures, strict=True):
                values.append(1000 * measure(*pair))
    real = Gaussian.of(embedder.embed_motions(repeat.motions))
    mean = {name: float(np.concatenate(values).mean()) for name, values in errors.items()}
    return {"fid": frechet_distance(real, Gaussian.of(np.concatenate(embeddings))), **mean}


def completion_errors(
    evaluation_set: EvaluationSet, system: CompletionSystem, indices: Sequence[int], *, flat: bool
) -> dict[str, list[tuple[float, float]]]:
    """Mean and last displacement over the generated frames of some windows, for prediction and in-betweening; metres.

    `flat` takes the norm of all joints' displacements at once, as published.
    """
    measure = flat_displacement if flat else displacement
    repeat = evaluation_set.repeat(0)
    errors: dict[str, list[tuple[float, float]]] = {"prediction": [], "inbetween": []}
    for index in indices:
        joints = motion_joints(repeat.motions[index])
        num, seed = len(joints), evaluation_set.seed + index
        start = max(int(CONTEXT_BEFORE * num), 2)
        predicted = system.predict(joints[:start], num, seed)
        errors["prediction"].append(_mean_and_last(measure(predicted[start:num], joints[start:])))
        first = max(int(CONTEXT_AROUND * num), 2)
        last = min(num - first, num - 2)
        filled = system.inbetween(joints[:first], joints[last:], num, seed)
        errors["inbetween"].append(_mean_and_last(measure(filled[first:last], joints[first:last])))
    return errors


def displacement_scores(errors: Sequence[Sequence[float]]) -> dict[str, float]:
    """ADE and FDE: means over motions of the mean and of the last displacement; metres."""
    ade, fde = np.mean(np.asarray(errors), axis=0)
    return {"ade_m": float(ade), "fde_m": float(fde)}


def _mean_and_last(distances: np.ndarray) -> tuple[float, float]:
    return float(distances.mean()), float(distances[-1])
