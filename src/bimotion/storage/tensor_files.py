"""The gate for safetensors files: the header is first checked against the file and the expected tensors.

A header that declares other sizes than the file has, or other tensors than a network, is refused before memory is
allocated or a network is built.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from bimotion.errors import ModelError
from bimotion.storage.files import LIBRARY_ERRORS, ErrorKind, fail, file_size, mebibytes, open_file, reason
from bimotion.storage.json_files import parse_json
from bimotion.storage.model_folder import MAX_TENSOR_HEADER_BYTES
from bimotion.storage.records import record_from_json

MAX_AXES = 8
"""Most axes of a tensor."""

DTYPES: Mapping[str, torch.dtype] = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
"""Types of elements that are read, by their names in the files."""


@dataclass(frozen=True)
class TensorInfo:
    """Type and shape of a tensor, from the header."""

    dtype: str
    """Type of its elements, one of `DTYPES`."""
    shape: tuple[int, ...]
    """Length of each axis."""

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class _Entry:
    """A tensor's entry in the header."""

    dtype: str
    shape: tuple[int, ...]
    data_offsets: tuple[int, int]


def read_tensor_header(path: Path, error: ErrorKind = ModelError) -> dict[str, TensorInfo]:
    """The tensors in a safetensors file, by name; their data are not read.

    Raises:
        BimotionError: of the kind `error`: missing, no such file, or a header that does not fit the file.
    """
    return _parse_header(path, error)[0]


def read_tensor_metadata(path: Path, error: ErrorKind = ModelError) -> dict[str, str]:
    """The metadata strings of a safetensors file.

    Raises:
        BimotionError: of the kind `error`: as `read_tensor_header`.
    """
    return _parse_header(path, error)[1]


def read_tensors(
    path: Path,
    error: ErrorKind = ModelError,
    *,
    device: torch.device | str = "cpu",
    finite: bool = True,
) -> dict[str, Tensor]:
    """The tensors of a safetensors file.

    Raises:
        BimotionError: of the kind `error`: as `read_tensor_header`, or, with `finite`, an element is not finite.
    """
    read_tensor_header(path, error)
    try:
        state = load_file(path, device=str(device))
    except (SafetensorError, *LIBRARY_ERRORS) as fault:
        fail(path, f"cannot be read as safetensors: {reason(fault)}", error)
    for name, value in state.items():
        if finite and value.is_floating_point() and not value.isfinite().all():
            fail(path, f"the tensor {name} holds a number that is not finite", error)
    return state


def check_shapes(
    expected: Mapping[str, tuple[int, ...]],
    found: Mapping[str, tuple[int, ...]],
    where: Path | str,
    error: ErrorKind,
) -> None:
    """Raise `error` with the names of what is missing, unknown or of another shape, if anything is."""
    faults = [f"{name} is missing" for name in expected if name not in found]
    faults += [f"{name} is unknown" for name in found if name not in expected]
    faults += [
        f"{name} has shape {found[name]}, not {shape}"
        for name, shape in expected.items()
        if name in found and found[name] != shape
    ]
    if faults:
        more = f" and {len(faults) - 3} more" if len(faults) > 3 else ""
        fail(where, f"the weights do not fit the configuration: {'; '.join(faults[:3])}{more}", error)


def _parse_header(path: Path, error: ErrorKind) -> tuple[dict[str, TensorInfo], dict[str, str]]:
    size = file_size(path, error)
    with open_file(path, error) as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= min(size - 8, MAX_TENSOR_HEADER_BYTES):
            limit = f"at most {mebibytes(MAX_TENSOR_HEADER_BYTES)} and the file's own"
            fail(
                path,
                f"cannot be read as safetensors: its header declares {mebibytes(length)}, {limit}",
                error,
            )
        values = parse_json(file.read(length), path, error)
    if not isinstance(values, dict):
        fail(path, "cannot be read as safetensors: its header is no object", error)
    metadata = values.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(text, str) for text in metadata.values()):
        fail(path, "cannot be read as safetensors: its metadata are not strings", error)
    tensors: dict[str, TensorInfo] = {}
    pieces: list[tuple[int, int]] = []
    for name, entry in values.items():
        info, piece = _tensor_info(name, entry, path, error)
        tensors[name] = info
        pieces.append(piece)
    end = 0
    for begin, stop in sorted(pieces):
        if begin != end:
            fail(path, "cannot be read as safetensors: its tensors overlap or leave gaps", error)
        end = stop
    if end != size - 8 - length:
        fail(
            path, f"cannot be read as safetensors: {end:,} bytes declared, {size - 8 - length:,} held", error
        )
    return tensors, metadata


def _tensor_info(name: str, entry: Any, path: Path, error: ErrorKind) -> tuple[TensorInfo, tuple[int, int]]:
    """One tensor's type and shape, and its first and last byte."""
    found = record_from_json(_Entry, entry, f"{path}: the tensor {name}", error)
    begin, end = found.data_offsets
    if found.dtype not in DTYPES:
        fail(
            path,
            f"the tensor {name} has the type {found.dtype!r}; expected one of {', '.join(DTYPES)}",
            error,
        )
    if len(found.shape) > MAX_AXES or min((*found.shape, begin, end)) < 0:
        fail(path, f"the tensor {name} has the shape {found.shape}, which cannot be", error)
    info = TensorInfo(found.dtype, found.shape)
    if info.size * DTYPES[found.dtype].itemsize != end - begin:
        fail(path, f"the tensor {name} of shape {found.shape} does not fit its {end - begin} bytes", error)
    return info, (begin, end)
