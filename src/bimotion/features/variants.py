"""Feature arrays of other systems that resemble HumanML3D features, recognised by their values.

Legend: T frames, F = 263 feature columns.
"""

from pathlib import Path

import numpy as np
from jaxtyping import Float

from bimotion.errors import MotionFileError
from bimotion.features import features_to_joints, layout
from bimotion.features.clip_encoding import encode_clip
from bimotion.features.layout import FEATURE_DIM, MAX_FEATURE
from bimotion.motion.skeleton import PARENTS, TARGET_OFFSETS

MAX_BONE_ERROR = 0.5
"""Bones of features are those of the uniform skeleton; a decoder misses them by some percent. Normalised features
give bones that are off by more than this share on average."""

MIN_STEP_ERROR = 0.02
"""Metres a frame (0.4 m/s) by which the two records of the root's step differ on average before they contradict."""

_OTHER_LAYOUTS = {
    251: "KIT-ML's features (21 joints, 12.5 frames per second)",
    272: "MotionStreamer's features (272 columns, 30 frames per second)",
}
_JOINT_COLUMNS = layout.RIC.stop  # root and joint positions: 67


def as_features(array: np.ndarray, where: Path | str) -> Float[np.ndarray, "T 263"] | None:
    """HumanML3D features, float32, of an array that holds them; None for an array of anything else.

    (frames, 67) arrays hold the first 67 columns, root and joint positions, as several systems generate them; the
    other columns are computed from these.

    Raises:
        MotionFileError: the array holds features that are normalised, have an absolute root or another layout, or
            fewer than 2 frames.
    """
    if array.ndim != 2 or array.shape[1] not in (FEATURE_DIM, _JOINT_COLUMNS, *_OTHER_LAYOUTS):
        return None
    if name := _OTHER_LAYOUTS.get(array.shape[1]):
        raise MotionFileError(
            f"{where}: {name}; bimotion reads HumanML3D's (frames, {FEATURE_DIM}). Export the joints' positions, "
            "(frames, 22, 3) in metres, instead"
        )
    if len(array) < 2:
        raise MotionFileError(f"{where}: expected 2 or more frames of features, got {array.shape}")
    if np.abs(array).max() > MAX_FEATURE:
        raise MotionFileError(f"{where}: a feature exceeds {MAX_FEATURE:g}, the limit for a body's motion")
    features = np.zeros((len(array), FEATURE_DIM), np.float32)
    features[:, : array.shape[1]] = array
    _check(features, where, steps=array.shape[1] == FEATURE_DIM)
    return features if array.shape[1] == FEATURE_DIM else _completed(features)


def _check(features: Float[np.ndarray, "T 263"], where: Path | str, *, steps: bool) -> None:
    if _bone_error(features) > MAX_BONE_ERROR:
        raise MotionFileError(
            f"{where}: expected HumanML3D features, but no body has such bones: they look normalised. Multiply by the "
            "Std and add the Mean that they were normalised with"
        )
    if steps and _has_absolute_root(features):
        raise MotionFileError(
            f"{where}: expected HumanML3D features, but the root's columns look absolute (heading and position), as "
            "GMD writes them; HumanML3D's hold the turn and the step to the next frame"
        )


def _bone_error(features: Float[np.ndarray, "T 263"]) -> float:
    """Mean relative error of the bone lengths, of the bones between the joints 1 to 21 (the root needs no columns)."""
    ric = features[:, layout.RIC].reshape(len(features), -1, 3)
    bones = [(joint, parent) for joint, parent in enumerate(PARENTS) if parent > 0]
    joints, parents = (np.array(column) for column in zip(*bones, strict=True))
    lengths = np.linalg.norm(ric[:, joints - 1] - ric[:, parents - 1], axis=-1)
    expected = np.linalg.norm(TARGET_OFFSETS[joints], axis=-1)
    return float(np.median(np.abs(lengths - expected) / expected))


def _has_absolute_root(features: Float[np.ndarray, "T 263"]) -> bool:
    """Whether the root's columns 1 and 2 are positions: their differences, not they, have the length of its steps.

    The same step is stored in the columns of joint velocities, in another frame of reference.
    """
    step = np.linalg.norm(features[:-1, layout.LOCAL_VEL][:, [0, 2]], axis=-1)
    root = features[:, layout.ROOT_XZ_VEL]
    as_steps = _mean_error(np.linalg.norm(root[:-1], axis=-1), step)
    as_positions = _mean_error(np.linalg.norm(np.diff(root, axis=0), axis=-1), step)
    return as_steps > MIN_STEP_ERROR and as_positions < 0.5 * as_steps


def _mean_error(a: Float[np.ndarray, " T"], b: Float[np.ndarray, " T"]) -> float:
    return float(np.abs(a - b).mean())


def _completed(features: Float[np.ndarray, "T 263"]) -> Float[np.ndarray, "T 263"]:
    """Features of which the root's and the joints' columns are given, with rotations, velocities and contacts."""
    joints = features_to_joints(features)
    completed = encode_clip(np.concatenate([joints, joints[-1:]]))
    completed[:, :_JOINT_COLUMNS] = features[:, :_JOINT_COLUMNS]
    return completed
