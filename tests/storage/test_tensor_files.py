"""The gate for safetensors files."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from bimotion.errors import ModelError
from bimotion.storage.tensor_files import (
    TensorInfo,
    check_shapes,
    read_tensor_header,
    read_tensor_metadata,
    read_tensors,
)


def write(path: Path, header: Any, data: bytes = b"", length: int | None = None) -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes((len(text) if length is None else length).to_bytes(8, "little") + text + data)
    return path


def entry(**changes: Any) -> dict[str, Any]:
    return {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], **changes}


def test_header_and_tensors_are_what_was_saved(tmp_path: Path) -> None:
    state = {"a": torch.randn(2, 3), "b": torch.arange(4), "c": torch.zeros(0, 2, dtype=torch.bfloat16)}
    save_file(state, tmp_path / "w.safetensors", metadata={"x": "y"})
    assert read_tensor_header(tmp_path / "w.safetensors") == {
        "a": TensorInfo("F32", (2, 3)),
        "b": TensorInfo("I64", (4,)),
        "c": TensorInfo("BF16", (0, 2)),
    }
    assert read_tensor_metadata(tmp_path / "w.safetensors") == {"x": "y"}
    for name, value in read_tensors(tmp_path / "w.safetensors").items():
        torch.testing.assert_close(value, state[name], rtol=0, atol=0)


@pytest.mark.parametrize(
    ("header", "why"),
    [
        (b"[]", "header is no object"),
        (b'{"a', "not JSON"),
        (b"[" * 5000 + b"]" * 5000, "levels deep"),
        ({"a": 3}, "expected an object, got a number"),
        ({"a": entry(dtype="F99")}, "type 'F99'"),
        ({"a": entry(shape=[-2])}, "cannot be"),
        ({"a": entry(shape=[2.5])}, "shape"),
        ({"a": entry(shape=[1] * 9 + [2])}, "cannot be"),
        ({"a": entry(shape=[2**40])}, "does not fit its 8 bytes"),
        ({"a": entry(), "b": entry()}, "overlap"),
        ({"a": entry(data_offsets=[4, 12])}, "gaps"),
        ({"a": entry(shape=[1], data_offsets=[0, 4])}, "4 bytes declared, 8 held"),
        ({"a": entry(), "__metadata__": {"x": 3}}, "metadata"),
    ],
)
def test_lying_headers_are_refused(tmp_path: Path, header: Any, why: str) -> None:
    path = write(tmp_path / "w.safetensors", header, bytes(8))
    with pytest.raises(ModelError, match=f"w.safetensors: .*{why}"):
        read_tensors(path)


@pytest.mark.parametrize("length", [0, 1, 2**62, 10**6])
def test_a_lying_header_length_is_refused(tmp_path: Path, length: int) -> None:
    path = write(tmp_path / "w.safetensors", {"a": entry()}, bytes(8), length)
    with pytest.raises(ModelError, match="its header declares"):
        read_tensor_header(path)


def test_numbers_must_be_finite_where_asked(tmp_path: Path) -> None:
    save_file({"a": torch.tensor([1.0, torch.nan])}, tmp_path / "w.safetensors")
    with pytest.raises(ModelError, match="tensor a holds a number that is not finite"):
        read_tensors(tmp_path / "w.safetensors")
    assert read_tensors(tmp_path / "w.safetensors", finite=False)["a"][1].isnan()


def test_what_does_not_fit_is_named() -> None:
    with pytest.raises(
        ModelError, match=r"x: .*b is missing; c is unknown; a has shape \(2, 3\), not \(3, 2\)"
    ):
        check_shapes({"a": (3, 2), "b": (1,)}, {"a": (2, 3), "c": ()}, "x", ModelError)
