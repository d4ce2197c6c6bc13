"""Joint positions to HumanML3D features.

Legend: T frames, J joints (22), F feature columns (263).

All frames of all clips are computed at once, in arrays that keep time last, (joints, xyz, clips, frames): every
step is a few passes over contiguous memory. The same code runs on numpy and on torch.

Source: HumanML3D (Guo et al. 2022), `process_file` with the 22-joint skeleton. No quaternion is formed: the
shortest rotation that takes u to v is written as its matrix.
"""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, overload

import numpy as np
from jaxtyping import Float

from bimotion.errors import MotionFileError
from bimotion.features.layout import FEATURE_DIM
from bimotion.features.smooth import gaussian_smooth
from bimotion.features.skeleton import FACE_JOINTS, NUM_JOINTS, PARENTS, RAW_OFFSETS, TARGET_OFFSETS

if TYPE_CHECKING:
    from torch import Tensor

FORWARD_SIGMA: Final = 20.0
"""Standard deviation in frames of the filter over the facing direction."""

CONTACT_THRESHOLD: Final = 0.002
"""A foot joint touches the floor while its squared step, in square metres a frame, is below this."""

CONTACT_JOINTS: Final = (7, 10, 8, 11)
"""Left ankle, left foot, right ankle, right foot."""

LEG_JOINTS: Final = (5, 8)
"""Right knee and ankle: the length of their bones in frame 0 is the measure of a body's size."""

_PARENT = np.array(PARENTS[1:])
"""Joint at the other end of each of the 21 bones."""

_TURNED_WITH = np.where(np.isin(_PARENT, (0, 9)) & (np.arange(1, NUM_JOINTS) != 12), 0, _PARENT)
"""Joint whose rotation each bone's rotation is relative to: arms hang on the root's, as in the published code."""

_ANCESTORS = np.zeros((NUM_JOINTS, NUM_JOINTS - 1))
"""1 where a bone lies between the root and a joint."""
for _joint in range(1, NUM_JOINTS):
    _ANCESTORS[_joint] = _ANCESTORS[PARENTS[_joint]]
    _ANCESTORS[_joint, _joint - 1] = 1


@overload
def joints_to_features(
    joints: Float[np.ndarray, "*batch T J 3"],
    *,
    compatible: bool = ...,
    uniform_skeleton: Float[np.ndarray, "J 3"] | None = ...,
) -> Float[np.ndarray, "*batch T-1 F"]: ...
@overload
def joints_to_features(
    joints: Float[Tensor, "*batch T J 3"],
    *,
    compatible: bool = ...,
    uniform_skeleton: Float[np.ndarray, "J 3"] | None = ...,
) -> Float[Tensor, "*batch T-1 F"]: ...
def joints_to_features(
    joints: Any,
    *,
    compatible: bool = False,
    uniform_skeleton: Float[np.ndarray, "J 3"] | None = TARGET_OFFSETS,
) -> Any:
    """HumanML3D features of clips at 20 frames per second: one row per step from a frame to the next.

    Joints are in metres, Y up, in the SMPL order; where the clip stands and where it faces does not matter. Every
    clip is put on the floor by its lowest joint. numpy gives numpy, torch gives torch (same device, with
    gradients); float32 and float64 are kept.

    `uniform_skeleton` are the offsets of the skeleton that all clips are given (bone directions stay, bone lengths
    change, the path is scaled by the length of the leg); None keeps the clip's own bones.
    `compatible` writes the turn as the published code does, arcsin of a quaternion's component, which is wrong by
    its sign in one frame whenever the facing passes 180 degrees from where it started; otherwise it is exact.

    Raises:
        MotionFileError: the shape is not (..., frames, 22, 3), there are fewer than 2 frames, a value is NaN or
            infinite, or the hips and shoulders of a frame give no facing direction.
    Source: HumanML3D (Guo et al. 2022), `process_file`.
    """
    xp = _module_of(joints)
    _check(joints, xp)
    batch, num_frames = joints.shape[:-3], joints.shape[-3]
    p = xp.moveaxis(joints.reshape((-1, num_frames, NUM_JOINTS, 3)), (2, 3), (0, 1))  # (J, 3, B, T)
    features = _encode(p, compatible, uniform_skeleton, xp)  # (F, B, T - 1)
    rows = xp.moveaxis(features, 0, -1).reshape((*batch, num_frames - 1, FEATURE_DIM))
    return np.ascontiguousarray(rows) if xp is np else rows.contiguous()


