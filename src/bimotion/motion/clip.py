"""A clip of human motion.

T frames, J = 22 joints in the order of `skeleton.JOINT_NAMES`, metres, Y up, +X to the left of a person who faces +Z.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Float

from bimotion.errors import MotionFileError
from bimotion.motion.rotations import quat_multiply, quat_normalise, quat_rotate, slerp
from bimotion.motion.skeleton import FACE_JOINTS, MIRROR, NUM_JOINTS

MAX_DISTANCE = 1e5
"""Largest coordinate: a hundred kilometres, or as many metres in millimetres before the unit is known."""

MAX_FRAMES = 10_000_000
"""Most frames that resampling may produce."""


@dataclass(frozen=True, eq=False)
class Clip:
    """The motion of one person; its arrays are read-only.

    Raises:
        MotionFileError: a wrong shape, no frames, a number that is not finite, or frames per second that are
            not above 0.
    """

    # the annotations are loose because the clip checks its arrays itself
    joints: np.ndarray
    """World positions (T, 22, 3) in metres, float32."""
    fps: float
    """Frames per second."""
    rotations: np.ndarray | None = None
    """Local rotation (T, 22, 4) of each joint against its parent's: unit quaternions (w, x, y, z), float32.

    A joint's rotation turns the bones that start in it. All are the identity in the rest pose, in which the
    only bone that starts in a joint points along `skeleton.RAW_OFFSETS` (see `kinematics`).
    """
    name: str = ""
    """Where the clip comes from."""
    caption: str = ""
    """What the person does."""

    def __post_init__(self) -> None:
        where = f"clip {self.name!r}: " if self.name else "clip: "
        object.__setattr__(self, "joints", _checked(self.joints, 3, f"{where}joints"))
        object.__setattr__(self, "fps", _checked_rate(self.fps, where))
        if self.rotations is not None:
            object.__setattr__(self, "rotations", _checked(self.rotations, 4, f"{where}rotations"))
            if len(self.rotations) != len(self.joints):
                raise MotionFileError(
                    f"{where}{len(self.joints)} frames of joints but {len(self.rotations)} of rotations"
                )

    def __len__(self) -> int:
        return len(self.joints)

    def __repr__(self) -> str:
        kind = "" if self.rotations is None else ", with rotations"
        return f"Clip({self.name!r}, {len(self)} frames, {self.fps:g} fps{kind})"

    @property
    def duration(self) -> float:
        """Seconds that the clip fills: frames divided by frames per second."""
        return len(self) / self.fps

    def __getitem__(self, frames: slice) -> "Clip":
        if not isinstance(frames, slice) or frames.step not in (None, 1):
            raise TypeError(
                "expected a slice clip[start:stop] without a step; resample changes the frame rate"
            )
        rotations = None if self.rotations is None else self.rotations[frames]
        return replace(self, joints=self.joints[frames], rotations=rotations)

    def resample(self, fps: float, *, method: Literal["cubic", "linear"] = "cubic") -> "Clip":
        """The same motion at another number of frames per second, starting at the same instant.

        Positions follow a cubic spline, which from 30 to 20 frames per second stays within 1 mm of turning
        the joints, where straight lines shorten bones by up to 6 %; rotations are slerped. Where the rate
        divides evenly, frames are taken as they are.

        Raises:
            MotionFileError: `fps` is not above 0.
        """
        fps = _checked_rate(fps, "")
        stride = self.fps / fps
        if abs(stride - round(stride)) < 1e-6 * stride and round(stride) >= 1:
            step = round(stride)
            rotations = None if self.rotations is None else self.rotations[::step]
            return replace(self, joints=self.joints[::step], rotations=rotations, fps=fps)
        if (len(self) - 1) / stride >= MAX_FRAMES:
            raise MotionFileError(f"{fps:g} frames per second would give more than {MAX_FRAMES} frames")
        joints = resample_positions(self.joints, stride, method=method)
        at = np.minimum(np.arange(len(joints)) * stride, len(self) - 1)
        low = np.minimum(at.astype(int), max(len(self) - 2, 0))
        high, part = np.minimum(low + 1, len(self) - 1), at - low
        rotations = None
        if self.rotations is not None:
            rotations = slerp(self.rotations[low], self.rotations[high], part[:, None])
        return replace(self, joints=joints.astype(np.float32), rotations=rotations, fps=fps)

    def mirror(self) -> "Clip":
        """The motion seen in a mirror: left and right swapped, X negated. The caption stays as it is."""
        joints = self.joints[:, MIRROR] * np.array([-1, 1, 1], dtype=np.float32)
        rotations = None
        if self.rotations is not None:
            rotations = self.rotations[:, MIRROR] * np.array([1, 1, -1, -1], dtype=np.float32)
        return replace(self, joints=joints, rotations=rotations)

    def canonical(self) -> "Clip":
        """The motion with its lowest joint at y = 0 and its first frame over the origin, facing +Z."""
        joints = self.joints.astype(np.float64)
        joints -= [joints[0, 0, 0], joints[..., 1].min(), joints[0, 0, 2]]
        half = heading(joints[:1])[0] / 2
        turn = np.array([np.cos(half), 0, -np.sin(half), 0])
        rotations = None
        if self.rotations is not None:
            rotations = self.rotations.copy()
            rotations[:, 0] = quat_multiply(turn.astype(np.float32), self.rotations[:, 0])
        return replace(self, joints=quat_rotate(turn, joints).astype(np.float32), rotations=rotations)


def resample_positions(
    positions: Float[np.ndarray, "T J 3"], stride: float, *, method: Literal["cubic", "linear"] = "cubic"
) -> Float[np.ndarray, "S J 3"]:
    """Positions at every `stride`-th frame from the first on, where `stride` may be a fraction.

    Whole strides take frames as they are. Others follow a cubic spline, which from 30 to 20 frames per second stays
    within 1 mm of slerp and forward kinematics (linear interpolation, used with fewer than four frames, shortens bones
    by up to 6 %). The type of the positions is kept.
    """
    step = round(stride)
    if step >= 1 and abs(stride - step) < 1e-6 * stride:
        return positions[::step].copy()
    last = len(positions) - 1
    at = np.minimum(np.arange(int(np.floor(last / stride + 1e-6)) + 1) * stride, last)
    if method == "cubic" and last >= 3:
        from scipy.interpolate import (
            CubicSpline,
        )  # importing it takes a second, which most commands can do without

        flat = positions.reshape(len(positions), -1).astype(np.float64)
        resampled = CubicSpline(np.arange(len(positions)), flat)(at).reshape(len(at), *positions.shape[1:])
    else:
        low = np.minimum(at.astype(int), max(last - 1, 0))
        weight = (at - low)[:, None, None]
        resampled = positions[low] * (1 - weight) + positions[np.minimum(low + 1, last)] * weight
    return np.asarray(resampled, dtype=positions.dtype)


def heading(joints: Float[np.ndarray, "T 22 3"]) -> Float[np.ndarray, " T"]:
    """Angle of the facing direction about +Y in radians, without jumps: 0 is +Z, positive to the left."""
    forward = facing(joints)
    return np.asarray(np.unwrap(np.arctan2(forward[:, 0], forward[:, 2])))


def facing(joints: Float[np.ndarray, "*batch 22 3"]) -> Float[np.ndarray, "*batch 3"]:
    """Unit horizontal direction that a body faces, from its hips and shoulders; +Z where these define no direction.

    Source: HumanML3D (Guo et al. 2022), the facing direction of `process_file`.
    """
    right_hip, left_hip, right_shoulder, left_shoulder = (joints[..., j, :] for j in FACE_JOINTS)
    across = (right_hip - left_hip) + (right_shoulder - left_shoulder)
    forward = np.stack([across[..., 2], np.zeros_like(across[..., 0]), -across[..., 0]], axis=-1)
    length = np.linalg.norm(forward, axis=-1, keepdims=True)
    ahead = np.zeros_like(forward)
    ahead[..., 2] = 1
    return np.where(length > 1e-6, forward / np.maximum(length, 1e-6), ahead)


def _checked_rate(fps: object, where: str) -> float:
    """Frames per second as a finite number above 0."""
    number = not isinstance(fps, bool) and isinstance(fps, (int, float, np.integer, np.floating))
    try:
        rate = float(fps) if number else np.nan  # type: ignore[arg-type]
    except OverflowError:
        rate = np.inf
    if not (np.isfinite(rate) and rate > 0):
        raise MotionFileError(f"{where}frames per second must be a finite number above 0, got {fps!r:.80}")
    return float(rate)


def _checked(array: np.ndarray, width: int, what: str) -> np.ndarray:
    try:
        array = np.asarray(array)
    except (TypeError, ValueError, RuntimeError) as error:
        raise MotionFileError(f"{what} must be an array of numbers ({error})") from None
    if array.dtype.kind not in "fiu":
        raise MotionFileError(f"{what} must be numbers, got an array of {array.dtype}")
    if array.ndim != 3 or array.shape[1:] != (NUM_JOINTS, width):
        raise MotionFileError(
            f"{what} must have the shape (frames, {NUM_JOINTS}, {width}), got {array.shape}"
        )
    if not len(array):
        raise MotionFileError(f"{what} must have at least one frame, got none")
    with np.errstate(over="ignore"):
        array = array.astype(np.float32) if array.dtype != np.float32 or array.flags.writeable else array
    if not np.isfinite(array).all():
        frame = int(np.argwhere(~np.isfinite(array))[0, 0])
        raise MotionFileError(f"{what} must be finite numbers, frame {frame} has one that is not")
    if width == 4:
        array = quat_normalise(array)
    elif np.abs(array).max() > MAX_DISTANCE:
        raise MotionFileError(
            f"{what} must lie within {MAX_DISTANCE:g} of the origin, got {np.abs(array).max():g}"
        )
    array.setflags(write=False)
    return array
