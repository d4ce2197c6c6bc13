"""Rotations as quaternions, matrices, Euler angles and axis-angle vectors, for any batch shape.

Quaternions are (w, x, y, z) and of unit length; matrices act on column vectors; angles are radians. Results
have the float type of the input. Signs are not made continuous over time: q and -q are the same rotation.
"""

import numpy as np
from jaxtyping import Float

Z_UP_TO_Y_UP = np.array([np.sqrt(0.5), -np.sqrt(0.5), 0.0, 0.0])
"""Quaternion that turns coordinates with Z up into coordinates with Y up; X stays."""

_AXES = {"x": 0, "y": 1, "z": 2}


def cross(
    a: Float[np.ndarray, "*#batch 3"], b: Float[np.ndarray, "*#batch 3"]
) -> Float[np.ndarray, "*batch 3"]:
    """Cross products of vectors, to the bit those of `np.cross`, which takes four times as long for a clip's frames."""
    ax, ay, az = (a[..., i] for i in range(3))
    bx, by, bz = (b[..., i] for i in range(3))
    out = np.empty((3, *np.broadcast_shapes(ax.shape, bx.shape)), dtype=np.result_type(a, b))
    out[0] = ay * bz - az * by
    out[1] = az * bx - ax * bz
    out[2] = ax * by - ay * bx
    return _components_last(out)


def _components_last(components: np.ndarray) -> np.ndarray:
    """A view with the first axis moved to the end; `np.moveaxis` takes longer than the arithmetic around it."""
    return components.transpose(*range(1, components.ndim), 0)


def quat_normalise(q: Float[np.ndarray, "*batch 4"]) -> Float[np.ndarray, "*batch 4"]:
    """The unit quaternion along `q`; a zero quaternion becomes the identity."""
    norm = np.linalg.norm(q, axis=-1, keepdims=True)
    safe: np.ndarray = np.divide(q, norm, out=np.zeros_like(q), where=norm > 0)
    safe[..., :1] += norm == 0
    return safe


def quat_multiply(
    a: Float[np.ndarray, "*#batch 4"], b: Float[np.ndarray, "*#batch 4"]
) -> Float[np.ndarray, "*batch 4"]:
    """Rotation that applies `b` first and `a` second; batch shapes broadcast."""
    aw, ax, ay, az = (a[..., i] for i in range(4))
    bw, bx, by, bz = (b[..., i] for i in range(4))
    # components stand apart in memory: products of long arrays are then three times as fast
    q = np.empty((4, *np.broadcast_shapes(aw.shape, bw.shape)), dtype=np.result_type(a, b))
    q[0] = aw * bw - ax * bx - ay * by - az * bz
    q[1] = aw * bx + ax * bw + ay * bz - az * by
    q[2] = aw * by - ax * bz + ay * bw + az * bx
    q[3] = aw * bz + ax * by - ay * bx + az * bw
    return _components_last(q)


def quat_conjugate(q: Float[np.ndarray, "*batch 4"]) -> Float[np.ndarray, "*batch 4"]:
    """The inverse rotation of a unit quaternion."""
    return np.asarray(q * np.array([1, -1, -1, -1], dtype=q.dtype))


def quat_rotate(
    q: Float[np.ndarray, "*#batch 4"], v: Float[np.ndarray, "*#batch 3"]
) -> Float[np.ndarray, "*batch 3"]:
    """Vectors `v` rotated by `q`; batch shapes broadcast."""
    w, x, y, z = (q[..., i] for i in range(4))
    vx, vy, vz = (v[..., i] for i in range(3))
    tx, ty, tz = 2 * (y * vz - z * vy), 2 * (z * vx - x * vz), 2 * (x * vy - y * vx)
    out = np.empty((3, *np.broadcast_shapes(w.shape, vx.shape)), dtype=np.result_type(q, v))
    out[0] = vx + w * tx + y * tz - z * ty
    out[1] = vy + w * ty + z * tx - x * tz
    out[2] = vz + w * tz + x * ty - y * tx
    return _components_last(out)


