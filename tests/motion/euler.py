import numpy as np

from bimotion.motion.rotations import euler_to_quat, quat_to_matrix


def euler_to_matrix(angles: np.ndarray, order: str) -> np.ndarray:
    """Matrices of intrinsic Euler angles in radians: `order` "zxy" is Rz(a0) Rx(a1) Ry(a2), as BVH writes them."""
    return quat_to_matrix(euler_to_quat(angles, order))
