"""Motion files as features or clips: HumanML3D features stored as NPY, or any recording.

Legend: T frames, 263 feature columns.
"""

from pathlib import Path

import numpy as np
from jaxtyping import Float

from bimotion.errors import MotionFileError
from bimotion.features.clips import features_to_clip
from bimotion.features.layout import FEATURE_DIM
from bimotion.motion.clip import Clip
from bimotion.motion.formats import read_motion

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
            "depend on how they are turned into features"
        )
    return clip


def read_any(path: Path) -> Clip:
    """The clip in a motion file, or of a file of features.

    Raises:
        MotionFileError: the file is missing or broken.
    """
    motion = read_clip_or_features(path)
    return motion if isinstance(motion, Clip) else features_to_clip(motion, name=path.stem)


def _stored_features(path: Path) -> Features | None:
    """The features in a file; None where it holds something else."""
    if path.suffix.lower() != ".npy" or not path.is_file():
        return None
    try:
        array = np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise MotionFileError(f"{path}: not a readable NPY file ({error})") from None
    if array.ndim != 2 or array.shape[1] != FEATURE_DIM:
        return None
    if len(array) < 2 or not np.isfinite(array).all():
        raise MotionFileError(f"{path}: expected 2 or more frames of finite features, got {array.shape}")
    return np.asarray(array, dtype=np.float32)
