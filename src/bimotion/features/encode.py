"""Joint positions to HumanML3D features.

All frames of all clips are computed at once, in arrays that keep time last, (joints, xyz, clips, frames): a
step is a few passes over contiguous memory. The same code runs on numpy and on torch. No quaternion is
formed: the shortest rotation that takes one direction to another is written as its matrix.

Legend: B batch, T frames, J joints (22), F feature columns (263).

Source: HumanML3D (Guo et al. 2022), `process_file` with the 22-joint skeleton.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, overload

import numpy as np
from jaxtyping import Float

from bimotion.errors import MotionFileError
from bimotion.features.layout import (
    CONTACT_JOINTS,
    CONTACT_THRESHOLD,
    FEATURE_DIM,
    FORWARD_SIGMA,
    IK_FACE_JOINTS,
    LEG_JOINTS,
)
from bimotion.features.published import published_features
from bimotion.features.smooth import gaussian_smooth
from bimotion.motion.skeleton import FACE_JOINTS, NUM_JOINTS, PARENTS, RAW_OFFSETS, TARGET_OFFSETS

if TYPE_CHECKING:
    from torch import Tensor

CHUNK_FRAMES: Final = 1200
"""Frames that numpy works on at a time, so that their arrays stay in the cache; thousand frames a CPU second: 371
with 1,200, 346 with 600, 286 with 200, 270 with 6,300."""

_PARENT = np.array(PARENTS[1:])
"""Joint at the other end of each of the 21 bones."""

TURNED_WITH = np.where(np.isin(_PARENT, (0, 9)) & (np.arange(1, NUM_JOINTS) != 12), 0, _PARENT)
"""Joint whose rotation each bone's is relative to: the arms hang on the root's, as in the published code."""


def _ancestors() -> Float[np.ndarray, "J bones"]:
    """1 where a bone lies between the root and a joint."""
    table = np.zeros((NUM_JOINTS, NUM_JOINTS - 1), dtype=np.float32)
    for joint in range(1, NUM_JOINTS):
        table[joint] = table[PARENTS[joint]]
        table[joint, joint - 1] = 1
    return table


_ANCESTORS = _ancestors()


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

    Joints are in metres, Y up, in the SMPL order; where a clip stands and where it faces does not matter, and
    it is put on the floor by its lowest joint. numpy gives numpy, torch gives torch on the same device;
    float32 and float64 are kept.

    `uniform_skeleton`: offsets of the skeleton that all clips are given (bone directions stay, the path is
    scaled by the length of the leg); None keeps each clip's own bones.
    `compatible`: the published values to the last bit, for published weights. They contain one turn of the
    wrong sign whenever the facing passes 180 degrees from where it started, and carry no gradients. Otherwise
    turns are exact, other columns differ by rounding, and torch carries gradients.

    Raises:
        MotionFileError: the shape is not (..., frames, 22, 3), there are fewer than 2 frames, a position is
            NaN or infinite, or the right leg has no length in the first frame, so that the size is unknown.
    Source: HumanML3D (Guo et al. 2022), `process_file`.
    """
    xp = _module_of(joints)
    check_joints(joints, xp, uniform_skeleton is not None)
    batch, num_frames = tuple(joints.shape[:-3]), joints.shape[-3]
    clips = joints.reshape((-1, num_frames, NUM_JOINTS, 3))
    shape = (*batch, num_frames - 1, FEATURE_DIM)
    if xp is not np and compatible:
        found = _encode_numpy(clips.detach().cpu().numpy(), compatible, uniform_skeleton)
        return xp.from_numpy(found).to(joints).reshape(shape)
    if xp is not np:
        return _encode(clips, uniform_skeleton, xp).reshape(shape).contiguous()
    return _encode_numpy(clips, compatible, uniform_skeleton).reshape(shape)


