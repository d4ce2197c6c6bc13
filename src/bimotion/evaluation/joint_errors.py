"""How far joints are from where they should be: MPJPE, PA-MPJPE, acceleration, ADE, FDE.

Legend: T frames, J joints; metres. All functions give a value a frame, or of the frames that they are given:
which frames count is the protocol's affair.
"""

import numpy as np
from jaxtyping import Float

Joints = Float[np.ndarray, "T J 3"]


def joint_error(given: Joints, wanted: Joints) -> Float[np.ndarray, " T"]:
    """Mean distance of joints with joint 0 (the pelvis) at the origin in every frame: MPJPE, root aligned, metres."""
    given, wanted = _centred(given), _centred(wanted)
    return np.asarray(np.linalg.norm(given - wanted, axis=-1).mean(-1))


def aligned_joint_error(given: Joints, wanted: Joints) -> Float[np.ndarray, " T"]:
    """Mean distance of joints after the best shift, turn and scale of each frame: PA-MPJPE, metres.

    Source: Procrustes analysis (Kabsch 1976, Umeyama 1991); turns only, no mirror images.
    """
    a, b = given.astype(np.float64), wanted.astype(np.float64)
    a, b = a - a.mean(1, keepdims=True), b - b.mean(1, keepdims=True)
    u, s, vt = np.linalg.svd(np.swapaxes(a, 1, 2) @ b)
    sign = np.sign(np.linalg.det(u @ vt))
    u[..., -1] *= sign[:, None]
    s[..., -1] *= sign
    size = (a * a).sum((1, 2))
    scale = np.divide(s.sum(-1), size, out=np.ones_like(size), where=size > 0)
    return np.asarray(np.linalg.norm(scale[:, None, None] * (a @ (u @ vt)) - b, axis=-1).mean(-1))


def acceleration_error(given: Joints, wanted: Joints) -> Float[np.ndarray, " T-2"]:
    """Mean length of the difference of joints' accelerations, metres a frame squared.

    Second differences of positions in the world, the path's among them.
    """
    difference = np.diff(given.astype(np.float64) - wanted, n=2, axis=0)
    return np.asarray(np.linalg.norm(difference, axis=-1).mean(-1))


def flat_displacement(given: Joints, wanted: Joints) -> Float[np.ndarray, " T"]:
    """Length of all joints' displacements as one vector of 3 J numbers, metres.

    The published ADE is its mean, the published FDE its last value; `displacement` is per joint.
    """
    apart = given.astype(np.float64) - wanted.astype(np.float64)
    return np.asarray(np.linalg.norm(apart.reshape(len(apart), -1), axis=-1))


def displacement(given: Joints, wanted: Joints) -> Float[np.ndarray, " T"]:
    """Mean distance of joints in the world, metres: ADE is its mean over frames, FDE its last value."""
    return np.asarray(np.linalg.norm(given.astype(np.float64) - wanted, axis=-1).mean(-1))


def _centred(joints: Joints) -> Joints:
    double = joints.astype(np.float64)
    return np.asarray(double - double[:, :1])