def quat_between(
    a: Float[np.ndarray, "*#batch 3"], b: Float[np.ndarray, "*#batch 3"]
) -> Float[np.ndarray, "*batch 4"]:
    """The shortest rotation that turns the direction `a` to the direction `b`.

    Opposite directions turn by half a circle about an axis square to `a`; a zero vector gives the identity.
    """
    a, b = np.broadcast_arrays(a, b)
    norms = np.sqrt((a * a).sum(-1) * (b * b).sum(-1))
    q = np.concatenate([(norms + (a * b).sum(-1))[..., None], cross(a, b)], axis=-1)
    opposite = (np.linalg.norm(q, axis=-1) <= 1e-7 * norms) & (norms > 0)
    if opposite.any():
        least = np.eye(3, dtype=q.dtype)[np.abs(a).argmin(-1)]
        turn = np.concatenate([np.zeros_like(a[..., :1]), cross(a, least)], axis=-1)
        q = np.where(opposite[..., None], turn, q)
    return quat_normalise(q)


def quat_to_matrix(q: Float[np.ndarray, "*batch 4"]) -> Float[np.ndarray, "*batch 3 3"]:
    """Rotation matrices of unit quaternions."""
    w, x, y, z = (q[..., i] for i in range(4))
    m = np.empty((*q.shape[:-1], 3, 3), dtype=q.dtype)
    m[..., 0, 0] = 1 - 2 * (y * y + z * z)
    m[..., 0, 1] = 2 * (x * y - w * z)
    m[..., 0, 2] = 2 * (x * z + w * y)
    m[..., 1, 0] = 2 * (x * y + w * z)
    m[..., 1, 1] = 1 - 2 * (x * x + z * z)
    m[..., 1, 2] = 2 * (y * z - w * x)
    m[..., 2, 0] = 2 * (x * z - w * y)
    m[..., 2, 1] = 2 * (y * z + w * x)
    m[..., 2, 2] = 1 - 2 * (x * x + y * y)
    return m


def matrix_to_quat(m: Float[np.ndarray, "*batch 3 3"]) -> Float[np.ndarray, "*batch 4"]:
    """Unit quaternions with w >= 0 of rotation matrices; each is taken from its best conditioned column."""
    trace = np.trace(m, axis1=-2, axis2=-1)
    diagonal = np.diagonal(m, axis1=-2, axis2=-1)
    outer = np.empty((*m.shape[:-2], 4, 4), dtype=m.dtype)  # 4 q q^T
    outer[..., 0, 0] = 1 + trace
    skew = np.stack(
        [m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]], -1
    )
    outer[..., 0, 1:] = outer[..., 1:, 0] = skew
    outer[..., 1:, 1:] = m + np.swapaxes(m, -1, -2)
    index = np.arange(3)
    outer[..., 1 + index, 1 + index] = 1 - trace[..., None] + 2 * diagonal
    best = np.diagonal(outer, axis1=-2, axis2=-1).argmax(-1)
    q = quat_normalise(np.take_along_axis(outer, best[..., None, None], axis=-2)[..., 0, :])
    return np.where(q[..., :1] < 0, -q, q)


def euler_to_quat(angles: Float[np.ndarray, "*batch A"], order: str) -> Float[np.ndarray, "*batch 4"]:
    """Quaternions of intrinsic Euler angles: `order` "zxy" is Rz(a0) Rx(a1) Ry(a2), as in BVH.

    Any number of axes is allowed; without one the rotation is the identity.
    """
    q = np.zeros((4, *angles.shape[:-1]), dtype=angles.dtype)
    q[0] = 1
    for i, letter in enumerate(order.lower()):
        axis = _AXES[letter]
        cos, sin = np.cos(angles[..., i] / 2), np.sin(angles[..., i] / 2)
        if i == 0:
            q[0], q[1 + axis] = cos, sin
            continue
        j, k = 1 + (axis + 1) % 3, 1 + (axis + 2) % 3
        w, along, second, third = q[0], q[1 + axis], q[j], q[k]
        q[0], q[1 + axis] = w * cos - along * sin, along * cos + w * sin
        q[j], q[k] = second * cos + third * sin, third * cos - second * sin
    return _components_last(q)


