"""glTF 2.0 files as a JSON document and one binary buffer: reading, adding data, writing .glb.

The document stays a plain dictionary, so that materials, extensions (VRM) and extras are kept unchanged.

Source: Khronos Group, glTF 2.0 specification.
"""

import base64
import json
import struct
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
from jaxtyping import Float

from bimotion.errors import MotionFileError
from bimotion.motion.rotations import matrix_to_quat, quat_to_matrix
from bimotion.storage.arrays import MAX_ARRAY_BYTES
from bimotion.storage.atomic import atomic_path
from bimotion.storage.files import LIBRARY_ERRORS, read_bytes, reason
from bimotion.storage.json_files import parse_json

MAX_NODES = 5_000
"""A file with more nodes is refused."""

_MAGIC, _VERSION, _JSON, _BIN = 0x46546C67, 2, 0x4E4F534A, 0x004E4942
_DTYPES = {5120: np.int8, 5121: np.uint8, 5122: np.int16, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}
_CODES = {np.dtype(dtype).char: code for code, dtype in _DTYPES.items()}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}


class GltfFile:
    """A document with its binary data."""

    def __init__(self, document: dict[str, Any], data: bytes = b"", where: str = "glTF") -> None:
        self.document = document
        self.data = bytearray(data)
        self.where = where

    @classmethod
    def load(cls, path: str | Path) -> "GltfFile":
        """A .glb, .vrm or .gltf file; buffers and images beside a .gltf are included.

        Raises:
            MotionFileError: not glTF 2.0, or a part of it is missing.
        """
        path = Path(path)
        try:
            content = read_bytes(path, MotionFileError, max_bytes=MAX_ARRAY_BYTES)
            text, binary = _chunks(content) if content[:4] == b"glTF" else (content, b"")
            document = parse_json(text.rstrip(b" \0"), path, MotionFileError)
            if not isinstance(document, dict) or not str(document["asset"]["version"]).startswith("2"):
                raise ValueError("expected version 2.0")
            out = cls(document, b"", str(path))
            out._take_buffers(path.parent, binary)
        except (*LIBRARY_ERRORS, struct.error) as error:
            raise MotionFileError(f"{path}: not a readable glTF file: {reason(error)}") from None
        return out

    def _take_buffers(self, folder: Path, binary: bytes) -> None:
        """Join all buffers into one, which images in other files are appended to."""
        starts = []
        for number, buffer in enumerate(self.document.get("buffers", [])):
            self.data += b"\0" * (-len(self.data) % 4)
            starts.append(len(self.data))
            self.data += (
                _resource(folder, buffer["uri"]) if "uri" in buffer else binary if number == 0 else b""
            )
        for view in self.document.get("bufferViews", []):
            view["byteOffset"] = view.get("byteOffset", 0) + starts[view["buffer"]]
            view["buffer"] = 0
        for image in self.document.get("images", []):
            uri = image.get("uri")
            if uri is not None:
                content = _resource(folder, image.pop("uri"))
                image["bufferView"] = self._view(content)
                image.setdefault("mimeType", "image/png" if content[:4] == b"\x89PNG" else "image/jpeg")

    def _view(self, content: bytes, target: int | None = None) -> int:
        self.data += b"\0" * (-len(self.data) % 4)
        view = {"buffer": 0, "byteOffset": len(self.data), "byteLength": len(content)}
        if target is not None:
            view["target"] = target
        self.data += content
        self.document.setdefault("bufferViews", []).append(view)
        return len(self.document["bufferViews"]) - 1

    def add(self, array: np.ndarray, kind: str, *, target: int | None = None, bounds: bool = False) -> int:
        """The index of a new accessor with the array's rows; `bounds` adds their minimum and maximum."""
        accessor: dict[str, Any] = {
            "bufferView": self._view(np.ascontiguousarray(array).tobytes(), target),
            "componentType": _CODES[array.dtype.char],
            "count": len(array),
            "type": kind,
        }
        if bounds:
            rows = array.reshape(len(array), -1)
            accessor |= {"min": rows.min(0).tolist(), "max": rows.max(0).tolist()}
        self.document.setdefault("accessors", []).append(accessor)
        return len(self.document["accessors"]) - 1

    def array(self, index: int) -> np.ndarray:
        """The finite rows of an accessor, (count, width); normalised integers become floats.

        Raises:
            MotionFileError: the accessor does not fit its data, or is compressed or sparse.
        """
        try:
            accessor = self.document["accessors"][index]
            if "sparse" in accessor or "bufferView" not in accessor:
                raise ValueError("sparse or compressed data")
            view = self.document["bufferViews"][accessor["bufferView"]]
            if "EXT_meshopt_compression" in view.get("extensions", {}):
                raise ValueError(
                    "compressed by EXT_meshopt_compression; write it plain: npx @gltf-transform/cli copy in.glb out.glb"
                )
            dtype, width = np.dtype(_DTYPES[accessor["componentType"]]), _WIDTHS[accessor["type"]]
            start = view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
            stride = view.get("byteStride", dtype.itemsize * width)
            count = accessor["count"]
            end = start + stride * (count - 1) + dtype.itemsize * width if count else start
            if min(start, count, stride) < 0 or end > len(self.data):
                raise ValueError("it lies outside its buffer")
            rows = np.ndarray((count, width), dtype, bytes(self.data[start:end]), 0, (stride, dtype.itemsize))
            if dtype.kind == "f" and not np.isfinite(rows).all():
                raise ValueError("it holds a number that is not finite")
        except LIBRARY_ERRORS as error:
            raise MotionFileError(f"{self.where}: accessor {index} cannot be read: {reason(error)}") from None
        if accessor.get("normalized") and dtype.kind in "iu":
            largest = 2 ** (8 * dtype.itemsize - (dtype.kind == "i")) - 1
            return np.asarray(np.maximum(rows / largest, -1.0), dtype=np.float32)
        return np.array(rows)

    def save(self, path: str | Path) -> None:
        """Write a .glb (or .vrm), whole or not at all."""
        data = bytes(self.data) + b"\0" * (-len(self.data) % 4)
        self.document["buffers"] = [{"byteLength": len(data)}] if data else []
        text = json.dumps(self.document, separators=(",", ":"), ensure_ascii=False).encode()
        text += b" " * (-len(text) % 4)
        with atomic_path(path) as partial, partial.open("wb") as file:
            file.write(struct.pack("<III", _MAGIC, _VERSION, 12 + 8 + len(text) + 8 + len(data)))
            file.write(struct.pack("<II", len(text), _JSON) + text)
            file.write(struct.pack("<II", len(data), _BIN) + data)

    def parents(self) -> list[int]:
        """The parent of each node, -1 for those without.

        Raises:
            MotionFileError: nodes that are not a tree.
        """
        nodes = self.nodes()
        parents = [-1] * len(nodes)
        for index, node in enumerate(nodes):
            for child in self.node_list(node, "children", f"node {index}"):
                if parents[child] >= 0:
                    raise MotionFileError(f"{self.where}: its nodes are not a tree (node {child})")
                parents[child] = index
        for index in range(len(nodes)):
            above, steps = index, 0
            while above >= 0:
                above, steps = parents[above], steps + 1
                if steps > len(nodes):
                    raise MotionFileError(f"{self.where}: its nodes are not a tree (node {index})")
        return parents

    def nodes(self) -> list[dict[str, Any]]:
        """The nodes.

        Raises:
            MotionFileError: they are no list of objects, or more than `MAX_NODES`.
        """
        nodes = self.document.get("nodes", [])
        if not isinstance(nodes, list) or not all(isinstance(node, dict) for node in nodes):
            raise MotionFileError(f"{self.where}: expected a list of nodes")
        if len(nodes) > MAX_NODES:
            raise MotionFileError(f"{self.where}: {len(nodes)} nodes; at most {MAX_NODES} are read")
        return nodes

    def node_list(self, fields: dict[str, Any], name: str, what: str) -> list[int]:
        """The indices of nodes that an object lists under a name; none where it does not.

        Raises:
            MotionFileError: the entry is not a list of node indices.
        """
        found = fields.get(name) or []
        count = len(self.document.get("nodes", []))
        if not isinstance(found, list):
            raise MotionFileError(f"{self.where}: {what}: expected a list of {name}, got {found!r:.20}")
        for index in found:
            if not isinstance(index, int) or not 0 <= index < count:
                raise MotionFileError(f"{self.where}: {what}: {index!r:.20} of its {name} is no node")
        return found

    def local_matrix(self, node: int) -> Float[np.ndarray, "4 4"]:
        """A node's transform against its parent."""
        fields = self.document["nodes"][node]
        if "matrix" in fields:
            return np.array(fields["matrix"], dtype=np.float64).reshape(4, 4).T
        matrix = np.eye(4)
        x, y, z, w = fields.get("rotation", (0, 0, 0, 1))
        matrix[:3, :3] = quat_to_matrix(np.array([w, x, y, z], dtype=np.float64))
        matrix[:3, :3] *= np.array(fields.get("scale", (1, 1, 1)), dtype=np.float64)
        matrix[:3, 3] = fields.get("translation", (0, 0, 0))
        return matrix

    def use_trs(self, node: int) -> None:
        """Replace a node's matrix by translation, rotation and scale, which animated nodes need."""
        fields = self.document["nodes"][node]
        if "matrix" in fields:
            matrix = self.local_matrix(node)
            del fields["matrix"]
            scale = np.linalg.norm(matrix[:3, :3], axis=0)
            w, x, y, z = matrix_to_quat(matrix[:3, :3] / scale).tolist()
            fields |= {
                "translation": matrix[:3, 3].tolist(),
                "rotation": [x, y, z, w],
                "scale": scale.tolist(),
            }


def _chunks(content: bytes) -> tuple[bytes, bytes]:
    """The JSON and the binary chunk of a .glb."""
    length, kind = struct.unpack_from("<II", content, 12)
    if kind != _JSON:
        raise ValueError("its first chunk is not JSON")
    text, rest = content[20 : 20 + length], content[20 + length :]
    if len(rest) < 8:
        return text, b""
    length, kind = struct.unpack_from("<II", rest)
    return text, rest[8 : 8 + length] if kind == _BIN else b""


def _resource(folder: Path, uri: str) -> bytes:
    """A data URI, or a file in the folder of the .gltf or below it."""
    if uri.startswith("data:"):
        return base64.b64decode(uri.partition(",")[2])
    path = (folder / unquote(uri)).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise ValueError(f"{uri} lies outside the file's folder")
    return read_bytes(path, MotionFileError, max_bytes=MAX_ARRAY_BYTES)
