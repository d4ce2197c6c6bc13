"""The container of glTF: files beside it, matrices, trees and arrays that do not fit."""

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bimotion.errors import MotionFileError
from bimotion.motion.formats.gltf_file import GltfFile

ASSET = {"asset": {"version": "2.0"}}


def loaded(folder: Path, document: dict[str, Any]) -> GltfFile:
    (folder / "file.gltf").write_text(json.dumps(ASSET | document))
    return GltfFile.load(folder / "file.gltf")


def test_buffers_and_images_beside_the_file_are_joined(tmp_path: Path) -> None:
    values = np.arange(6, dtype=np.float32)
    (tmp_path / "a buffer.bin").write_bytes(values.tobytes())
    (tmp_path / "image.png").write_bytes(b"\x89PNG....")
    inline = base64.b64encode(values[::-1].tobytes()).decode()
    file = loaded(
        tmp_path,
        {
            "buffers": [
                {"uri": "a%20buffer.bin", "byteLength": 24},
                {"uri": f"data:application/octet-stream;base64,{inline}", "byteLength": 24},
            ],
            "bufferViews": [{"buffer": 0, "byteLength": 24}, {"buffer": 1, "byteLength": 24}],
            "accessors": [
                {"bufferView": view, "componentType": 5126, "count": 2, "type": "VEC3"} for view in (0, 1)
            ],
            "images": [{"uri": "image.png"}],
        },
    )
    np.testing.assert_array_equal(file.array(0), values.reshape(2, 3))
    np.testing.assert_array_equal(file.array(1), values[::-1].reshape(2, 3))
    (image,) = file.document["images"]
    assert image["mimeType"] == "image/png"
    assert "uri" not in image


def test_files_outside_the_folder_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "secret.bin").write_bytes(bytes(4))
    with pytest.raises(MotionFileError, match="lies outside"):
        loaded(tmp_path / "inner", {"buffers": [{"uri": "../secret.bin", "byteLength": 4}]})


def test_a_matrix_becomes_translation_rotation_and_scale() -> None:
    turn = np.array([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]])  # 90 degrees about Y
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = turn * [2, 3, 4], [5, 6, 7]
    file = GltfFile(ASSET | {"nodes": [{"matrix": matrix.T.reshape(-1).tolist()}]})
    np.testing.assert_allclose(file.local_matrix(0), matrix)
    file.use_trs(0)
    (node,) = file.document["nodes"]
    assert "matrix" not in node
    np.testing.assert_allclose(node["scale"], [2, 3, 4])
    np.testing.assert_allclose(file.local_matrix(0), matrix, atol=1e-12)


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ([{"children": [1]}, {"children": [0]}], "not a tree"),
        ([{"children": [2]}, {"children": [2]}, {}], "not a tree"),
        ([{"children": [7]}], "is no node"),
        ([{"children": "ab"}], "expected a list"),
        ([5], "expected a list of nodes"),
    ],
)
def test_nodes_that_are_no_tree_are_refused(nodes: list[Any], message: str) -> None:
    with pytest.raises(MotionFileError, match=message):
        GltfFile(ASSET | {"nodes": nodes}).parents()


@pytest.mark.parametrize(
    ("accessor", "view", "message"),
    [
        ({"sparse": {}}, {}, "sparse or compressed"),
        ({}, {"extensions": {"EXT_meshopt_compression": {}}}, "meshopt"),
        ({"count": 9}, {}, "outside its buffer"),
        ({"count": -1}, {}, "outside its buffer"),
        ({"type": "VEC9"}, {}, "cannot be read"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(
    accessor: dict[str, Any], view: dict[str, Any], message: str
) -> None:
    whole = {"bufferView": 0, "componentType": 5126, "count": 1, "type": "VEC3"} | accessor
    file = GltfFile(ASSET | {"bufferViews": [{"buffer": 0} | view], "accessors": [whole]}, bytes(12))
    with pytest.raises(MotionFileError, match=message):
        file.array(0)


def test_numbers_that_are_not_finite_are_refused_and_normalised_ones_become_floats() -> None:
    data = np.array([np.nan], np.float32).tobytes() + bytes([0, 255, 51, 0])
    accessors = [
        {"bufferView": 0, "componentType": 5126, "count": 1, "type": "SCALAR"},
        {
            "bufferView": 0,
            "byteOffset": 4,
            "componentType": 5121,
            "count": 3,
            "type": "SCALAR",
            "normalized": True,
        },
    ]
    file = GltfFile(ASSET | {"bufferViews": [{"buffer": 0}], "accessors": accessors}, data)
    with pytest.raises(MotionFileError, match="not finite"):
        file.array(0)
    np.testing.assert_allclose(file.array(1)[:, 0], [0, 1, 0.2])
