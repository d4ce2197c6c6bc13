"""File objects in place of paths: their contents go through a temporary file."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, runtime_checkable

from bimotion.errors import ConfigError, MotionFileError

MAX_STREAM_BYTES = 1 << 30
"""Most bytes that are read from a file object."""


@runtime_checkable
class Readable(Protocol):
    """A file object opened for reading bytes."""

    def read(self, size: int = ..., /) -> bytes:
        """At most `size` bytes."""


@runtime_checkable
class Writable(Protocol):
    """A file object opened for writing bytes."""

    def write(self, data: bytes, /) -> int:
        """Write the bytes."""


@contextmanager
def read_stream(stream: object, suffix: str) -> Iterator[Path]:
    """A temporary file with this suffix and the contents of a file object.

    Raises:
        ConfigError: it is not a file object opened for reading bytes.
        MotionFileError: it holds more than `MAX_STREAM_BYTES`.
    """
    read = _method(stream, "read")
    contents = read(MAX_STREAM_BYTES + 1)
    if not isinstance(contents, bytes):
        raise ConfigError("path: expected a file object opened for reading bytes")
    if len(contents) > MAX_STREAM_BYTES:
        raise MotionFileError(f"the file object holds more than {MAX_STREAM_BYTES >> 20} MiB")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"motion{suffix}"
        path.write_bytes(contents)
        yield path


def write_stream(stream: object, suffix: str, write_file: Callable[[Path], None]) -> None:
    """Write to a file object what `write_file` writes to a path with this suffix.

    Raises:
        ConfigError: it is not a file object opened for writing bytes.
    """
    write = _method(stream, "write")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"motion{suffix}"
        write_file(path)
        try:
            write(path.read_bytes())
        except TypeError as error:
            raise ConfigError(f"path: expected a file object opened for writing bytes ({error})") from None


def _method(stream: object, name: str) -> Callable[..., object]:
    method: Callable[..., object] | None = getattr(stream, name, None)
    if not callable(method):
        raise ConfigError(
            f"path: expected a path or a binary file object, got a value of type {type(stream).__name__}"
        )
    return method
