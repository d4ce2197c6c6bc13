"""Reconstruction, prediction and in-betweening: distance of a system's joints from the recorded ones."""

from collections.abc import Sequence
from dataclasses import dataclass

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
from bimotion.evaluation.shards import Part, Spread, Subject
from bimotion.evaluation.systems import CompletionSystem
from bimotion.evaluators.embedding import Embeddings

CONTEXT_BEFORE = 0.2
"""Share of a motion given as context where the rest is predicted."""

CONTEXT_AROUND = 0.25
"""Share of a motion given as context before a gap, and after it."""

BATCH = 16
"""Motions reconstructed at once."""


@dataclass(frozen=True)
class Reconstructions:
    """Some motions encoded and decoded again: a part of an evaluation."""

    rows: range
    """The windows."""

    def __call__(self, subject: Subject) -> tuple[Embeddings, dict[str, np.ndarray]]:
        """Their embeddings, and errors of all frames in millimetres."""
        targets = subject.evaluation_set.repeat(0).motions[self.rows.start : self.rows.stop]
        decoded = _completing(subject).reconstruct(targets)
        pairs = [
            (motion_joints(motion), motion_joints(target)[: len(motion)])
            for motion, target in zip(decoded, targets, strict=True)
        ]
        measures = {
            "mpjpe_mm": joint_error,
            "pa_mpjpe_mm": aligned_joint_error,
            "acceleration_mm": acceleration_error,
        }
        errors = {
            name: np.concatenate([1000 * measure(*pair) for pair in pairs])
            for name, measure in measures.items()
        }
        return subject.embedder.embed_motions(decoded), errors


@dataclass(frozen=True)
class Completions:
    """Some motions predicted and in-betweened: a part of an evaluation."""

    rows: range
    """The windows."""

    def __call__(self, subject: Subject) -> dict[str, list[tuple[float, float]]]:
        """Displacements; see `completion_errors`."""
        flat = subject.evaluation_set.protocol.flat_displacement
        return completion_errors(subject.evaluation_set, _completing(subject), self.rows, flat=flat)


def reconstruction(subject: Subject, spread: Spread) -> dict[str, float]:
    """FID, MPJPE, PA-MPJPE and acceleration error, over all frames, of motions encoded and decoded again."""
    parts: list[Part] = [Reconstructions(rows) for rows in chunks(len(subject.evaluation_set), BATCH)]
    results = spread.in_order(parts, "reconstruction")
    real = Gaussian.of(subject.embedder.embed_motions(subject.evaluation_set.repeat(0).motions))
    decoded = Gaussian.of(np.concatenate([embeddings for embeddings, _ in results]))
    names = results[0][1]
    mean = {name: float(np.concatenate([errors[name] for _, errors in results]).mean()) for name in names}
    return {"fid": frechet_distance(real, decoded), **mean}


def _completing(subject: Subject) -> CompletionSystem:
    """The source as a system that completes motions."""
    assert isinstance(subject.source, CompletionSystem)
    return subject.source


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
