"""The tensors of a safetensors file, mapped into memory and converted to single precision when they are first used."""

import json
import mmap
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from bimotion.errors import ModelError
from bimotion.storage.json_files import parse_json
from bimotion.storage.model_folder import MAX_TENSOR_HEADER_BYTES, SCALE

DTYPES = {"F32": np.float32, "F16": np.float16, "I8": np.int8}
"""Types of elements that are read, by their names in the files."""


class StoredTensors(Mapping[str, np.ndarray]):
    """Tensors by name, in single precision; matrices in 8 bits are multiplied by the scales of their rows."""

    def __init__(self, stored: Mapping[str, np.ndarray]) -> None:
        self.stored = stored
        self._single: dict[str, np.ndarray] = {}

    @classmethod
    def of_file(cls, path: Path) -> "StoredTensors":
        """The tensors of a file, each read when it is first used.

        Raises:
            ModelError: the file is missing or damaged.
        """
        return cls(map_tensors(path))

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._single:
            value = self.stored[name]
            single = value.astype(np.float32)
            if value.dtype == np.int8:
                single *= self.stored[name + SCALE][:, None]
            self._single[name] = single
        return self._single[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.stored)

    def __len__(self) -> int:
        return len(self.stored)

    def rows(self, name: str, ids: np.ndarray) -> np.ndarray:
        """Rows of a matrix in single precision; the others are not converted."""
        rows = self.stored[name][ids].astype(np.float32)
        if self.stored[name].dtype == np.int8:
            rows *= self.stored[name + SCALE][ids][..., None]
        return np.asarray(rows)


def map_tensors(path: Path) -> dict[str, np.ndarray]:
    """The tensors of a safetensors file as they are stored, read-only views of the mapped file.

    Raises:
        ModelError: the file is missing or damaged, or holds other types than `DTYPES`.
    """
    try:
        with path.open("rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:
        raise ModelError(f"{path}: cannot be read ({error})") from None
    length = int.from_bytes(mapped[:8], "little")
    if not 2 <= length <= min(len(mapped) - 8, MAX_TENSOR_HEADER_BYTES):
        raise ModelError(f"{path}: cannot be read as safetensors: its header declares {length:,} bytes")
    header = parse_json(mapped[8 : 8 + length], path, ModelError)
    if not isinstance(header, dict):
        raise ModelError(f"{path}: cannot be read as safetensors: its header is no object")
    header.pop("__metadata__", None)
    body = memoryview(mapped)[8 + length :]
    return {name: _view(body, entry, f"{path}: the tensor {name}") for name, entry in header.items()}


def _view(body: memoryview, entry: object, where: str) -> np.ndarray:
    try:
        assert isinstance(entry, dict)
        dtype = np.dtype(DTYPES[entry["dtype"]]).newbyteorder("<")
        shape = tuple(int(size) for size in entry["shape"])
        begin, end = (int(offset) for offset in entry["data_offsets"])
        if min((*shape, begin), default=0) < 0:
            raise ValueError("negative sizes")
        values: np.ndarray = np.frombuffer(body[begin:end], dtype=dtype).reshape(shape)
    except (AssertionError, KeyError, TypeError, ValueError) as error:
        described = json.dumps(entry, default=str)[:200]
        raise ModelError(f"{where}: its description {described} does not fit the file ({error})") from None
    return values
