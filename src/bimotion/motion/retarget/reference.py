"""How the bones of a source skeleton stand when the person stands: the pose that virtual joints are placed
in.

Body coordinates are (left, up, forward). Three ways to know the stance, the first that applies: the rest pose
of the file, if it stands; the axes of the bones in the joint table; the mean over the most upright frames of
the motion itself."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from bimotion.motion.retarget.joint_tables import Axes, JointTable, plain_name
from bimotion.motion.retarget.source import SourceMotion, SourceSkeleton
from bimotion.motion.rotations import axis_angle_to_quat, quat_to_matrix

_SNAP = np.cos(np.radians(12.0))
"""A measured axis this close to one of the bone's own is taken to be it: bones are drawn along their axes."""


@dataclass(frozen=True)
class Stance:
    """A standing person, in the file's unit, with the origin at the lowest bone of the spine."""

    frames: Float[np.ndarray, "J 3 3"]
    """Rotation from each bone's own axes to body coordinates."""
    positions: Float[np.ndarray, "J 3"]
    """Where each joint is."""
    feet_flat: bool
    """Whether the feet stand flat on the floor in it."""


@dataclass(frozen=True)
class Poses:
    """World poses of the bones that are needed, by the index of the joint in its skeleton."""

    bones: tuple[int, ...]
    positions: Float[np.ndarray, "T K 3"]
    rotations: Float[np.ndarray, "T K 3 3"]

    @staticmethod
    def of(source: SourceMotion, bones: set[int]) -> "Poses":
        """The poses of the bones and of nothing else."""
        order = tuple(sorted(bones))
        return Poses(order, *source.world_poses(order))

    def position(self, bone: int) -> Float[np.ndarray, "T 3"]:
        """World positions of the joint that the bone starts in."""
        return self.positions[:, self.bones.index(bone)]

    def rotation(self, bone: int) -> Float[np.ndarray, "T 3 3"]:
        """World rotations of the bone."""
        return self.rotations[:, self.bones.index(bone)]


def find_stance(
    source: SourceMotion, joints: dict[str, int], poses: Poses, table: JointTable, base: int
) -> Stance:
    """The stance of a skeleton; `joints` says which joint of the file is which of ours."""
    skeleton = source.skeleton
    upright = rest_axes(skeleton, joints)
    num_joints = len(skeleton.names)
    if upright is not None:
        frames = np.broadcast_to(upright, (num_joints, 3, 3))
    else:
        frames = np.broadcast_to(np.eye(3), (num_joints, 3, 3)).copy()
        for bone in range(num_joints):
            axes = table.axes.get(plain_name(skeleton.names[bone]))
            if axes is not None:
                pitch = np.radians(table.pitch_deg.get(plain_name(skeleton.names[bone]), 0.0))
                frames[bone] = about_left(pitch) @ _axes_frame(axes)
            elif bone in poses.bones:
                frames[bone] = np.nan
        unknown = [bone for bone in poses.bones if np.isnan(frames[bone, 0, 0])]
        if unknown:
            frames[unknown] = measured_frames(joints, poses, unknown)
    positions = skeleton.rest_positions(frames)
    return Stance(frames, positions - positions[base], upright is not None)


def rest_axes(skeleton: SourceSkeleton, joints: dict[str, int]) -> Float[np.ndarray, "3 3"] | None:
    """Rotation from the rest pose's axes to (left, up, forward), or None where the rest pose does not stand.

    It stands if its legs hang straight down from its hips and its neck is above them.
    """
    rest = skeleton.rest_positions()

    def at(*names: str) -> np.ndarray:
        return np.asarray(np.mean([rest[joints[name]] for name in names], axis=0))

    hips, ankles = at("left_hip", "right_hip"), at("left_ankle", "right_ankle")
    body = at("neck") - ankles
    left = at("left_hip") - at("right_hip") + at("left_shoulder") - at("right_shoulder")
    length = sum(
        np.linalg.norm(at(f"{side}_{low}") - at(f"{side}_{high}")) / 2
        for side in ("left", "right")
        for high, low in (("hip", "knee"), ("knee", "ankle"))
    )
    axis = int(np.abs(body).argmax())
    up = np.sign(body[axis]) * np.eye(3)[axis]
    left_axis = int(np.abs(left).argmax())
    stands = (hips - ankles) @ up > 0.9 * length and body @ up > 1.3 * (hips - ankles) @ up
    if not stands or left_axis == axis or length <= 0:
        return None
    side = np.sign(left[left_axis]) * np.eye(3)[left_axis]
    return np.stack([side, up, np.cross(side, up)])


