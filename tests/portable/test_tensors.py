"""Tensors of a mapped safetensors file: 8 bits with scales, and damaged files."""

import json
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from bimotion.errors import ModelError
from bimotion.portable.tensors import StoredTensors, map_tensors
from bimotion.storage.model_folder import SCALE


def test_matrices_in_8_bits_are_multiplied_by_the_scales_of_their_rows(tmp_path: Path) -> None:
    rows = np.array([[1, -2], [3, 4], [127, 0]], np.int8)
    scales = np.array([0.5, 2.0, 0.1], np.float32)
    path = tmp_path / "model.safetensors"
    safetensors.numpy.save_file({"w": rows, f"w{SCALE}": scales, "b": np.ones(2, np.float16)}, path)
    stored = StoredTensors.of_file(path)
    assert set(stored) == {"w", f"w{SCALE}", "b"}
    assert len(stored) == 3
    expected = rows * scales[:, None]
    np.testing.assert_allclose(stored["w"], expected)
    assert stored["w"] is stored["w"]
    np.testing.assert_allclose(stored.rows("w", np.array([2, 0])), expected[[2, 0]])
    assert stored["b"].dtype == np.float32


def written(path: Path, header: object, body: bytes = b"") -> Path:
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + body)
    return path


@pytest.mark.parametrize(
    ("header", "body"),
    [
        ([1, 2], b""),
        ({"a": 5}, b""),
        ({"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}, bytes(4)),
        ({"a": {"dtype": "F32", "shape": [3], "data_offsets": [0, 4]}}, bytes(4)),
        ({"a": {"dtype": "Q7", "shape": [1], "data_offsets": [0, 4]}}, bytes(4)),
        ({"a": {"dtype": "F32", "shape": [1]}}, bytes(4)),
    ],
)
def test_headers_that_do_not_fit_are_refused_with_the_file(
    tmp_path: Path, header: object, body: bytes
) -> None:
    with pytest.raises(ModelError, match=r"odd\.safetensors"):
        map_tensors(written(tmp_path / "odd.safetensors", header, body))


def test_missing_empty_and_lying_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        map_tensors(tmp_path / "missing.safetensors")
    path = tmp_path / "empty.safetensors"
    path.write_bytes(b"")
    with pytest.raises(ModelError, match="cannot be read"):
        map_tensors(path)
    path.write_bytes((1 << 62).to_bytes(8, "little") + b"{}")
    with pytest.raises(ModelError, match="its header declares"):
        map_tensors(path)