def _encode(p: Any, compatible: bool, uniform_skeleton: np.ndarray | None, xp: ModuleType) -> Any:
    """Features (F, B, T - 1) of positions (J, 3, B, T)."""

    def const(value: Any) -> Any:
        array = np.asarray(value)
        return array.astype(p.dtype) if xp is np else xp.tensor(array, dtype=p.dtype, device=p.device)

    bones = p[1:] - p[_PARENT]  # (21, 3, B, T)
    lengths = xp.sqrt((bones * bones).sum(1))  # (21, B, T)
    rest = const(RAW_OFFSETS[1:])[:, :, None, None]
    u = bones / xp.where(lengths > 0, lengths, 1.0)[:, None]
    u = xp.where(lengths[:, None] > 0, u, rest)
    if uniform_skeleton is not None:
        p = _with_bones(p[0], u, lengths, const(uniform_skeleton), const(_ANCESTORS), xp)

    # On the floor, the first frame's root over the origin.
    corner = p[0, :, :, 0]  # (3, B)
    floor = p[:, 1].amin((0, 2)) if xp is not np else p[:, 1].min((0, 2))
    p = p - xp.stack((corner[0], floor, corner[2]))[None, :, :, None]
    # Facing +Z in the first frame.
    cos, sin = _facing(p[..., :1], xp, smooth=False)  # (B, 1)
    p, u = _turned(p, cos, sin, xp), _turned(u, cos, sin, xp)

    cos, sin = _facing(p, xp, smooth=True)  # (B, T), of the world-to-root rotation
    cos = xp.concatenate((xp.ones_like(cos[:, :1]), cos[:, 1:]), -1)
    sin = xp.concatenate((xp.zeros_like(sin[:, :1]), sin[:, 1:]), -1)
    before, after = (cos[:, :-1], sin[:, :-1]), (cos[:, 1:], sin[:, 1:])
    step = p[..., 1:] - p[..., :-1]
    root_step = _turned(step[:1], *after, xp)
    local_step = _turned(step, *before, xp)
    relative = xp.concatenate((p[1:, 0:1] - p[0, 0:1], p[1:, 1:2], p[1:, 2:3] - p[0, 2:3]), 1)[..., :-1]
    foot_step = step[list(CONTACT_JOINTS)]
    still = (foot_step * foot_step).sum(1) < CONTACT_THRESHOLD
    parts = (
        _half_turn(before, after, compatible, xp)[None],
        root_step[0, 0:3:2],
        p[0, 1:2, :, :-1],
        _flat(_turned(relative, *before, xp)),
        _flat(_local_rot6d(u[..., :-1], rest, before, const, xp)),
        _flat(local_step),
        still.astype(p.dtype) if xp is np else still.to(p.dtype),
    )
    return xp.concatenate(parts, 0)


def _with_bones(root: Any, u: Any, lengths: Any, offsets: Any, ancestors: Any, xp: ModuleType) -> Any:
    """Positions (J, 3, B, T) with bones along `u` as long as `offsets`, the root's path scaled to the new legs."""
    target = xp.sqrt((offsets * offsets).sum(-1))  # (J,)
    knee, ankle = LEG_JOINTS
    leg = lengths[knee - 1, :, 0] + lengths[ankle - 1, :, 0]  # (B,)
    scale = (target[knee] + target[ankle]) / leg
    bones = u * target[1:, None, None, None]
    chained = (ancestors @ bones.reshape((NUM_JOINTS - 1, -1))).reshape((NUM_JOINTS, *bones.shape[1:]))
    return chained + (root * scale[None, :, None])[None]


