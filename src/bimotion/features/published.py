"""HumanML3D features with the published arithmetic: the same float32 roundings, bit for bit.

The published code keeps rotations as float32 quaternions that are not normalised along a chain, so every bone
doubles the error of its parent's norm, and near half a turn the last bit of a sum becomes 1e-4 in a rotation.
Only the same operations in the same order give its numbers there. `encode` computes the exact values.

Legend: T frames, J joints (22), F feature columns (263). Arrays hold the component first and time last:
quaternions (4, ..., clips, frames) as w, x, y, z; vectors (3, ..., clips, frames).

Source: HumanML3D (Guo et al. 2022), `process_file`, `Skeleton` and their quaternion functions.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from bimotion.features.layout import (
    CONTACT_JOINTS,
    CONTACT_THRESHOLD,
    FORWARD_SIGMA,
    IK_FACE_JOINTS,
    LEG_JOINTS,
)
from bimotion.features.smooth import gaussian_smooth
from bimotion.motion.skeleton import CHAINS, FACE_JOINTS, PARENTS, RAW_OFFSETS

Array = np.ndarray

_CHAINS = sorted(CHAINS, key=len, reverse=True)
_DEPTHS = [np.array([chain[d] for chain in _CHAINS if d < len(chain)]) for d in range(1, len(_CHAINS[0]))]
"""Joints that are second, third, ... in their chains; chain c is entry c of each."""


def published_features(
    joints: Float[np.ndarray, "B T J 3"], uniform_skeleton: Float[np.ndarray, "J 3"] | None
) -> Float[np.ndarray, "B T-1 F"]:
    """Features in float32 of positions that are finite and in metres."""
    p = np.ascontiguousarray(np.moveaxis(joints, (3, 2), (0, 1)), dtype=np.float32)  # (3, J, B, T)
    if uniform_skeleton is not None:
        p = _on_skeleton(p, uniform_skeleton.astype(np.float32))
    p = p.astype(np.float64)
    start = p[:, 0, :, 0]
    p -= np.stack((start[0], p[1].min((0, 2)), start[2]))[:, None, :, None]
    p = _turn(_facing(p[..., :1], FACE_JOINTS), p)

    root, local = _inverse_kinematics(p, smooth=True)
    before, after = root[..., :-1], root[..., 1:]
    turn = _multiply(after, _conjugate(before))
    step = p[..., 1:] - p[..., :-1]
    relative = p[:, 1:, :, :-1].copy()
    relative[::2] -= p[::2, :1, :, :-1]
    parts = (
        np.arcsin(turn[2:3]),
        _turn(after, step[:, 0])[::2],
        p[1, :1, :, :-1],
        _rows(_turn(before, relative)),
        _rows(_rot6d(local[..., :-1])),
        _rows(_turn(before, step)),
        (_squared(step[:, CONTACT_JOINTS]) < CONTACT_THRESHOLD).astype(np.float32),
    )
    return np.ascontiguousarray(np.moveaxis(np.concatenate(parts), 0, -1))


def _on_skeleton(p: Array, offsets: Array) -> Array:
    """Positions with the bone lengths of `offsets`, by inverse and forward kinematics; float64."""
    leg = np.array([p[:, j, :, 0] - p[:, PARENTS[j], :, 0] for j in LEG_JOINTS])  # (2, 3, B)
    squares = _fma(leg[:, 2], leg[:, 2], _fma(leg[:, 1], leg[:, 1], leg[:, 0] * leg[:, 0]))
    source = np.sqrt(squares)  # (2, B)
    target = np.abs(offsets[list(LEG_JOINTS)]).max(-1)
    scale = (target[0] + target[1]) / (source[0] + source[1])
    root, local = _inverse_kinematics(p, smooth=False)
    bones = np.zeros_like(p)
    rotation = np.repeat(root[:, None], len(_CHAINS), 1)
    for joints in _DEPTHS:
        rotation = _multiply(rotation[:, : len(joints)], local[:, joints - 1])
        rest = np.broadcast_to(offsets[joints].T[:, :, None, None], (3, *rotation.shape[1:]))
        bones[:, joints] = _rotate(rotation, rest)
    new = np.zeros(p.shape)
    new[:, 0] = p[:, 0] * scale[:, None]
    for chain in _CHAINS:
        for parent, joint in zip(chain[:-1], chain[1:], strict=True):
            new[:, joint] = bones[:, joint] + new[:, parent]
    return new


def _inverse_kinematics(p: Array, *, smooth: bool) -> tuple[Array, Array]:
    """World-to-root rotation (4, B, T) and local rotations (4, 21, B, T) of the joints after the root."""
    root = _facing(p, IK_FACE_JOINTS, smooth=smooth)
    root[:, :, 0] = np.array([1, 0, 0, 0], dtype=np.float32)[:, None]
    bones = p[:, 1:] - p[:, PARENTS[1:]]
    rest = RAW_OFFSETS[1:].T[:, :, None, None]
    turned = _between(np.broadcast_to(rest, bones.shape), _unit(bones, rest))
    local = np.empty_like(turned)
    rotation = np.repeat(root[:, None], len(_CHAINS), 1)
    for joints in _DEPTHS:
        rotation = rotation[:, : len(joints)]
        local[:, joints - 1] = _multiply(_conjugate(rotation), turned[:, joints - 1])
        rotation = _multiply(rotation, local[:, joints - 1])
    return root, local


def _facing(p: Array, joints: tuple[int, ...], *, smooth: bool = False) -> Array:
    """Rotation (4, B, T) that turns the facing direction to +Z."""
    hip_r, hip_l, shoulder_r, shoulder_l = joints
    ahead = np.array([0.0, 0.0, 1.0])[:, None, None]
    across = _unit((p[:, hip_r] - p[:, hip_l]) + (p[:, shoulder_r] - p[:, shoulder_l]), 0 * ahead)
    forward = np.stack((across[2], -across[0])).astype(np.float64)
    if smooth:
        forward = gaussian_smooth(forward, FORWARD_SIGMA, np)
    forward = np.stack((forward[0], np.zeros_like(forward[0]), forward[1]))
    return _between(_unit(forward, ahead), np.broadcast_to(ahead, forward.shape))


def _rot6d(q: Array) -> Array:
    """First two columns of the rotation matrices, (6, 21, B, T)."""
    w, x, y, z = q
    s = 2 / (((w * w + x * x) + y * y) + z * z)
    first = (1 - s * (y * y + z * z), s * (x * y + z * w), s * (x * z - y * w))
    second = (s * (x * y - z * w), 1 - s * (x * x + z * z), s * (y * z + x * w))
    return np.stack(first + second)


def _rows(x: Array) -> Array:
    """(C, N, B, T) to feature rows (N * C, B, T)."""
    return np.moveaxis(x, 1, 0).reshape((-1, *x.shape[2:]))


def _squared(v: Array) -> Array:
    return np.asarray((v[0] * v[0] + v[1] * v[1]) + v[2] * v[2])


def _unit(v: Array, instead: Array) -> Array:
    """`v` over its length; `instead` where that is zero."""
    length = np.sqrt(_squared(v))
    if not length.all():
        return np.where(length > 0, v / np.where(length > 0, length, 1), instead).astype(v.dtype)
    return np.asarray(v / length)


def _fma(a: Array, b: Array, c: Array) -> Array:
    """`a * b + c` rounded once, as compilers make it of the published float32 cross product."""
    return np.asarray(a.astype(np.float64) * b + c, dtype=np.float32)


def _cross(a: Array, b: Array) -> Array:
    return np.stack([a[j] * b[k] - a[k] * b[j] for j, k in ((1, 2), (2, 0), (0, 1))])


def _between(a: Array, b: Array) -> Array:
    """Shortest rotation that takes unit vector `a` to unit vector `b`, one of which is along an axis."""
    a, b = a.astype(np.float32), b.astype(np.float32)
    lengths = (_squared(a) * _squared(b)).astype(np.float64)
    # The published numbers come from a square root that rounds a tie below 1 up, and one above 1 down.
    lengths = (np.sqrt(lengths) * np.where(lengths < 1, 1 + 1e-12, 1)).astype(np.float32)
    w = lengths + ((a[0] * b[0] + a[1] * b[1]) + a[2] * b[2])
    q = np.concatenate((w[None], _cross(a, b)))
    norm = np.sqrt(((q[0] * q[0] + q[1] * q[1]) + q[2] * q[2]) + q[3] * q[3])
    opposite = norm == 0
    if opposite.any():  # half a turn, about any axis that is square to it
        q[1:] += opposite * np.roll(np.abs(np.rint(a)), 1, axis=0)
        norm = norm + opposite
    return np.asarray(q / norm)


def _conjugate(q: Array) -> Array:
    return np.concatenate((q[:1], -q[1:]))


def _multiply(q: Array, r: Array) -> Array:
    """Hamilton product, its terms summed in the published order."""
    (a, b, c, d), (w, x, y, z) = q, r
    return np.stack(
        (
            w * a - x * b - y * c - z * d,
            w * b + x * a - y * d + z * c,
            w * c + x * d + y * a - z * b,
            w * d - x * c + y * b + z * a,
        )
    )


def _rotate(q: Array, v: Array) -> Array:
    """`v`, along one axis only, turned by `q`: then the first cross product has no sum to round."""
    x, y, z = q[1:]
    cross = _cross(q[1:], v)
    cross_cross = np.stack(
        (
            _fma(y, cross[2], -(z * cross[1])),
            _fma(z, cross[0], -(x * cross[2])),
            _fma(x, cross[1], -(y * cross[0])),
        )
    )
    return np.asarray(v + 2 * (q[0] * cross + cross_cross))


def _turn(q: Array, v: Array) -> Array:
    """`v` (3, ..., B, T) in float32, turned by `q` (4, B, T) about +Y: no cross product has a sum to round."""
    x, y, z = v.astype(np.float32)
    w, turn = q[0], q[2]
    cross_x, cross_z = turn * z, -(turn * x)
    return np.stack((x + 2 * (w * cross_x + turn * cross_z), y, z + 2 * (w * cross_z - turn * cross_x)))
