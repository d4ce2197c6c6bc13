"""Encoding of a clip as the features of data sets and networks. Legend: T frames."""

import numpy as np
from jaxtyping import Float

from bimotion.features import compiled, features_to_joints, features_to_root, joints_to_features, layout
from bimotion.features.mirror import symmetric_skeleton
from bimotion.features.smooth import gaussian_smooth
from bimotion.motion.clip import heading as body_heading

_SMOOTHING = 20.0


def encode_clip(joints: Float[np.ndarray, "T 22 3"]) -> Float[np.ndarray, "T-1 263"]:
    """HumanML3D features of joints at 20 frames per second, float32, on the symmetric uniform skeleton.

    They equal those of `joints_to_features` except for the heading of the root. The published encoder subtracts
    the hip line from the shoulder line instead of adding it, smooths the vector, which may then almost vanish, and
    treats frame 0 separately: 11 % of our windows would begin with a turn of 5 to 50 degrees in one frame that no
    body makes, and some spins would contain one of 180, where the deviation of the column is one degree. Here the root
    faces where hips and shoulders do, the angle is smoothed (20 frames, as published) and frame 0 is like any
    other. Rotations of the thighs, the lowest spine joint and the collars are seen from the root, not turned
    with it. Decoding is the same; the first frame faces +Z within what the smoothing leaves.
    """
    held = np.concatenate([joints, joints[-1:]]).astype(
        np.float64
    )  # the last frame needs a row to be decoded
    if compiled.available():
        return compiled.encode(held, _SMOOTHING)
    features = np.asarray(joints_to_features(held, uniform_skeleton=symmetric_skeleton()))
    return turn_roots(features)[:-1].astype(np.float32)


def turn_roots(features: Float[np.ndarray, "T 263"]) -> Float[np.ndarray, "T 263"]:
    """The features of the same motion with the root facing where the body does; the last row lacks its steps."""
    angle, _ = features_to_root(features)
    heading = gaussian_smooth(body_heading(features_to_joints(features)), _SMOOTHING, np)
    turn = angle - heading
    turned = features.copy()
    turned[:-1, layout.R_VEL] = -np.diff(heading)[:, None] / 2
    x, z = features[:-1, layout.ROOT_XZ_VEL].T
    c, s = np.cos(turn[1:]), np.sin(turn[1:])
    turned[:-1, layout.ROOT_XZ_VEL] = np.stack([x * c + z * s, z * c - x * s], -1)
    for columns in (layout.RIC, layout.LOCAL_VEL):
        vectors = features[:, columns].reshape(len(features), -1, 3)
        turned[:, columns] = _about_y(vectors, turn).reshape(len(features), -1)
    rotations = turned[:, layout.ROT6D].reshape(len(features), -1, 2, 3)
    # the published ones are turned by the heading twice over, not seen from the root
    rows = list(layout.ROOT_BONES)
    rotations[:, rows] = _about_y(rotations[:, rows], -angle - heading)
    turned[:, layout.ROT6D] = rotations.reshape(len(features), -1)
    return turned


def _about_y(vectors: Float[np.ndarray, "T *N 3"], angle: Float[np.ndarray, " T"]) -> np.ndarray:
    shape = (len(angle), *(1,) * (vectors.ndim - 2))
    c, s = np.cos(angle).reshape(shape), np.sin(angle).reshape(shape)
    x, y, z = np.moveaxis(vectors, -1, 0)
    return np.stack([x * c + z * s, y, z * c - x * s], -1)
