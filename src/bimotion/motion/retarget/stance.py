"""The standing pose of a source skeleton, in which the positions of virtual joints are defined.

Legend: T frames, N joints of the file, K selected bones. Body coordinates are (left, up, forward). The standing pose
comes from the first of these that is available: the rest pose of the file, if it stands; the bone axes of the family;
the mean over the most upright frames of the motion.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from bimotion.motion.retarget.families import Axes, Family, plain_name
from bimotion.motion.retarget.source import SourceMotion, SourceSkeleton
from bimotion.motion.rotations import axis_angle_to_quat, quat_to_matrix

_SNAP = np.cos(np.radians(12.0))
"""A measured axis this close to one of the bone's own is taken to be it: bones are drawn along their axes."""

_ALIGNED = 0.9
"""Cosine from which on the axes of a standing rest pose are taken to be the world's."""


@dataclass(frozen=True)
class Stance:
    """A standing person, in the file's unit, with the origin at the lowest bone of the spine."""

    frames: Float[np.ndarray, "N 3 3"]
    """Rotation from each bone's own axes to body coordinates."""
    positions: Float[np.ndarray, "N 3"]
    """Position of each joint."""
    feet_flat: bool
    """Whether the feet stand flat on the floor in it."""


def find_stance(
    source: SourceMotion,
    joints: Mapping[str, int],
    bones: set[int],
    family: Family,
    up: Float[np.ndarray, "3"],
    base: int,
) -> Stance:
    """The stance of a skeleton, with frames for `bones`; `joints` are indices of the file's joints by our names."""
    skeleton = source.skeleton
    upright = rest_axes(skeleton, joints)
    num_joints = len(skeleton.names)
    if upright is not None:
        frames = np.broadcast_to(upright, (num_joints, 3, 3))
        if skeleton.rest_rotations is not None:
            frames = frames @ quat_to_matrix(skeleton.rest_rotations)
    else:
        frames = np.broadcast_to(np.eye(3), (num_joints, 3, 3)).copy()
        unknown = []
        for bone in range(num_joints):
            plain = plain_name(skeleton.names[bone])
            axes = family.axes.get(plain)
            if axes is not None:
                frames[bone] = about_left(np.radians(family.pitch_deg.get(plain, 0.0))) @ _axes_frame(axes)
            elif bone in bones:
                unknown.append(bone)
        if unknown:
            frames[unknown] = _measured_frames(source, joints, unknown, up)
    positions = skeleton.rest_positions(frames)
    return Stance(frames, positions - positions[base], upright is not None)


def top_joint(joints: Mapping[str, int]) -> tuple[str, ...]:
    """The joints whose mean is the top of the trunk: the neck, or both shoulders where there is none."""
    return ("neck",) if "neck" in joints else ("left_shoulder", "right_shoulder")


def rest_axes(skeleton: SourceSkeleton, joints: Mapping[str, int]) -> Float[np.ndarray, "3 3"] | None:
    """Rotation from the rest pose's axes to (left, up, forward), or None where the rest pose does not stand.

    It stands if its legs are straight and the trunk is above them. Axes near the world's are taken to be these.
    """
    rest = skeleton.rest_positions()

    def at(*names: str) -> np.ndarray:
        return np.asarray(np.mean([rest[joints[name]] for name in names], axis=0))

    hips, ankles = at("left_hip", "right_hip"), at("left_ankle", "right_ankle")
    body = at(*top_joint(joints)) - ankles
    left = at("left_hip") - at("right_hip") + at("left_shoulder") - at("right_shoulder")
    length = sum(
        float(np.linalg.norm(at(f"{side}_{low}") - at(f"{side}_{high}"))) / 2
        for side in ("left", "right")
        for high, low in (("hip", "knee"), ("knee", "ankle"))
    )
    if length <= 0 or not np.linalg.norm(body) > 0:
        return None
    up = body / np.linalg.norm(body)
    axis = int(np.abs(up).argmax())
    if abs(up[axis]) > _ALIGNED:
        up = np.sign(up[axis]) * np.eye(3)[axis]
    left = left - (left @ up) * up
    if not np.linalg.norm(left) > 1e-3 * length:
        return None
    left = left / np.linalg.norm(left)
    left_axis = int(np.abs(left).argmax())
    if abs(left[left_axis]) > _ALIGNED and left_axis != axis and np.abs(up).max() == 1:
        left = np.sign(left[left_axis]) * np.eye(3)[left_axis]
    legs = (hips - ankles) @ up
    if not (legs > 0.9 * length and body @ up > 1.3 * legs):
        return None
    return np.stack([left, up, np.cross(left, up)])


