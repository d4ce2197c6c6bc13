"""The gate for NumPy files (.npy, .npz): the header is checked against the file before memory is allocated.

Arrays of Python objects are never read.
"""

import io
import math
import mmap
import tokenize
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from bimotion.errors import DataError
from bimotion.storage.archives import Archive, open_archive
from bimotion.storage.files import (
    LIBRARY_ERRORS,
    ErrorKind,
    fail,
    file_size,
    mebibytes,
    open_file,
    read_bytes,
    reason,
)

MAX_ARRAY_BYTES = 2**30
"""Most bytes of an array, or of all arrays of an archive, that are read into memory."""

MAX_MEMBERS = 256
"""Most arrays in an archive."""

NUMBER_KINDS = "fiu"
"""Kinds of numeric numpy types: floating point, signed and unsigned integers."""


@dataclass(frozen=True)
class ArrayHeader:
    """What the header of an .npy file declares."""

    shape: tuple[int, ...]
    """Length of each axis."""
    fortran_order: bool
    """Whether the first axis is the fastest."""
    dtype: np.dtype[Any]
    """Type of the elements."""
    offset: int
    """Bytes before the first element."""

    @property
    def num_bytes(self) -> int:
        """Size of all elements in bytes."""
        return math.prod(self.shape) * self.dtype.itemsize


def read_array(
    path: Path,
    error: ErrorKind = DataError,
    *,
    kinds: str = NUMBER_KINDS,
    max_bytes: int = MAX_ARRAY_BYTES,
) -> np.ndarray:
    """The finite array of an .npy file, read-only.

    Raises:
        BimotionError: of the kind `error`: missing, no such file, damaged, of another kind than `kinds`, larger
            than `max_bytes`, or with an element that is not finite.
    """
    data = read_bytes(path, error, max_bytes=max_bytes + 65536)
    return _parse(data, path, error, kinds, max_bytes)


def read_array_header(path: Path, error: ErrorKind = DataError) -> ArrayHeader:
    """Shape and type of an .npy file, whose elements are not read.

    Raises:
        BimotionError: of the kind `error`: missing, no such file, or a header that does not fit the file.
    """
    size = file_size(path, error)
    with open_file(path, error) as file:
        header = _header(file, path, error)
    _check_size(header, size, path, error)
    return header


def map_array(
    path: Path, error: ErrorKind = DataError, *, dtype: Any, columns: int | tuple[int, ...]
) -> np.ndarray:
    """A view (rows, *columns) of an .npy file on disk, read-only; whether its elements are finite is not checked.

    Raises:
        BimotionError: of the kind `error`: missing, no such file, damaged, or of another type or shape.
    """
    size = file_size(path, error)
    with open_file(path, error) as file:
        header = _header(file, path, error)
        if header.dtype != np.dtype(dtype) or header.fortran_order:
            fail(path, f"expected elements of {np.dtype(dtype)} row by row, got {header.dtype}", error)
        row = (columns,) if isinstance(columns, int) else columns
        if not header.shape or header.shape[1:] != row:
            expected = ", ".join(map(str, row))
            fail(path, f"expected an array of shape (rows, {expected}), got {header.shape}", error)
        _check_size(header, size, path, error)
        if not header.num_bytes:
            return np.empty(header.shape, header.dtype)
        try:
            memory = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as fault:
            fail(path, reason(fault), error)
    return np.ndarray(header.shape, header.dtype, memory, header.offset)


@dataclass(frozen=True)
class ArrayArchive:
    """An open .npz file that passed the gate."""

    archive: Archive
    """The zip file."""
    names: tuple[str, ...]
    """Names of the arrays."""

    def read(self, name: str, *, kinds: str = NUMBER_KINDS) -> np.ndarray:
        """One array, finite and read-only.

        Raises:
            BimotionError: of the archive's kind: there is none of this name, it is damaged or of another kind
                than `kinds`, or an element is not finite.
        """
        path, error = self.archive.path, self.archive.error
        if name not in self.names:
            fail(path, f"expected an array {name!r}, got {', '.join(self.names) or 'none'}", error)
        data = self.archive.read(f"{name}.npy")
        return _parse(data, f"{path}: {name}", error, kinds, MAX_ARRAY_BYTES)

    def read_text(self, name: str) -> str:
        """The string that an array without axes holds.

        Raises:
            BimotionError: of the archive's kind: there is none, or it holds something else.
        """
        array = self.read(name, kinds="U")
        if array.ndim:
            fail(
                f"{self.archive.path}: {name}",
                f"expected one string, got shape {array.shape}",
                self.archive.error,
            )
        return str(array)


