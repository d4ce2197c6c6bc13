"""Writing binary glTF 2.0 (.glb): a skinned body on the 22 joints, with the clip as its animation.

Metres, Y up, facing +Z, as glTF asks for. The joints stand in a T-pose over the origin when nothing is played.

Source: Khronos Group, glTF 2.0 specification.
"""

import json
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from bimotion.motion.body import BODY, body_mesh
from bimotion.motion.clip import Clip
from bimotion.motion.formats.write_options import WriteOptions
from bimotion.motion.kinematics import Pose, clip_to_pose
from bimotion.motion.skeleton import CHILDREN, JOINT_NAMES, NUM_JOINTS, PARENTS
from bimotion.storage.atomic import atomic_path

_MAGIC, _VERSION, _JSON, _BIN = 0x46546C67, 2, 0x4E4F534A, 0x004E4942
_FLOAT, _UBYTE, _USHORT = 5126, 5121, 5123
_VERTICES, _INDICES = 34962, 34963
_COLOURS = {"trunk": (0.62, 0.65, 0.70), "left": (0.25, 0.50, 0.80), "right": (0.85, 0.42, 0.25)}
"""Linear base colours of the materials: left blue, right orange."""


class _Buffer:
    """The binary part, and the JSON that says what lies where in it."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.views: list[dict[str, Any]] = []
        self.accessors: list[dict[str, Any]] = []

    def add(self, array: np.ndarray, kind: str, target: int | None = None, bounds: bool = False) -> int:
        """The accessor of an array of scalars, vectors or matrices; each begins on a multiple of 4."""
        component = {"f": _FLOAT, "B": _UBYTE, "H": _USHORT}[array.dtype.char]
        self.data += b"\0" * (-len(self.data) % 4)
        view = {"buffer": 0, "byteOffset": len(self.data), "byteLength": array.nbytes}
        if target is not None:
            view["target"] = target
        self.views.append(view)
        self.data += np.ascontiguousarray(array).tobytes()
        accessor: dict[str, Any] = {
            "bufferView": len(self.views) - 1,
            "componentType": component,
            "count": len(array),
            "type": kind,
        }
        if bounds:
            rows = array.reshape(len(array), -1)
            accessor |= {"min": rows.min(0).tolist(), "max": rows.max(0).tolist()}
        self.accessors.append(accessor)
        return len(self.accessors) - 1


def write_glb(clip: Clip, path: str | Path, options: WriteOptions | None = None) -> None:
    """Write the clip as a body that moves; name and caption stand in the file.

    Bones are of constant length.
    """
    options = options or WriteOptions()
    clip = options.edit(clip)
    document, data = _document(clip, clip_to_pose(clip))
    text = json.dumps(document, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    data += b"\0" * (-len(data) % 4)
    with atomic_path(path) as partial, partial.open("wb") as file:
        file.write(struct.pack("<III", _MAGIC, _VERSION, 12 + 8 + len(text) + 8 + len(data)))
        file.write(struct.pack("<II", len(text), _JSON) + text)
        file.write(struct.pack("<II", len(data), _BIN) + data)


def _document(clip: Clip, pose: Pose) -> tuple[dict[str, Any], bytes]:
    buffer = _Buffer()
    rest = np.zeros((NUM_JOINTS, 3))
    for joint, parent in enumerate(PARENTS[1:], 1):
        rest[joint] = rest[parent] + pose.offsets[joint]
    rest[:, 1] -= rest[:, 1].min()
    document = {
        "asset": {"version": "2.0", "generator": "bimotion"},
        "scene": 0,
        "scenes": [{"nodes": [0, NUM_JOINTS]}],
        "nodes": [*_joint_nodes(rest), {"name": "body", "mesh": 0, "skin": 0}],
        "meshes": [{"name": "body", "primitives": list(_primitives(buffer, rest))}],
        "materials": [
            {
                "name": name,
                "pbrMetallicRoughness": {
                    "baseColorFactor": [*colour, 1.0],
                    "metallicFactor": 0.0,
                    "roughnessFactor": 0.75,
                },
            }
            for name, colour in _COLOURS.items()
        ],
        "skins": [_skin(buffer, rest)],
        "animations": [_animation(buffer, clip, pose)],
        "extras": {"fps": clip.fps, "caption": clip.caption, "name": clip.name},
    }
    document |= {
        "accessors": buffer.accessors,
        "bufferViews": buffer.views,
        "buffers": [{"byteLength": len(buffer.data) + -len(buffer.data) % 4}],
    }
    return document, bytes(buffer.data)


def _joint_nodes(rest: np.ndarray) -> Iterable[dict[str, Any]]:
    for joint, parent in enumerate(PARENTS):
        place = rest[joint] - (rest[parent] if parent >= 0 else 0)
        node: dict[str, Any] = {"name": JOINT_NAMES[joint], "translation": place.tolist()}
        if CHILDREN[joint]:
            node["children"] = list(CHILDREN[joint])
        yield node


def _primitives(buffer: _Buffer, rest: np.ndarray) -> Iterable[dict[str, Any]]:
    for material, name in enumerate(_COLOURS):
        mesh = body_mesh(BODY[name], rest)
        joints = np.zeros((len(mesh.joints), 4), dtype=np.uint8)
        weights = np.zeros((len(mesh.joints), 4), dtype=np.float32)
        joints[:, 0], weights[:, 0] = mesh.joints, 1.0
        yield {
            "attributes": {
                "POSITION": buffer.add(mesh.positions.astype(np.float32), "VEC3", _VERTICES, bounds=True),
                "NORMAL": buffer.add(mesh.normals.astype(np.float32), "VEC3", _VERTICES),
                "JOINTS_0": buffer.add(joints, "VEC4", _VERTICES),
                "WEIGHTS_0": buffer.add(weights, "VEC4", _VERTICES),
            },
            "indices": buffer.add(mesh.indices.astype(np.uint16), "SCALAR", _INDICES),
            "material": material,
        }


def _skin(buffer: _Buffer, rest: np.ndarray) -> dict[str, Any]:
    inverse = np.tile(np.eye(4, dtype=np.float32), (NUM_JOINTS, 1, 1))
    inverse[:, 3, :3] = -rest  # glTF's matrices are stored column by column
    return {
        "inverseBindMatrices": buffer.add(inverse.reshape(NUM_JOINTS, 16), "MAT4"),
        "skeleton": 0,
        "joints": list(range(NUM_JOINTS)),
    }


def _animation(buffer: _Buffer, clip: Clip, pose: Pose) -> dict[str, Any]:
    times = buffer.add((np.arange(len(clip)) / clip.fps).astype(np.float32), "SCALAR", bounds=True)
    samplers: list[dict[str, Any]] = []
    channels: list[dict[str, Any]] = []

    def track(joint: int, path: str, values: np.ndarray, kind: str) -> None:
        output = buffer.add(values.astype(np.float32), kind)
        channels.append({"sampler": len(samplers), "target": {"node": joint, "path": path}})
        samplers.append({"input": times, "output": output, "interpolation": "LINEAR"})

    track(0, "translation", pose.root, "VEC3")
    for joint in range(NUM_JOINTS):
        track(joint, "rotation", pose.rotations[:, joint, [1, 2, 3, 0]], "VEC4")
    return {"name": clip.caption or clip.name or "motion", "samplers": samplers, "channels": channels}
