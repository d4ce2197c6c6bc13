"""Reading the skeleton and an animation of Autodesk FBX files, with ufbx in a process of its own.

Legend: T frames, N joints. The file's unit; Y up.
"""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from bimotion.errors import MotionFileError
from bimotion.motion.formats.frame_rate import check_rate
from bimotion.motion.formats.text import printable, several_animations
from bimotion.motion.retarget.source import SourceMotion, SourceSkeleton
from bimotion.motion.rotations import (
    matrix_to_quat,
    quat_conjugate,
    quat_multiply,
    quat_rotate,
    quat_to_matrix,
)

MAX_BYTES = 2**29
"""A larger file is refused."""

MAX_FRAMES = 200_000
"""A longer animation is refused."""

TIME_LIMIT = 300.0
"""Seconds that a file may take."""

_CHILD = Path(__file__).with_name("fbx_child.py")


def read_fbx(path: str | Path, rate: float | None = None, animation: str | None = None) -> SourceMotion:
    """An animation of an FBX file, the first that moves a joint if none is named, sampled at its rate or at `rate`.

    Raises:
        MotionFileError: ufbx is not installed, or the file is malformed or has no animation of a skeleton.
    """
    path = Path(path)
    if importlib.util.find_spec("ufbx") is None:
        raise MotionFileError(
            f"{path}: .fbx needs the package ufbx: `pip install 'bimotion[fbx]'`, or convert the file with Blender "
            "(docs/formats.md)"
        )
    if path.stat().st_size > MAX_BYTES:
        raise MotionFileError(f"{path}: larger than {MAX_BYTES // 2**20} MiB, which is more than can be read")
    facts, moves, rest, bind = _parsed(path, animation or "", check_rate(rate, str(path)) if rate else 0.0)
    axes = _world_axes(facts["axes"], str(path))
    parents = [int(parent) for parent in facts["parents"]]
    positions, frames = _world_poses(moves, parents, axes)
    rest_positions, rest_frames = _world_poses(rest[None], parents, axes)
    rest_rotations = matrix_to_quat(rest_frames[:, 0])
    for joint in np.flatnonzero(np.isfinite(bind).all(axis=(1, 2))):
        rest_rotations[joint] = matrix_to_quat(axes @ _orthonormal(bind[joint, :, :3]))
    local, turns = _local_poses(positions, matrix_to_quat(frames), parents)
    offsets = _local_poses(rest_positions, matrix_to_quat(rest_frames), parents)[0][:, 0]
    skeleton = SourceSkeleton(
        tuple(str(name) or f"node {i}" for i, name in enumerate(facts["names"])),
        tuple(parents),
        offsets,
        rest_rotations,
    )

    def poses(joints: Sequence[int]) -> tuple[list[Float[np.ndarray, "T 3"]], Float[np.ndarray, "K T 4"]]:
        return [local[joint] for joint in joints], turns[list(joints)]

    return SourceMotion(
        skeleton,
        moves.shape[0],
        float(facts["fps"]),
        poses,
        _moving(local, offsets, parents),
        metres=float(facts["unit"]),
        up="y",
        notes=_notes(facts) if animation is None else (),
        animations=tuple(str(name) for name in facts["animations"]),
    )


