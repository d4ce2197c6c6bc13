"""Distances between predicted and target joints: MPJPE, PA-MPJPE, acceleration error, ADE, FDE.

Legend: T frames, J joints; metres. All functions return one value per frame; which frames count is up to the caller.
"""

import numpy as np
from jaxtyping import Float

Joints = Float[np.ndarray, "T J 3"]


def joint_error(predicted: Joints, target: Joints) -> Float[np.ndarray, " T"]:
    """Mean distance of joints with joint 0 (the pelvis) at the origin in every frame: MPJPE, root aligned, metres."""
    return np.asarray(np.linalg.norm(_centred(predicted) - _centred(target), axis=-1).mean(-1))


def aligned_joint_error(predicted: Joints, target: Joints) -> Float[np.ndarray, " T"]:
    """Mean distance of joints after the best translation, rotation and scale of each frame: PA-MPJPE, metres.

    Source: Procrustes analysis (Kabsch 1976, Umeyama 1991); proper rotations only, no reflections.
    """
    a, b = predicted.astype(np.float64), target.astype(np.float64)
    a, b = a - a.mean(1, keepdims=True), b - b.mean(1, keepdims=True)
    u, s, vt = np.linalg.svd(np.swapaxes(a, 1, 2) @ b)
    sign = np.sign(np.linalg.det(u @ vt))
    u[..., -1] *= sign[:, None]
    s[..., -1] *= sign
    size = (a * a).sum((1, 2))
    scale = np.divide(s.sum(-1), size, out=np.ones_like(size), where=size > 0)
    return np.asarray(np.linalg.norm(scale[:, None, None] * (a @ (u @ vt)) - b, axis=-1).mean(-1))


def acceleration_error(predicted: Joints, target: Joints) -> Float[np.ndarray, " T-2"]:
    """Mean norm of the difference of joint accelerations in world coordinates, metres per frame squared."""
    difference = np.diff(predicted.astype(np.float64) - target, n=2, axis=0)
    return np.asarray(np.linalg.norm(difference, axis=-1).mean(-1))


def flat_displacement(predicted: Joints, target: Joints) -> Float[np.ndarray, " T"]:
    """Norm of all joints' displacements as one vector of 3 J numbers, metres.

    The published ADE is its mean, the published FDE its last value; `displacement` is per joint.
    """
    apart = predicted.astype(np.float64) - target.astype(np.float64)
    return np.asarray(np.linalg.norm(apart.reshape(len(apart), -1), axis=-1))


def displacement(predicted: Joints, target: Joints) -> Float[np.ndarray, " T"]:
    """Mean distance of joints in the world, metres: ADE is its mean over frames, FDE its last value."""
    return np.asarray(np.linalg.norm(predicted.astype(np.float64) - target, axis=-1).mean(-1))


def _centred(joints: Joints) -> Joints:
    double = joints.astype(np.float64)
    return np.asarray(double - double[:, :1])
