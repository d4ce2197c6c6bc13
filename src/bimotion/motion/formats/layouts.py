"""Layouts of joint positions in arrays: ours, and those of other systems.

Legend: T frames, N joints, B motions. The first 22 joints of SMPL (24), SMPL-H (52) and SMPL-X (55, 127, 144) are ours.
"""

from itertools import pairwise

import numpy as np
from jaxtyping import Float

from bimotion.errors import MotionFileError
from bimotion.motion.skeleton import NUM_JOINTS, joint_indices
from bimotion.storage.arrays import MAX_ARRAY_BYTES

_SMPL_JOINTS: tuple[int, ...] = (NUM_JOINTS, 24, 52, 55, 127, 144)
"""Joint counts of the SMPL body models, whose first 22 joints are ours."""

_KNOWN_OTHERS: dict[int, str] = {
    17: "17 joints of which the first is not between the hips (COCO's)",
    18: "OpenPose's 18 joints",
    23: "23 joints (Xsens, or SMPL without its root)",
    25: "25 joints (OpenPose's or Kinect's)",
    31: "31 joints (CMU's)",
    34: "34 joints (Unitree's G1, a robot)",
}

POSITION_KEYS: tuple[str, ...] = (
    "joints",
    "posed_joints",
    "positions",
    "joint_positions",
    "motion",
    "motions",
    "jnts",
    "xyz",
    "poses3d",
    "keypoints3d",
    "arr_0",
)
"""Names of positions in .npz archives of other programs, the likeliest first."""


def positions_from_array(array: np.ndarray, where: str) -> Float[np.ndarray, "T 22 3"]:
    """Joint positions, float64, from any known layout; `where` precedes the text of errors.

    Raises:
        MotionFileError: another layout or type.
    """
    if array.dtype.kind not in "fiu":
        raise MotionFileError(f"{where}: expected numbers, got an array of {array.dtype}")
    if array.size * 8 > MAX_ARRAY_BYTES:
        raise MotionFileError(f"{where}: an array of shape {array.shape} is too large")
    shape = array.shape
    while array.ndim > 2 and array.shape[0] == 1 and array.ndim != 3:
        array = array[0]
    if array.ndim == 2 and array.shape[1] in {3 * n for n in (NUM_JOINTS, 24, 52)}:
        array = array.reshape(len(array), -1, 3)
    if array.ndim == 3 and array.shape[1] == 3 and array.shape[0] in _SMPL_JOINTS and array.shape[2] != 3:
        array = array.transpose(2, 0, 1)
    if array.ndim != 3 or array.shape[2] != 3 or array.shape[1] not in _SMPL_JOINTS:
        raise MotionFileError(f"{where}: {_explain(shape)}")
    if not len(array):
        raise MotionFileError(f"{where}: the array has no frames")
    positions = np.asarray(array[:, :NUM_JOINTS], dtype=np.float64)
    if not np.isfinite(positions).all():
        frame = int(np.argwhere(~np.isfinite(positions))[0, 0])
        raise MotionFileError(f"{where}: joints must be finite numbers, frame {frame} has one that is not")
    return positions


def _explain(shape: tuple[int, ...]) -> str:
    expected = (
        f"expected joint positions of shape (frames, {NUM_JOINTS}, 3), (frames, 24, 3), (frames, 52, 3), (frames, 66) "
        f"or ({NUM_JOINTS}, 3, frames), got {shape}"
    )
    if len(shape) >= 2 and shape[-1] == 263:
        return f"{expected}: these look like HumanML3D features, which `bimotion.read_clip` reads as (frames, 263)"
    if len(shape) == 4 and shape[0] > 1:
        return f"{expected}: {shape[0]} motions; save each to a file of its own, such as np.save('0.npy', array[0])"
    if len(shape) == 3 and shape[2] == 3 and shape[1] in _KNOWN_OTHERS:
        return f"{expected}: {_KNOWN_OTHERS[shape[1]]} are not read; save the skeleton as BVH"
    if len(shape) == 3 and shape[2] in (6, 9):
        return f"{expected}: rotations need a skeleton; save positions or BVH"
    return expected


def is_position_layout(array: np.ndarray) -> bool:
    """Whether the array can be joint positions by its shape and type."""
    try:
        positions_from_array(array, "")
    except MotionFileError:
        return False
    return True


def check_bones(positions: Float[np.ndarray, "T 22 3"], where: str) -> None:
    """Checks that the joints are those of a body whose bones keep their lengths.

    Raises:
        MotionFileError: thighs and shins of very different or changing length: another order of joints, or angles.
    """
    limbs = [joint_indices(f"{side}_{limb}") for limb in ("leg", "arm") for side in ("left", "right")]
    bones = [bone for limb in limbs for bone in pairwise(limb)]
    lengths = np.stack([np.linalg.norm(positions[:, b] - positions[:, a], axis=-1) for a, b in bones], axis=1)
    median = np.median(lengths, axis=0)
    size = float(np.median(median))
    if size <= 0:
        return
    spread = float(np.median(np.abs(lengths - median) / max(size, 1e-12)))
    if spread > 0.3 or median.max() > 6 * median.min() + 1e-9:
        raise MotionFileError(
            f"{where}: the bones of these joints change their length by {100 * spread:.0f} % or differ widely: "
            "expected positions of SMPL's joints in their order (docs/formats.md), not rotations, normalised values or "
            "another skeleton"
        )