def _parsed(
    path: Path, animation: str, rate: float
) -> tuple[dict[str, Any], np.ndarray, np.ndarray, np.ndarray]:
    """Result of the child process: facts, local transforms (T, N, 10) and (N, 10) at rest, and bind matrices (N, 3,
    4).
    """
    with tempfile.TemporaryDirectory(prefix="bimotion-fbx-") as folder:
        out = Path(folder) / "parsed.npz"
        command = [sys.executable, "-P", str(_CHILD), str(path.resolve()), str(out), animation]
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        try:
            done = subprocess.run(
                [*command, repr(rate), str(MAX_FRAMES)],
                env=environment,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=TIME_LIMIT,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise MotionFileError(f"{path}: reading it takes longer than {TIME_LIMIT:g} s") from None
        if done.returncode == 3:
            raise MotionFileError(f"{path}: {printable(done.stderr.strip(), 500)}")
        if done.returncode != 0 or not out.is_file():
            raise MotionFileError(
                f"{path}: ufbx failed on it (exit code {done.returncode}); convert it with Blender (docs/formats.md)"
            )
        with np.load(out, allow_pickle=False) as arrays:
            facts = json.loads(arrays["facts"].tobytes())
            moves, rest, bind = arrays["moves"], arrays["rest"], arrays["bind"]
    if not len(rest):
        raise MotionFileError(f"{path}: no skeleton: the file has no nodes")
    if not (np.isfinite(moves).all() and np.isfinite(rest).all()):
        raise MotionFileError(f"{path}: its transforms are not finite")
    return facts, moves, rest, bind


def _world_axes(codes: list[int], where: str) -> Float[np.ndarray, "3 3"]:
    """Rotation from the file's axes to X right, Y up, Z front; codes are +X -X +Y -Y +Z -Z, for right, up, front."""
    if not all(0 <= code < 6 for code in codes):
        return np.eye(3)
    rows = np.zeros((3, 3))
    for row, code in enumerate(codes):
        rows[row, code // 2] = -1.0 if code % 2 else 1.0
    if np.linalg.det(rows) < 0.5:
        raise MotionFileError(f"{where}: its axes are left-handed; convert it with Blender (docs/formats.md)")
    return rows


def _world_poses(
    local: Float[np.ndarray, "T N 10"], parents: list[int], axes: Float[np.ndarray, "3 3"]
) -> tuple[Float[np.ndarray, "N T 3"], Float[np.ndarray, "N T 3 3"]]:
    """World positions and rotations from translations, quaternions (x, y, z, w) and scales in the parent's frame."""
    num_frames, num_joints = local.shape[:2]
    positions, frames = np.empty((num_joints, num_frames, 3)), np.empty((num_joints, num_frames, 3, 3))
    linear: list[np.ndarray] = []
    base = np.broadcast_to(axes, (num_frames, 3, 3))
    for joint, parent in enumerate(parents):
        above = base if parent < 0 else linear[parent]
        origin = 0.0 if parent < 0 else positions[parent]
        move = local[:, joint]
        positions[joint] = origin + np.einsum("tij,tj->ti", above, move[:, :3])
        turned = quat_to_matrix(move[:, [6, 3, 4, 5]])
        linear.append(above @ (turned * move[:, None, 7:]))
        frames[joint] = _orthonormal(linear[joint])
    return positions, frames


def _orthonormal(matrix: Float[np.ndarray, "*batch 3 3"]) -> Float[np.ndarray, "*batch 3 3"]:
    """The rotation nearest to a matrix, without its scale, shear and mirroring."""
    size = np.linalg.norm(matrix, axis=-2, keepdims=True)
    u, _, vh = np.linalg.svd(matrix / np.where(size > 1e-12, size, 1.0))
    u[..., -1] *= np.linalg.det(u @ vh)[..., None]
    return np.asarray(u @ vh)


def _local_poses(
    positions: Float[np.ndarray, "N T 3"], frames: Float[np.ndarray, "N T 4"], parents: list[int]
) -> tuple[Float[np.ndarray, "N T 3"], Float[np.ndarray, "N T 4"]]:
    """Positions and rotations in the parent's frame, all in the world's scale."""
    local, turns = positions.copy(), frames.copy()
    for joint, parent in enumerate(parents):
        if parent >= 0:
            undo = quat_conjugate(frames[parent])
            local[joint] = quat_rotate(undo, positions[joint] - positions[parent])
            turns[joint] = quat_multiply(undo, frames[joint])
    return local, turns


def _moving(
    local: Float[np.ndarray, "N T 3"], offsets: Float[np.ndarray, "N 3"], parents: list[int]
) -> frozenset[int]:
    """Joints below a root whose position in the parent's frame changes or is not the rest pose's."""
    size = np.abs(local).max(axis=(1, 2)) + 1e-9
    drift = np.abs(local - offsets[:, None]).max(axis=(1, 2))
    return frozenset(
        joint for joint, parent in enumerate(parents) if parent >= 0 and drift[joint] > 1e-3 * size[joint]
    )


def _notes(facts: dict[str, Any]) -> tuple[str, ...]:
    moving = facts["moving"]
    if len(moving) < 2:
        return ()
    return (several_animations([str(facts["animations"][i]) for i in moving]),)
