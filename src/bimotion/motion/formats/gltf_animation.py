"""The parts of a glTF file that matter for motion: bone names, bind pose, animation tracks.

Legend: K keys.

Source: Khronos Group, glTF 2.0 specification; VRM Consortium, VRM 0.x, VRM 1.0 and VRMA.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from bimotion.errors import MotionFileError
from bimotion.motion.formats.gltf_file import GltfFile
from bimotion.motion.rotations import matrix_to_quat
from bimotion.storage.files import LIBRARY_ERRORS, reason

_VRM_EXTENSIONS = ("VRMC_vrm_animation", "VRMC_vrm", "VRM")


@dataclass(frozen=True)
class Track:
    """Keys of one property of a node."""

    node: int
    path: str
    """"translation" or "rotation"."""
    times: Float[np.ndarray, "K"]
    values: Float[np.ndarray, "_ C"]
    """One row for each key; for cubic splines three, the value between its tangents."""
    interpolation: str
    """"LINEAR", "STEP" or "CUBICSPLINE"."""


@dataclass(frozen=True)
class LocalTransform:
    """Transform of a node relative to its parent without animation."""

    translation: Float[np.ndarray, "3"]
    rotation: Float[np.ndarray, "4"]
    scale: float
    """Mean of the three axes."""


def node_names(file: GltfFile) -> list[str]:
    """Names of the nodes; bones of a VRM humanoid have their VRM names."""
    names = [str(node.get("name") or f"node {i}") for i, node in enumerate(file.nodes())]
    for bone, index in _vrm_bones(file.document):
        if 0 <= index < len(names):
            names[index] = bone
    return names


def _vrm_bones(document: dict[str, Any]) -> Iterator[tuple[str, int]]:
    extensions = _mapping(document.get("extensions"))
    for name in _VRM_EXTENSIONS:
        bones = _mapping(_mapping(extensions.get(name)).get("humanoid")).get("humanBones")
        if isinstance(bones, dict):
            bones = [{"bone": bone} | _mapping(fields) for bone, fields in bones.items()]
        for fields in bones if isinstance(bones, list) else []:
            index = _mapping(fields).get("node")
            if isinstance(index, int):
                yield str(fields.get("bone")), index


def local_transform(file: GltfFile, index: int) -> LocalTransform:
    """A node's transform without shear and mirroring.

    Raises:
        MotionFileError: its values are malformed.
    """
    try:
        matrix = file.local_matrix(index)
        if matrix.shape != (4, 4) or not np.isfinite(matrix).all() or np.abs(matrix).max() > 1e9:
            raise ValueError("its transform is not finite")
    except LIBRARY_ERRORS as error:
        raise MotionFileError(f"{file.where}: node {index}: {reason(error)}") from None
    rotation, scale = _rotation_and_scale(matrix)
    return LocalTransform(matrix[:3, 3].copy(), rotation, scale)


def _rotation_and_scale(matrix: Float[np.ndarray, "4 4"]) -> tuple[Float[np.ndarray, "4"], float]:
    scale = np.linalg.norm(matrix[:3, :3], axis=0)
    if not (scale > 1e-12).all():
        return np.array([1.0, 0.0, 0.0, 0.0]), 1.0
    u, _, vh = np.linalg.svd(matrix[:3, :3] / scale)
    u[:, -1] *= np.linalg.det(u @ vh)
    return matrix_to_quat(u @ vh), float(scale.mean())


def skin_joints(file: GltfFile) -> dict[int, Float[np.ndarray, "4"] | None]:
    """Joints of all skins, with their world rotation in the bind pose where the file has it.

    Raises:
        MotionFileError: a skin is malformed.
    """
    joints: dict[int, np.ndarray | None] = {}
    for number, skin in enumerate(_objects(file, "skins")):
        matrices = None
        if "inverseBindMatrices" in skin:
            rows = file.array(skin["inverseBindMatrices"]).astype(np.float64)
            if rows.shape[1] != 16 or not np.isfinite(rows).all():
                raise MotionFileError(f"{file.where}: skin {number}: expected finite 4 x 4 matrices")
            matrices = rows.reshape(-1, 4, 4).transpose(0, 2, 1)
        for i, joint in enumerate(file.node_list(skin, "joints", f"skin {number}")):
            bind = None
            if matrices is not None and i < len(matrices):
                bind = _rotation_and_scale(matrices[i])[0] * [1, -1, -1, -1]
            joints.setdefault(joint, bind)
    return joints


def animation_names(file: GltfFile) -> list[str]:
    """Names of the animations, numbered where they have none."""
    return [
        str(found.get("name") or f"animation {i}") for i, found in enumerate(_objects(file, "animations"))
    ]


def tracks(file: GltfFile, animation: int) -> Iterator[Track]:
    """Translations and rotations of one animation.

    Raises:
        MotionFileError: a channel is malformed.
    """
    found = _objects(file, "animations")[animation]
    samplers, channels = found.get("samplers"), found.get("channels") or []
    if not isinstance(channels, list):
        raise MotionFileError(f"{file.where}: animation {animation}: expected a list of channels")
    for number, channel in enumerate(channels):
        where = f"{file.where}: animation {animation}, channel {number}"
        target, sampler = _mapping(_mapping(channel).get("target")), _mapping(channel).get("sampler")
        node, path = target.get("node"), target.get("path")
        if node is None or path not in ("translation", "rotation"):
            continue
        if not (
            isinstance(node, int)
            and 0 <= node < len(file.nodes())
            and isinstance(samplers, list)
            and isinstance(sampler, int)
            and 0 <= sampler < len(samplers)
        ):
            raise MotionFileError(f"{where}: its node or sampler does not exist")
        fields = _mapping(samplers[sampler])
        yield _track(file, node, path, fields, where)


def _track(file: GltfFile, node: int, path: str, sampler: dict[str, Any], where: str) -> Track:
    times = file.array(sampler.get("input", -1)).astype(np.float64).reshape(-1)
    values = file.array(sampler.get("output", -1)).astype(np.float64)
    kind = str(sampler.get("interpolation", "LINEAR"))
    rows = len(times) * (3 if kind == "CUBICSPLINE" else 1)
    width = 3 if path == "translation" else 4
    valid = np.isfinite(times).all() and np.isfinite(values).all() and not (np.diff(times) < 0).any()
    if values.shape != (rows, width) or not len(times) or not valid:
        raise MotionFileError(f"{where}: expected {rows} rows of {width} finite numbers at rising times")
    return Track(node, path, times, values, kind)


def _objects(file: GltfFile, key: str) -> list[dict[str, Any]]:
    found = file.document.get(key, [])
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise MotionFileError(f"{file.where}: expected a list of {key}")
    return found


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
