"""The mirror image of HumanML3D features: left and right exchanged, column by column and exactly.

The mirror image of a motion has features that are those of the motion with signs changed and left and right
joints exchanged (the uniform skeleton is symmetric), so mirrored copies need no disk space.
"""

from functools import cache

import numpy as np
from jaxtyping import Float

from bimotion.features import layout
from bimotion.motion.skeleton import MIRROR, NUM_JOINTS, TARGET_OFFSETS


@cache
def _columns() -> tuple[np.ndarray, np.ndarray]:
    """Where each column of the mirror image comes from, and its sign: (263,), (263,)."""
    source = np.arange(layout.FEATURE_DIM)
    sign = np.ones(layout.FEATURE_DIM, np.float32)
    partner = np.asarray(MIRROR)
    sign[layout.R_VEL] = -1
    sign[layout.ROOT_XZ_VEL] = (-1, 1)
    source[layout.RIC] = _permuted(source[layout.RIC], partner[1:] - 1)
    sign[layout.RIC] = np.tile([-1, 1, 1], 21)
    source[layout.ROT6D] = _permuted(source[layout.ROT6D], partner[1:] - 1)
    # R -> S R S with S = diag(-1, 1, 1): first column (+, -, -), second column (-, +, +)
    sign[layout.ROT6D] = np.tile([1, -1, -1, -1, 1, 1], 21)
    source[layout.LOCAL_VEL] = _permuted(source[layout.LOCAL_VEL], partner)
    sign[layout.LOCAL_VEL] = np.tile([-1, 1, 1], NUM_JOINTS)
    first = layout.CONTACTS.start
    source[layout.CONTACTS] = [first + 2, first + 3, first, first + 1]
    return source, sign


def _permuted(columns: np.ndarray, partner: np.ndarray) -> np.ndarray:
    return np.asarray(columns.reshape(len(partner), -1)[partner].reshape(-1))


def mirror_features(features: Float[np.ndarray, "*batch T 263"]) -> Float[np.ndarray, "*batch T 263"]:
    """The features of the motion seen in a mirror; not normalised. Twice is the identity."""
    source, sign = _columns()
    return np.asarray(features[..., source] * sign)


def symmetric_skeleton() -> Float[np.ndarray, "22 3"]:
    """The uniform skeleton with equal left and right sides, in metres.

    The published one is a real person's, up to 9 mm off symmetry; features on it would not be those of the
    same skeleton after mirroring.
    """
    mirrored = TARGET_OFFSETS[np.asarray(MIRROR)] * np.array([-1.0, 1.0, 1.0])
    return np.asarray((TARGET_OFFSETS + mirrored) / 2, dtype=TARGET_OFFSETS.dtype)
