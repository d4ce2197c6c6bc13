"""Writing Biovision hierarchies (.bvh).

The rest pose is a T-pose. Offsets are constant and only the root has position channels,
because readers treat others differently: three.js adds position channels to the offset, Blender replaces it by them,
and the loaders of LAFAN1 and of Holden's networks expect three channels for every joint but the root.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from bimotion.motion.clip import Clip
from bimotion.motion.formats.joint_names import NAMES, ROOT_NAMES
from bimotion.motion.formats.write_options import METRES, WriteOptions
from bimotion.motion.kinematics import Pose, clip_to_pose
from bimotion.motion.rotations import (
    axis_angle_to_quat,
    matrix_to_euler,
    quat_conjugate,
    quat_multiply,
    quat_rotate,
    quat_to_matrix,
)
from bimotion.motion.skeleton import CHILDREN, JOINT_NAMES
from bimotion.motion.trajectory import trajectory
from bimotion.storage.atomic import atomic_path

ORDER = "zyx"
ROTATIONS = " ".join(f"{axis.upper()}rotation" for axis in ORDER)
POSITIONS = "Xposition Yposition Zposition"
_TIPS = {
    "head": (0.0, 0.12, 0.0),
    "left_foot": (0.0, 0.0, 0.06),
    "right_foot": (0.0, 0.0, 0.06),
    "left_wrist": (0.09, 0.0, 0.0),
    "right_wrist": (-0.09, 0.0, 0.0),
}
"""Ends of the last bones of each chain, metres."""


def write_bvh(clip: Clip, path: str | Path, options: WriteOptions | None = None) -> None:
    """Write the clip with a rotation for every joint and bones of constant length.

    With `root_bone` the pelvis is the child of a bone on the floor and has position channels as well, with an offset of
    zero, so that readers which add to the offset and readers which replace it agree.
    """
    options = options or WriteOptions()
    clip = options.edit(clip)
    pose, fps = clip_to_pose(clip), clip.fps
    if options.fps is not None:
        pose, fps = pose.resample(clip.fps, options.fps), options.fps
    columns: list[np.ndarray] = []
    lines: list[str] = []
    depth = 0
    scale = 1 / METRES[options.unit]
    if options.root_bone:
        root, turn, pose = split_root(pose, fps)
        columns += [root * scale, smooth_angles(quat_to_matrix(turn[:, None]))[:, 0]]
        lines += [f"ROOT {ROOT_NAMES[options.names]}\n{{\n", "  OFFSET 0.000000 0.000000 0.000000\n"]
        lines += [f"  CHANNELS 6 {POSITIONS} {ROTATIONS}\n"]
        depth = 1
    angles = smooth_angles(quat_to_matrix(pose.rotations[:, _depth_first(0)]))
    columns += [pose.root * scale, angles.reshape(len(angles), -1)]
    pose = replace(pose, offsets=pose.offsets * scale)
    lines += _hierarchy(0, pose, NAMES[options.names], scale, depth)
    lines += ["}\n"] * depth
    write_channels(path, "".join(lines), np.concatenate(columns, axis=1), fps)


def write_channels(path: str | Path, hierarchy: str, values: Float[np.ndarray, "T C"], fps: float) -> None:
    """Write a BVH file: the lines of its skeleton, and a line of C channels for each frame."""
    with atomic_path(path) as partial, partial.open("w", encoding="utf-8", newline="\n") as file:
        file.write(f"HIERARCHY\n{hierarchy}MOTION\nFrames: {len(values)}\nFrame Time: {1 / fps:.10g}\n")
        line = " ".join(["%.6f"] * values.shape[1]) + "\n"
        file.writelines(line % tuple(frame) for frame in values.tolist())


def split_root(pose: Pose, fps: float) -> tuple[Float[np.ndarray, "T 3"], Float[np.ndarray, "T 4"], Pose]:
    """Positions and rotations of a bone on the floor that carries path and heading, and the pose relative to it."""
    path = trajectory(Clip(pose.joints().astype(np.float32), fps))
    root = np.zeros((len(pose.root), 3))
    root[:, [0, 2]] = path.xz
    turn = axis_angle_to_quat(path.heading[:, None] * np.array([0.0, 1.0, 0.0]))
    rotations = pose.rotations.copy()
    rotations[:, 0] = quat_multiply(quat_conjugate(turn), rotations[:, 0])
    return root, turn, Pose(quat_rotate(quat_conjugate(turn), pose.root - root), rotations, pose.offsets)


def _depth_first(joint: int) -> list[int]:
    return [joint] + [below for child in CHILDREN[joint] for below in _depth_first(child)]


def _hierarchy(joint: int, pose: Pose, names: tuple[str, ...], scale: float, depth: int) -> list[str]:
    indent = "  " * depth
    x, y, z = pose.offsets[joint]
    lines = [
        f"{indent}{'JOINT' if depth else 'ROOT'} {names[joint]}\n{indent}{{\n",
        f"{indent}  OFFSET {x:.6f} {y:.6f} {z:.6f}\n",
        f"{indent}  CHANNELS {'3' if joint else f'6 {POSITIONS}'} {ROTATIONS}\n",
    ]
    for child in CHILDREN[joint]:
        lines += _hierarchy(child, pose, names, scale, depth + 1)
    if not CHILDREN[joint]:
        x, y, z = np.array(_TIPS[JOINT_NAMES[joint]]) * scale
        tip = f"{indent}    OFFSET {x:.6f} {y:.6f} {z:.6f}\n"
        lines.append(f"{indent}  End Site\n{indent}  {{\n{tip}{indent}  }}\n")
    return [*lines, f"{indent}}}\n"]


def smooth_angles(matrices: Float[np.ndarray, "T J 3 3"], order: str = ORDER) -> Float[np.ndarray, "T J 3"]:
    """Euler angles in degrees; of the two sets for a rotation, the one nearer to the frame before."""
    angles = matrix_to_euler(matrices, order)
    pairs = np.stack([angles, angles * [1, -1, 1] + np.pi], axis=1)  # (T, 2, J, 3)
    turn = 2 * np.pi
    out = np.empty_like(angles)
    before = np.zeros(angles.shape[1:])
    every = np.arange(angles.shape[1])
    for frame, pair in enumerate(pairs):
        near = pair - turn * np.round((pair - before) / turn)
        before = out[frame] = near[np.abs(near - before).sum(-1).argmin(0), every]
    return np.asarray(np.degrees(out))
