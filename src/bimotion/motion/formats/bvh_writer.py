"""Writing Biovision hierarchies (.bvh).

The skeleton stands in a T-pose when nothing turns and is called by `skeleton.JOINT_NAMES`. Lengths are metres, so
that Blender shows a person of a person's size; Maya and MotionBuilder, which expect centimetres, scale by 100.
"""

from pathlib import Path

import numpy as np
from jaxtyping import Float

from bimotion.motion.clip import Clip
from bimotion.motion.kinematics import Pose, clip_to_pose
from bimotion.motion.rotations import matrix_to_euler, quat_to_matrix
from bimotion.motion.skeleton import CHILDREN, JOINT_NAMES
from bimotion.storage.atomic import atomic_path

_ORDER = "zyx"
_TURNS = " ".join(f"{axis.upper()}rotation" for axis in _ORDER)
_MOVES = "Xposition Yposition Zposition"
_TIPS = {
    "head": (0.0, 0.12, 0.0),
    "left_foot": (0.0, 0.0, 0.06),
    "right_foot": (0.0, 0.0, 0.06),
    "left_wrist": (0.09, 0.0, 0.0),
    "right_wrist": (-0.09, 0.0, 0.0),
}
"""Ends of the bones in which no joint ends, metres."""


def write_bvh(clip: Clip, path: str | Path) -> None:
    """Write the clip with a rotation for every joint and bones of constant length.

    Only the pelvis moves against its parent; in a clip whose hips or shoulders are not rigid but whose bones are
    of constant length, so do the joints there, so that no position is lost.
    """
    pose = clip_to_pose(clip)
    joints = _depth_first(0)
    columns = []
    for joint in joints:
        if joint == 0:
            columns.append(pose.root)
        elif joint in pose.shifts:
            columns.append(pose.shifts[joint])
        columns.append(_smooth_angles(quat_to_matrix(pose.rotations[:, joint])))
    values = np.concatenate(columns, axis=1).tolist()
    with atomic_path(path) as partial, partial.open("w", encoding="ascii", newline="\n") as file:
        file.write("HIERARCHY\n")
        file.writelines(_hierarchy(0, pose))
        file.write(f"MOTION\nFrames: {len(clip)}\nFrame Time: {1 / clip.fps:.10g}\n")
        line = " ".join(["%.6f"] * len(values[0])) + "\n"
        file.writelines(line % tuple(frame) for frame in values)


def _depth_first(joint: int) -> list[int]:
    return [joint] + [below for child in CHILDREN[joint] for below in _depth_first(child)]


def _hierarchy(joint: int, pose: Pose, depth: int = 0) -> list[str]:
    indent = "  " * depth
    name = JOINT_NAMES[joint]
    x, y, z = pose.offsets[joint]
    moves = depth == 0 or joint in pose.shifts
    lines = [
        f"{indent}{'JOINT' if depth else 'ROOT'} {name}\n{indent}{{\n",
        f"{indent}  OFFSET {x:.6f} {y:.6f} {z:.6f}\n",
        f"{indent}  CHANNELS {f'6 {_MOVES}' if moves else '3'} {_TURNS}\n",
    ]
    for child in CHILDREN[joint]:
        lines += _hierarchy(child, pose, depth + 1)
    if not CHILDREN[joint]:
        x, y, z = _TIPS[name]
        lines.append(
            f"{indent}  End Site\n{indent}  {{\n{indent}    OFFSET {x:.6f} {y:.6f} {z:.6f}\n{indent}  }}\n"
        )
    return [*lines, f"{indent}}}\n"]


def _smooth_angles(matrices: Float[np.ndarray, "T 3 3"]) -> Float[np.ndarray, "T 3"]:
    """Euler angles in degrees, of the two sets that mean one rotation always the one nearer to the frame before."""
    angles = matrix_to_euler(matrices, _ORDER)
    others = angles * [1, -1, 1] + np.pi
    turn = 2 * np.pi
    out = np.empty_like(angles)
    before = np.zeros(3)
    for frame, pair in enumerate(np.stack([angles, others], axis=1)):
        near = pair - turn * np.round((pair - before) / turn)
        before = out[frame] = near[np.abs(near - before).sum(-1).argmin()]
    return np.asarray(np.degrees(out))