def matrix_to_euler(m: Float[np.ndarray, "*batch 3 3"], order: str) -> Float[np.ndarray, "*batch 3"]:
    """Intrinsic angles of three different axes, the second within a quarter turn of 0.

    At gimbal lock (second angle of a quarter turn) the third angle is 0 and the first holds the whole turn. Near it the
    first angle is imprecise; the third, computed from the remainder, compensates.
    """
    i, j, k = (_AXES[letter] for letter in order.lower())
    sign = 1.0 if (j - i) % 3 == 1 else -1.0
    sine = np.clip(sign * m[..., i, k], -1, 1)
    cosine = np.hypot(m[..., i, i], m[..., i, j])
    second = np.arctan2(sine, cosine)
    locked = cosine < (1e-9 if m.dtype == np.float64 else 1e-6)
    first = np.where(
        locked,
        np.arctan2(sign * m[..., k, j], m[..., j, j]),
        np.arctan2(-sign * m[..., j, k], m[..., k, k]),
    )
    cos_first, sin_first = np.cos(first), sign * np.sin(first)
    third = np.arctan2(
        sign * (cos_first * m[..., j, i] + sin_first * m[..., k, i]),
        cos_first * m[..., j, j] + sin_first * m[..., k, j],
    )
    return np.stack([first, second, third], axis=-1).astype(m.dtype, copy=False)


def axis_angle_to_quat(v: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch 4"]:
    """Quaternions of rotation vectors, whose length is the angle."""
    angle = np.linalg.norm(v, axis=-1, keepdims=True)
    factor = 0.5 * np.sinc(angle / (2 * np.pi))
    return np.concatenate([np.cos(angle / 2), v * factor], axis=-1).astype(v.dtype, copy=False)


def quat_to_axis_angle(q: Float[np.ndarray, "*batch 4"]) -> Float[np.ndarray, "*batch 3"]:
    """Rotation vectors with an angle of at most half a turn."""
    q = np.where(q[..., :1] < 0, -q, q)
    sine = np.linalg.norm(q[..., 1:], axis=-1, keepdims=True)
    angle = 2 * np.arctan2(sine, q[..., :1])
    factor = np.divide(angle, sine, out=np.full_like(sine, 2), where=sine > 1e-12)
    return np.asarray(q[..., 1:] * factor)


def slerp(
    a: Float[np.ndarray, "*#batch 4"],
    b: Float[np.ndarray, "*#batch 4"],
    t: Float[np.ndarray, "*#batch"] | float,
) -> Float[np.ndarray, "*batch 4"]:
    """The rotation a part `t` of the shorter way from `a` to `b`, at constant angular speed."""
    part = np.asarray(t, dtype=np.result_type(a, b))[..., None]
    dot = (a * b).sum(-1, keepdims=True)
    b = np.where(dot < 0, -b, b)
    # atan2 of the two chord lengths keeps small angles exact where arccos of the dot would not
    angle = 2 * np.arctan2(
        np.linalg.norm(b - a, axis=-1, keepdims=True), np.linalg.norm(b + a, axis=-1, keepdims=True)
    )
    sine = np.sin(angle)
    near = sine < 1e-6
    divisor = np.where(near, 1, sine)
    weight_a = np.where(near, 1 - part, np.sin((1 - part) * angle) / divisor)
    weight_b = np.where(near, part, np.sin(part * angle) / divisor)
    return quat_normalise(weight_a * a + weight_b * b)
