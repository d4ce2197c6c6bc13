"""Motion files as features or clips: HumanML3D features stored as NPY, or any recording.

Legend: T frames, 263 feature columns.
"""

import logging
from pathlib import Path

import numpy as np
from jaxtyping import Float

from bimotion.errors import MotionFileError
from bimotion.features.clips import features_to_clip
from bimotion.features.layout import FEATURE_DIM
from bimotion.features.variants import as_features
from bimotion.motion.clip import Clip
from bimotion.motion.formats import ReadMotion, ReadOptions, read_motion, read_with_interpretation
from bimotion.motion.retarget.arrays import settle_positions
from bimotion.storage.arrays import read_array

logger = logging.getLogger(__name__)

Features = Float[np.ndarray, "_ 263"]


def read_clip_or_features(path: Path, features_only: str = "") -> Features | Clip:
    """The features in a file that holds features, else its clip; `features_only` names a protocol that takes no clips.

    Raises:
        MotionFileError: the file is missing or broken, or holds joints where only features are accepted.
    """
    features = _stored_features(path)
    if features is not None:
        return features
    clip = read_motion(path)
    if features_only:
        raise MotionFileError(
            f"{path}: {features_only} takes HumanML3D features of shape (frames, 263), got joints; scores would "
            "depend on the conversion"
        )
    return clip


def read_any(path: Path, options: ReadOptions | None = None) -> Clip:
    """The clip in a motion file, or of a file of features. What had to be assumed is logged as warnings.

    Raises:
        MotionFileError: the file is missing or broken.
    """
    found = interpret_file(path, options)
    for warning in found.interpretation.warnings:
        logger.warning("%s: %s", path, warning)
    return found.clip


def interpret_file(path: Path, options: ReadOptions | None = None) -> ReadMotion:
    """The clip in a motion file, or of a file of features, and how the file was understood.

    Raises:
        MotionFileError: the file is missing or broken.
    """
    features = _stored_features(path)
    if features is None:
        return read_with_interpretation(path, options or ReadOptions())
    clip = features_to_clip(features, name=path.stem)
    return ReadMotion(clip, settle_positions(clip, str(path), in_metres=True, family="HumanML3D features")[1])


def load_features(path: Path) -> Features:
    """The HumanML3D features in an .npy file, float32; of (frames, 67) features the other columns are computed.

    Raises:
        MotionFileError: the file is missing or broken, or holds something else.
    """
    array = read_array(path, MotionFileError)
    features = as_features(array, path)
    if features is None:
        raise MotionFileError(
            f"{path}: expected HumanML3D features of shape (frames, {FEATURE_DIM}), got {array.shape}"
        )
    return features


def _stored_features(path: Path) -> Features | None:
    """The features in a file; None where it holds something else."""
    if path.suffix.lower() != ".npy" or not path.is_file():
        return None
    try:
        array = read_array(path, MotionFileError)
    except MotionFileError:
        return None  # `read_motion` says what is wrong with it
    return as_features(array[0] if array.ndim == 3 and len(array) == 1 else array, path)