def measured_frames(joints: dict[str, int], poses: Poses, bones: list[int]) -> Float[np.ndarray, "K 3 3"]:
    """Mean rotation from the bones' axes to body coordinates where the trunk is most upright."""
    frames = upright_frames(joints, poses)
    body = body_axes(joints, poses)[frames]
    rotations = np.stack([poses.rotation(bone)[frames] for bone in bones], axis=1)
    mean = np.einsum("tai,tkib->kab", body, rotations) / len(body)
    u, _, vh = np.linalg.svd(mean)
    u[..., -1] *= np.linalg.det(u @ vh)[:, None]
    nearest = u @ vh
    snapped = np.where(np.abs(nearest) > _SNAP, np.sign(nearest), 0.0)
    along = (np.abs(snapped).sum(-1) == 1).all(-1) & (np.abs(snapped).sum(-2) == 1).all(-1)
    return np.where(along[:, None, None], snapped, nearest)


def upright_frames(joints: dict[str, int], poses: Poses) -> np.ndarray:
    """Indices of the third of the frames in which the trunk leans least."""
    hips = (poses.position(joints["left_hip"]) + poses.position(joints["right_hip"])) / 2
    trunk = poses.position(joints["neck"]) - hips
    lean = trunk @ world_up(joints, poses) / np.maximum(np.linalg.norm(trunk, axis=-1), 1e-9)
    return np.argsort(-lean, kind="stable")[: max(1, len(lean) // 3)]


def body_axes(joints: dict[str, int], poses: Poses) -> Float[np.ndarray, "T 3 3"]:
    """Rows are the person's left, the world's up and the person's forward, level with the floor."""
    at = {
        name: poses.position(joints[name])
        for name in ("left_hip", "right_hip", "left_shoulder", "right_shoulder")
    }
    left = at["left_hip"] - at["right_hip"] + at["left_shoulder"] - at["right_shoulder"]
    up = world_up(joints, poses)
    left = left - (left @ up)[:, None] * up
    left /= np.maximum(np.linalg.norm(left, axis=-1, keepdims=True), 1e-9)
    up = np.broadcast_to(up, left.shape)
    return np.stack([left, up, np.cross(left, up)], axis=1)


def world_up(joints: dict[str, int], poses: Poses) -> Float[np.ndarray, "3"]:
    """The axis of the world that people stand along: Y, or Z where the motion stands along Z on the whole."""
    feet = (poses.position(joints["left_ankle"]) + poses.position(joints["right_ankle"])) / 2
    body = poses.position(joints["neck"]) - feet
    mean = (body / np.maximum(np.linalg.norm(body, axis=-1, keepdims=True), 1e-9)).mean(0)
    return np.array([0.0, 0.0, 1.0]) if mean[2] > 0.8 else np.array([0.0, 1.0, 0.0])


def about_left(angle: float) -> Float[np.ndarray, "3 3"]:
    """The rotation of (left, up, forward) by which up comes forward."""
    return quat_to_matrix(axis_angle_to_quat(np.array([angle, 0.0, 0.0])))


def _axes_frame(axes: Axes) -> Float[np.ndarray, "3 3"]:
    frame = np.zeros((3, 3))
    for row, axis in enumerate(axes):
        frame[row, "xyz".index(axis[1])] = 1.0 if axis[0] == "+" else -1.0
    return frame