def _measured_frames(
    source: SourceMotion, joints: Mapping[str, int], bones: list[int], up: Float[np.ndarray, "3"]
) -> Float[np.ndarray, "K 3 3"]:
    """Mean rotation from the bones' axes to body coordinates where the trunk is most upright."""
    frames = _upright_frames(source, joints, up)
    body = _body_axes(source, joints, up)[frames]
    rotations = np.stack([quat_to_matrix(source.world(bone)[1][frames]) for bone in bones], axis=1)
    mean = np.einsum("tai,tkib->kab", body, rotations) / len(body)
    u, _, vh = np.linalg.svd(mean)
    u[..., -1] *= np.linalg.det(u @ vh)[:, None]
    nearest = u @ vh
    snapped = np.where(np.abs(nearest) > _SNAP, np.sign(nearest), 0.0)
    along = (np.abs(snapped).sum(-1) == 1).all(-1) & (np.abs(snapped).sum(-2) == 1).all(-1)
    return np.where(along[:, None, None], snapped, nearest)


def _trunk(source: SourceMotion, joints: Mapping[str, int]) -> Float[np.ndarray, "T 3"]:
    """Unit direction from the hips to the top of the trunk."""
    hips = (source.world(joints["left_hip"])[0] + source.world(joints["right_hip"])[0]) / 2
    top = np.mean([source.world(joints[name])[0] for name in top_joint(joints)], axis=0)
    trunk = top - hips
    return np.asarray(trunk / np.maximum(np.linalg.norm(trunk, axis=-1, keepdims=True), 1e-9))


def _upright_frames(
    source: SourceMotion, joints: Mapping[str, int], up: Float[np.ndarray, "3"]
) -> np.ndarray:
    """Indices of the third of the frames in which the trunk leans least."""
    lean = _trunk(source, joints) @ up
    return np.argsort(-lean, kind="stable")[: max(1, len(lean) // 3)]


def _body_axes(
    source: SourceMotion, joints: Mapping[str, int], up: Float[np.ndarray, "3"]
) -> Float[np.ndarray, "T 3 3"]:
    """Rows are the person's left, up and forward: level with the floor, or along the trunk of a lying person."""
    hip, other_hip, shoulder, other = (
        source.world(joints[name])[0] for name in ("left_hip", "right_hip", "left_shoulder", "right_shoulder")
    )
    trunk = _trunk(source, joints)
    ups = np.where((trunk @ up > 0.5)[:, None], up, trunk)
    left = hip - other_hip + shoulder - other
    left = left - (left * ups).sum(-1, keepdims=True) * ups
    left /= np.maximum(np.linalg.norm(left, axis=-1, keepdims=True), 1e-9)
    return np.stack([left, ups, np.cross(left, ups)], axis=1)


def about_left(angle: float) -> Float[np.ndarray, "3 3"]:
    """Rotation of (left, up, forward) that leans forward by an angle."""
    return quat_to_matrix(axis_angle_to_quat(np.array([angle, 0.0, 0.0])))


def _axes_frame(axes: Axes) -> Float[np.ndarray, "3 3"]:
    frame = np.zeros((3, 3))
    for row, axis in enumerate(axes):
        frame[row, "xyz".index(axis[1])] = 1.0 if axis[0] == "+" else -1.0
    return frame
