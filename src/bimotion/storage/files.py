"""Reading bytes of a file; all modules of this folder open files with these functions only."""

import io
import os
import stat
from pathlib import Path
from typing import NoReturn

from bimotion.errors import BimotionError, DataError

ErrorKind = type[BimotionError]
"""The exception that a reader raises for its kind of file."""

LIBRARY_ERRORS = (
    *(ValueError, TypeError, KeyError, IndexError, AttributeError, ArithmeticError, EOFError, OSError),
    *(SyntaxError, RuntimeError, MemoryError),  # RecursionError and NotImplementedError are RuntimeErrors
)
"""Exceptions that parsers of Python and numpy raise for malformed input."""


def file_size(path: Path, error: ErrorKind = DataError, *, max_bytes: int | None = None) -> int:
    """Size of a regular file in bytes.

    Raises:
        BimotionError: of the kind `error`: it is missing, no regular file (a pipe would block), or larger than
            `max_bytes`.
    """
    try:
        facts = os.stat(path)
    except (OSError, ValueError) as fault:
        fail(path, f"cannot be read: {reason(fault)}", error)
    if stat.S_ISDIR(facts.st_mode):
        fail(path, "is a folder, expected a file", error)
    if not stat.S_ISREG(facts.st_mode):
        fail(path, "is not a regular file", error)
    if max_bytes is not None and facts.st_size > max_bytes:
        fail(
            path,
            f"the file has {mebibytes(facts.st_size)}; files of up to {mebibytes(max_bytes)} are read",
            error,
        )
    return facts.st_size


def open_file(path: Path, error: ErrorKind = DataError, *, max_bytes: int | None = None) -> io.BufferedReader:
    """A regular file, opened for reading bytes.

    Raises:
        BimotionError: of the kind `error`: as `file_size`, or it may not be read.
    """
    file_size(path, error, max_bytes=max_bytes)
    try:
        return path.open("rb")
    except OSError as fault:
        fail(path, f"cannot be read: {reason(fault)}", error)


def read_bytes(path: Path, error: ErrorKind = DataError, *, max_bytes: int) -> bytes:
    """The whole file.

    Raises:
        BimotionError: of the kind `error`: as `open_file`, or reading fails.
    """
    with open_file(path, error, max_bytes=max_bytes) as file:
        try:
            return file.read()
        except OSError as fault:
            fail(path, f"cannot be read: {reason(fault)}", error)


def reason(fault: BaseException) -> str:
    """The message of a library's exception, in one line."""
    if isinstance(fault, OSError) and fault.strerror:
        return fault.strerror
    if isinstance(fault, KeyError) and fault.args:
        return f"{fault.args[0]!r} is missing"
    lines = str(fault).strip().splitlines()
    return lines[0][:300] if lines else type(fault).__name__


def fail(path: Path | str, why: str, error: ErrorKind) -> NoReturn:
    """Raise `error` with the file's name before the reason."""
    raise error(f"{path}: {why}") from None


def mebibytes(size: int) -> str:
    """A size for messages."""
    return f"{size / 2**20:,.0f} MiB" if size >= 2**20 else f"{size:,} bytes"
