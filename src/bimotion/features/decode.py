"""HumanML3D features back to joint positions.

Legend: T frames, J joints (22), F feature columns (263).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

import numpy as np
from jaxtyping import Float

from bimotion.errors import DataError
from bimotion.features.layout import FEATURE_DIM, R_VEL, RIC, ROOT_XZ_VEL, ROOT_Y

if TYPE_CHECKING:
    from torch import Tensor


@overload
def features_to_root(
    features: Float[np.ndarray, "*batch T F"],
) -> tuple[Float[np.ndarray, "*batch T"], Float[np.ndarray, "*batch T 2"]]: ...
@overload
def features_to_root(
    features: Float[Tensor, "*batch T F"],
) -> tuple[Float[Tensor, "*batch T"], Float[Tensor, "*batch T 2"]]: ...
def features_to_root(features: Any) -> Any:
    """Heading and position of the root in every frame: (angle, xz), both zero at frame 0.

    The angle, in radians, turns the root's frame into the world's, about +Y: 0 faces +Z, and it grows as the
    body turns to its left, without a jump at 180 degrees. xz are metres. Features are not normalised.

    HumanML3D stores *half* the turn of the *world-to-root* rotation, and row t is the step from t to t + 1,
    as seen from the root at t + 1. All that is undone here and nowhere else.

    Raises:
        DataError: there are not 263 columns.
    Source: HumanML3D (Guo et al. 2022), `recover_root_rot_pos`.
    """
    xp = _module_of(features)
    turn = features[..., :-1, R_VEL.start]
    start = xp.zeros_like(features[..., :1, 0])
    angle = xp.concatenate((start, xp.cumsum(-2 * turn, -1)), -1)
    cos, sin = xp.cos(angle[..., 1:]), xp.sin(angle[..., 1:])
    x, z = features[..., :-1, ROOT_XZ_VEL.start], features[..., :-1, ROOT_XZ_VEL.start + 1]
    steps = xp.stack((x * cos + z * sin, z * cos - x * sin), -1)
    xz = xp.concatenate((xp.stack((start, start), -1), xp.cumsum(steps, -2)), -2)
    return angle, xz


@overload
def features_to_joints(features: Float[np.ndarray, "*batch T F"]) -> Float[np.ndarray, "*batch T J 3"]: ...
@overload
def features_to_joints(features: Float[Tensor, "*batch T F"]) -> Float[Tensor, "*batch T J 3"]: ...
def features_to_joints(features: Any) -> Any:
    """Joint positions in metres, Y up: the first frame's root over the origin, facing +Z.

    Features are not normalised. numpy gives numpy; torch gives torch and carries gradients. Only the columns
    of the root and of the joint positions are read: of T + 1 frames that were encoded the first T come back.

    Raises:
        DataError: there are not 263 columns.
    Source: HumanML3D (Guo et al. 2022), `recover_from_ric`.
    """
    xp = _module_of(features)
    angle, root = features_to_root(features)
    cos, sin = xp.cos(angle)[..., None], xp.sin(angle)[..., None]
    x, y, z = (features[..., RIC.start + axis : RIC.stop : 3] for axis in range(3))  # (..., T, 21)
    root_x, root_z = root[..., :1], root[..., 1:]
    joint_x = xp.concatenate((root_x, x * cos + z * sin + root_x), -1)
    joint_y = xp.concatenate((features[..., ROOT_Y], y), -1)
    joint_z = xp.concatenate((root_z, z * cos - x * sin + root_z), -1)
    return xp.stack((joint_x, joint_y, joint_z), -1)


def _module_of(features: Any) -> Any:
    shape = tuple(features.shape)
    if len(shape) < 2 or shape[-1] != FEATURE_DIM:
        raise DataError(f"expected features of shape (..., frames, {FEATURE_DIM}), got {shape}")
    if isinstance(features, np.ndarray):
        return np
    import torch

    return torch
