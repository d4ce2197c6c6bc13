"""Motions to be scored, in the two forms that systems return.

A motion is an array of HumanML3D features (T, 263), not normalised, or a `Clip`. Evaluators read features. Floor
contact, skating and the other quality measures need the original height: encoding a clip as features puts its lowest
joint on the floor, so these measures use the joints of a clip directly.
"""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float

from bimotion.data.window_features import Features
from bimotion.features.clips import clip_to_features, features_to_clip
from bimotion.features.layout import FPS
from bimotion.motion.clip import Clip

Motion = Features | Clip

CHUNK = 256
"""Motions generated, embedded and measured at a time; 45 MB of features at 200 frames each."""


def motion_features(motion: Motion) -> Features:
    """The features that evaluators read.

    Raises:
        MotionFileError: a clip is shorter than two frames at 20 fps.
    """
    return clip_to_features(motion) if isinstance(motion, Clip) else motion


def motion_clip(motion: Motion, caption: str = "") -> Clip:
    """The motion as a clip, at its own height; features decode to 20 fps."""
    return motion if isinstance(motion, Clip) else features_to_clip(motion, caption=caption)


def motion_joints(motion: Motion) -> Float[np.ndarray, "T 22 3"]:
    """Joint positions at 20 fps, at the motion's own height."""
    clip = motion_clip(motion)
    return np.asarray(clip.joints if clip.fps == FPS else clip.resample(FPS).joints)


def chunks(count: int, size: int = CHUNK) -> Iterator[range]:
    """Ranges that cover `count` indices, `size` at a time."""
    for start in range(0, count, size):
        yield range(start, min(start + size, count))