def _facing(p: Any, xp: ModuleType, *, smooth: bool) -> tuple[Any, Any]:
    """Cosine and sine, (B, T), of the rotation about +Y that turns the facing direction of the body to +Z."""
    hip_r, hip_l, shoulder_r, shoulder_l = FACE_JOINTS
    if smooth:
        hip_r, hip_l = hip_l, hip_r
    across = (p[hip_r] - p[hip_l]) + (p[shoulder_r] - p[shoulder_l])  # (3, B, T)
    norm = xp.sqrt((across * across).sum(0))
    forward_x, forward_z = across[2] / norm, -across[0] / norm
    if smooth:
        forward_x = gaussian_smooth(forward_x, FORWARD_SIGMA, xp)
        forward_z = gaussian_smooth(forward_z, FORWARD_SIGMA, xp)
    norm = xp.sqrt(forward_x * forward_x + forward_z * forward_z)
    return forward_z / norm, -forward_x / norm


def _turned(v: Any, cos: Any, sin: Any, xp: ModuleType) -> Any:
    """Vectors (N, 3, B, T) turned about +Y."""
    x, z = v[:, 0], v[:, 2]
    return xp.stack((x * cos + z * sin, v[:, 1], z * cos - x * sin), 1)


def _half_turn(before: Any, after: Any, compatible: bool, xp: ModuleType) -> Any:
    """Half the angle about +Y from one world-to-root rotation to the next: radians, (B, T - 1)."""
    if not compatible:
        (cos_0, sin_0), (cos_1, sin_1) = before, after
        return xp.arctan2(sin_1 * cos_0 - cos_1 * sin_0, cos_1 * cos_0 + sin_1 * sin_0) / 2
    half_0, half_1 = (xp.arctan2(sin, cos) / 2 for cos, sin in (before, after))
    return xp.arcsin(xp.sin(half_1 - half_0))


def _local_rot6d(u: Any, rest: Any, root: Any, const: Any, xp: ModuleType) -> Any:
    """First two columns, (21, 6, B, T), of each bone's rotation relative to that of the joint it hangs on.

    The shortest rotation from the rest direction r to u takes a vector a to a - 2 (m.a) m / (m.m) + 2 (r.a) u,
    with m = r + u.
    """
    m = rest + u
    mm = (m * m).sum(1)  # (21, B, T)
    opposite = mm < 1e-13
    aside = const(np.roll(np.abs(RAW_OFFSETS[1:]), 1, axis=1))[:, :, None, None]
    m = xp.where(opposite[:, None], aside, m)
    factor = 2 / xp.where(opposite, 1.0, mm)
    cos, sin = root
    zero, one = xp.zeros_like(cos), xp.ones_like(cos)
    root_columns = ((cos, zero, -sin), (zero, one, zero), (sin, zero, cos))
    columns = []  # three of (J, 3, B, T)
    for i in range(3):
        unit = const(np.eye(3)[i])[None, :, None, None]
        column = unit - (m[:, i] * factor)[:, None] * m + (2 * rest[:, i : i + 1]) * u
        columns.append(xp.concatenate((xp.stack(root_columns[i])[None], column), 0))
    return xp.stack(
        [(columns[row][_TURNED_WITH] * columns[column][1:]).sum(1) for column in (0, 1) for row in range(3)],
        1,
    )


def _flat(x: Any) -> Any:
    """(N, C, B, T) to (N * C, B, T)."""
    return x.reshape((-1, *x.shape[2:]))


def _module_of(array: Any) -> ModuleType:
    if isinstance(array, np.ndarray):
        return np
    import torch

    return torch


def _check(joints: Any, xp: ModuleType) -> None:
    shape = tuple(joints.shape)
    if len(shape) < 3 or shape[-2:] != (NUM_JOINTS, 3):
        raise MotionFileError(
            f"expected joint positions of shape (..., frames, {NUM_JOINTS}, 3), got {shape}; "
            "other skeletons are mapped to these joints when a motion file is read"
        )
    if shape[-3] < 2:
        raise MotionFileError(f"features describe steps between frames: 2 frames at least, got {shape[-3]}")
    if not bool(xp.isfinite(joints).all()):
        raise MotionFileError("joint positions hold NaN or infinity")