def clips_to_features(
    clips: Sequence[np.ndarray],
    *,
    compatible: bool = False,
    uniform_skeleton: Float[np.ndarray, "J 3"] | None = TARGET_OFFSETS,
) -> list[Float[np.ndarray, "_ F"]]:
    """`joints_to_features` of clips of any lengths, in their order.

    Clips of similar length are encoded together; the shorter ones hold their last frame, which changes nothing
    in the rows that they have.

    Raises:
        MotionFileError: as in `joints_to_features`; the message says which clip.
    """
    for number, clip in enumerate(clips):
        check_joints(clip, np, uniform_skeleton is not None, where=f"clip {number}: ", ndim=3)
    order = sorted(range(len(clips)), key=lambda i: len(clips[i]))
    features: list[Any] = [None] * len(clips)
    start = 0
    while start < len(order):
        stop = start + 1
        while stop < len(order) and (stop + 1 - start) * len(clips[order[stop]]) <= CHUNK_FRAMES:
            stop += 1
        together = order[start:stop]
        longest = len(clips[together[-1]])
        held = [np.minimum(np.arange(longest), len(clips[i]) - 1) for i in together]
        joints = np.stack([clips[i][frames] for i, frames in zip(together, held, strict=True)])
        for i, rows in zip(together, _encode_numpy(joints, compatible, uniform_skeleton), strict=True):
            features[i] = rows[: len(clips[i]) - 1].astype(_float_type(clips[i]), copy=True)
        start = stop
    return features