@contextmanager
def open_arrays(
    path: Path, error: ErrorKind = DataError, *, max_bytes: int = MAX_ARRAY_BYTES
) -> Iterator[ArrayArchive]:
    """The arrays of an .npz file, read one by one.

    Raises:
        BimotionError: of the kind `error`: missing, no such file, damaged, or too large when unpacked.
    """
    with open_archive(path, error, max_bytes=max_bytes, max_members=MAX_MEMBERS) as archive:
        names = tuple(name.removesuffix(".npy") for name in archive.members if name.endswith(".npy"))
        yield ArrayArchive(archive, names)


def read_arrays(
    path: Path,
    error: ErrorKind = DataError,
    *,
    kinds: str = NUMBER_KINDS,
    names: Collection[str] | None = None,
) -> dict[str, np.ndarray]:
    """The arrays of an .npz file that are of one of `kinds`, those in `names` only if given.

    Raises:
        BimotionError: of the kind `error`: as `open_arrays`, or an array is damaged or not finite.
    """
    with open_arrays(path, error) as archive:
        found = {}
        for name in archive.names:
            if names is None or name in names:
                data, where = archive.archive.read(f"{name}.npy"), f"{path}: {name}"
                if _header(io.BytesIO(data), where, error).dtype.kind in kinds:
                    found[name] = _parse(data, where, error, kinds, MAX_ARRAY_BYTES)
        return found


def _parse(data: bytes, where: Path | str, error: ErrorKind, kinds: str, max_bytes: int) -> np.ndarray:
    header = _header(io.BytesIO(data), where, error)
    if header.dtype.kind not in kinds:
        what = (
            "Python objects, which are never read"
            if header.dtype.hasobject
            else f"elements of {header.dtype}"
        )
        fail(where, f"holds {what}; expected {_named(kinds)}", error)
    _check_size(header, len(data), where, error)
    if header.num_bytes > max_bytes:
        fail(
            where, f"an array of {mebibytes(header.num_bytes)}; up to {mebibytes(max_bytes)} are read", error
        )
    order: Literal["F", "C"] = "F" if header.fortran_order else "C"
    count = math.prod(header.shape)
    try:
        flat = np.frombuffer(data, header.dtype, count, header.offset) if count else np.empty(0, header.dtype)
        array: np.ndarray = flat.reshape(header.shape, order=order)
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            fail(where, "holds a number that is not finite", error)
        if array.dtype.kind == "U":
            array.tolist()  # code points beyond Unicode raise here, not in the caller
    except LIBRARY_ERRORS as fault:
        fail(where, f"not a readable array: {reason(fault)}", error)
    return array


def _named(kinds: str) -> str:
    names = {"f": "numbers", "i": "integers", "U": "text", "b": "true or false"}
    return " or ".join(dict.fromkeys(names[kind] for kind in kinds if kind in names)) or "numbers"


def _header(file: io.BufferedIOBase, where: Path | str, error: ErrorKind) -> ArrayHeader:
    form = np.lib.format
    try:
        version = form.read_magic(file)
        if version not in ((1, 0), (2, 0), (3, 0)):
            raise ValueError(f"format version {version} is not known")
        read = form.read_array_header_1_0 if version == (1, 0) else form.read_array_header_2_0
        shape, fortran_order, dtype = read(file)
        offset = file.tell()
    except tokenize.TokenError:
        fail(where, "not a readable .npy array: its header is cut off or damaged", error)
    except LIBRARY_ERRORS as fault:
        fail(where, f"not a readable .npy array: {reason(fault)}", error)
    if any(type(length) is not int or length < 0 for length in shape):
        fail(where, f"not a readable .npy array: the shape {shape} cannot be", error)
    return ArrayHeader(shape, fortran_order, dtype, offset)


def _check_size(header: ArrayHeader, size: int, where: Path | str, error: ErrorKind) -> None:
    held = size - header.offset
    if header.num_bytes != held:
        fail(
            where,
            f"damaged: its header declares {header.num_bytes:,} bytes of {header.dtype} {header.shape}, "
            f"the file holds {held:,}",
            error,
        )