def _encode_numpy(clips: np.ndarray, compatible: bool, uniform_skeleton: np.ndarray | None) -> np.ndarray:
    """Features (B, T - 1, F) of positions (B, T, J, 3), a few clips at a time."""
    num_clips, num_frames = clips.shape[:2]
    features = np.empty((num_clips, num_frames - 1, FEATURE_DIM), dtype=_float_type(clips))
    at_once = max(1, CHUNK_FRAMES // num_frames)
    for start in range(0, num_clips, at_once):
        chunk = clips[start : start + at_once].astype(features.dtype, copy=False)
        if compatible:
            features[start : start + at_once] = published_features(chunk, uniform_skeleton)
        else:
            features[start : start + at_once] = _encode(chunk, uniform_skeleton, np)
    return features


def _encode(clips: Any, uniform_skeleton: np.ndarray | None, xp: ModuleType) -> Any:
    """Features (B, T - 1, F) of positions (B, T, J, 3); a view that keeps the columns first in memory."""

    def const(value: np.ndarray) -> Any:
        return value.astype(clips.dtype) if xp is np else xp.tensor(value.tolist()).to(clips)

    p = xp.moveaxis(clips, (2, 3), (0, 1))  # (J, 3, B, T)
    rest = const(RAW_OFFSETS[1:])[:, :, None, None]
    bones = p[1:] - p[_PARENT]  # (21, 3, B, T)
    u, lengths = _units(bones, rest, xp)
    if uniform_skeleton is not None:
        p = _with_bones(p[0], u, lengths, const(uniform_skeleton), const(_ANCESTORS), xp)

    # On the floor, the first frame's root over the origin, facing +Z.
    lowest = p[:, 1].min((0, 2)) if xp is np else p[:, 1].amin((0, 2))
    p = p - xp.stack((p[0, 0, :, 0], lowest, p[0, 2, :, 0]))[None, :, :, None]
    cos, sin = _facing(p[..., :1], FACE_JOINTS, xp)  # (B, 1)
    p, u = _turned(p, cos, sin, xp), _turned(u, cos, sin, xp)

    cos, sin = _facing(p, IK_FACE_JOINTS, xp, smooth=True)  # (B, T), of the world-to-root rotation
    cos = xp.concatenate((xp.ones_like(cos[:, :1]), cos[:, 1:]), -1)
    sin = xp.concatenate((xp.zeros_like(sin[:, :1]), sin[:, 1:]), -1)
    before, after = (cos[:, :-1], sin[:, :-1]), (cos[:, 1:], sin[:, 1:])
    step = p[..., 1:] - p[..., :-1]
    relative = xp.stack((p[1:, 0] - p[0, 0], p[1:, 1], p[1:, 2] - p[0, 2]), 1)[..., :-1]
    foot_step = step[list(CONTACT_JOINTS)]
    still = (foot_step * foot_step).sum(1) < CONTACT_THRESHOLD
    parts = (
        half_turn(before, after, xp)[None],
        _turned(step[:1], *after, xp)[0, ::2],
        p[0, 1:2, :, :-1],
        _rows(_turned(relative, *before, xp)),
        _rows(_local_rot6d(u[..., :-1], rest, before, const, xp)),
        _rows(_turned(step, *before, xp)),
        still.astype(p.dtype) if xp is np else still.to(p.dtype),
    )
    return xp.moveaxis(xp.concatenate(parts, 0), 0, -1)


def _units(bones: Any, rest: Any, xp: ModuleType) -> tuple[Any, Any]:
    """Directions (21, 3, B, T) and lengths (21, B, T) of bones; one without a length points as at rest."""
    squared = (bones * bones).sum(1)
    if bool((squared > 0).all()):
        lengths = xp.sqrt(squared)
        return bones / lengths[:, None], lengths
    nonzero = squared > 0
    lengths = xp.sqrt(xp.where(nonzero, squared, 1.0))
    u = xp.where(nonzero[:, None], bones / lengths[:, None], rest)
    return u, xp.where(nonzero, lengths, 0.0)


def _with_bones(root: Any, u: Any, lengths: Any, offsets: Any, ancestors: Any, xp: ModuleType) -> Any:
    """Positions (J, 3, B, T) with bones along `u` as long as `offsets`, the path scaled to the legs."""
    target = xp.sqrt((offsets * offsets).sum(-1))  # (J,)
    knee, ankle = LEG_JOINTS
    leg = lengths[knee - 1, :, 0] + lengths[ankle - 1, :, 0]  # (B,)
    scale = (target[knee] + target[ankle]) / leg
    bones = u * target[1:, None, None, None]
    from_root = (ancestors @ bones.reshape((NUM_JOINTS - 1, -1))).reshape((NUM_JOINTS, *bones.shape[1:]))
    return from_root + (root * scale[:, None])[None]


def _facing(p: Any, joints: tuple[int, ...], xp: ModuleType, *, smooth: bool = False) -> tuple[Any, Any]:
    """Cosine and sine, (B, T), of the rotation about +Y that turns the facing direction to +Z.

    Where hips and shoulders define no direction, it is +Z.
    """
    hip_r, hip_l, shoulder_r, shoulder_l = joints
    across = (p[hip_r] - p[hip_l]) + (p[shoulder_r] - p[shoulder_l])  # (3, B, T)
    norm = xp.sqrt((across * across).sum(0).clip(1e-20))
    x, z = across[2] / norm, -across[0] / norm
    if smooth:
        x, z = gaussian_smooth(xp.stack((x, z)), FORWARD_SIGMA, xp)
    return unit_facing(x, z, xp)


def unit_facing(x: Any, z: Any, xp: ModuleType) -> tuple[Any, Any]:
    """Cosine and sine of the rotation about +Y that turns a direction, of any length, to +Z."""
    squared = x * x + z * z
    unclear = squared < 1e-20
    norm = xp.sqrt(xp.where(unclear, 1.0, squared))
    return xp.where(unclear, 1.0, z / norm), xp.where(unclear, 0.0, -x / norm)


def _turned(v: Any, cos: Any, sin: Any, xp: ModuleType) -> Any:
    """Vectors (N, 3, B, T) turned about +Y."""
    x, z = v[:, 0], v[:, 2]
    return xp.stack((x * cos + z * sin, v[:, 1], z * cos - x * sin), 1)


def half_turn(before: tuple[Any, Any], after: tuple[Any, Any], xp: ModuleType) -> Any:
    """Half the angle about +Y from one world-to-root rotation to the next: (B, T - 1), -pi/2 to pi/2."""
    (cos_0, sin_0), (cos_1, sin_1) = before, after
    return xp.arctan2(sin_1 * cos_0 - cos_1 * sin_0, cos_1 * cos_0 + sin_1 * sin_0) / 2


def _local_rot6d(u: Any, rest: Any, root: tuple[Any, Any], const: Any, xp: ModuleType) -> Any:
    """First two columns, (21, 6, B, T), of each bone's rotation relative to that of the joint it hangs on.

    The shortest rotation from the rest direction r to u takes a vector a to a - 2 (m.a) m / (m.m) + 2 (r.a) u
    with m = r + u. Where u = -r it is half a turn about an axis square to r.
    """
    m = rest + u
    mm = (m * m).sum(1)  # (21, B, T)
    opposite = mm < 1e-13
    if bool(opposite.any()):
        aside = const(np.roll(np.abs(RAW_OFFSETS[1:]), 1, axis=1))[:, :, None, None]
        m, mm = xp.where(opposite[:, None], aside, m), xp.where(opposite, 1.0, mm)
    factor = 2 / mm
    cos, sin = root
    zero, one = xp.zeros_like(cos), xp.ones_like(cos)
    root_columns = ((cos, zero, -sin), (zero, one, zero), (sin, zero, cos))
    columns = []  # three of (J, 3, B, T)
    for i in range(3):
        unit = const(np.eye(3)[i])[None, :, None, None]
        column = unit - (m[:, i] * factor)[:, None] * m + (2 * rest[:, i : i + 1]) * u
        columns.append(xp.concatenate((xp.stack(root_columns[i])[None], column), 0))
    parents = [column[TURNED_WITH] for column in columns]
    return xp.stack([(parents[row] * columns[i][1:]).sum(1) for i in (0, 1) for row in range(3)], 1)


def _rows(x: Any) -> Any:
    """(N, C, B, T) to feature rows (N * C, B, T)."""
    return x.reshape((-1, *x.shape[2:]))


def _float_type(array: np.ndarray) -> np.dtype[Any]:
    return np.dtype(np.float64 if array.dtype == np.float64 else np.float32)


def _module_of(array: Any) -> ModuleType:
    if isinstance(array, np.ndarray):
        return np
    import torch

    return torch


def check_joints(
    joints: Any, xp: ModuleType, sized: bool, *, where: str = "", ndim: int | None = None
) -> None:
    """Check positions (..., T, J, 3); `sized` if the leg is the measure of the body.

    Raises:
        MotionFileError: as in `joints_to_features`; the message begins with `where`.
    """
    shape = tuple(joints.shape)
    if len(shape) < 3 or shape[-2:] != (NUM_JOINTS, 3) or len(shape) != (ndim or len(shape)):
        raise MotionFileError(
            f"{where}expected joint positions of shape ({'' if ndim else '..., '}frames, {NUM_JOINTS}, 3), "
            f"got {shape}; read other skeletons with `read_clip`, which maps them to these joints"
        )
    if shape[-3] < 2:
        raise MotionFileError(
            f"{where}features describe steps between frames: expected at least 2 frames, got {shape[-3]}"
        )
    if not bool(xp.isfinite(joints).all()):
        frames = xp.isfinite(joints).all(-1).all(-1).reshape((-1, shape[-3]))
        clip, frame = (int(i) for i in (~frames).nonzero()[0]) if xp is not np else np.argwhere(~frames)[0]
        of = f" of clip {clip}" if len(frames) > 1 else ""
        raise MotionFileError(f"{where}a joint position is NaN or infinite in frame {frame}{of}")
    leg = sum(((joints[..., 0, j, :] - joints[..., 0, PARENTS[j], :]) ** 2).sum(-1) for j in LEG_JOINTS)
    if sized and not bool((leg > 0).all()):
        raise MotionFileError(
            f"{where}right hip, knee and ankle coincide in the first frame, so that the size of the "
            "body is unknown; `uniform_skeleton=None` keeps the bones as they are"
        )
