"""The gate for zip files: members are counted and their declared sizes summed before anything is unpacked."""

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bimotion.errors import DataError
from bimotion.storage.files import LIBRARY_ERRORS, ErrorKind, fail, mebibytes, open_file, reason

MAX_DIRECTORY_BYTES = 4 << 20
"""Largest table of contents: some forty thousand members."""

MAX_RATIO = 200
"""Largest compression ratio of an archive that unpacks to more than `FREE_BYTES`."""

FREE_BYTES = 64 << 20
"""Archives that unpack to no more than this may be compressed by any ratio, as arrays of zeros are."""

ZIP_ERRORS = (*LIBRARY_ERRORS, zipfile.BadZipFile, zlib.error, struct.error)
"""What `zipfile` raises for malformed archives."""

_END = struct.Struct("<4s4H2LH")


@dataclass(frozen=True)
class Archive:
    """An open zip file that passed the gate."""

    path: Path
    """The file."""
    error: ErrorKind
    """The exception for what is wrong in it."""
    members: dict[str, zipfile.ZipInfo]
    """Its members by name."""
    _zip: zipfile.ZipFile

    def read(self, name: str) -> bytes:
        """The bytes of a member.

        Raises:
            BimotionError: of the archive's kind: there is none of this name, or it is damaged.
        """
        member = self.members.get(name)
        if member is None:
            fail(self.path, f"{name} is not in it", self.error)
        try:
            data = self._zip.read(member)
        except ZIP_ERRORS as fault:
            fail(self.path, f"{name} is damaged: {reason(fault)}", self.error)
        if len(data) != member.file_size:
            fail(self.path, f"{name} is damaged: {len(data)} of {member.file_size} bytes", self.error)
        return data


@contextmanager
def open_archive(
    path: Path,
    error: ErrorKind = DataError,
    *,
    max_bytes: int,
    max_members: int,
    stored_only: bool = False,
) -> Iterator[Archive]:
    """A zip file whose members may be read: together at most `max_bytes` when unpacked.

    With `stored_only` compressed members are refused, as `torch.save` writes none.

    Raises:
        BimotionError: of the kind `error`: missing, no zip file, damaged, encrypted, a member twice, too many
            members, or too large when unpacked.
    """
    with open_file(path, error) as file:
        _check_directory(file, path, error)
        try:
            archive = zipfile.ZipFile(file)
        except ZIP_ERRORS as fault:
            fail(path, f"not a complete zip file: {reason(fault)}", error)
        with archive:
            members = archive.infolist()
            if len(members) > max_members:
                fail(path, f"{len(members)} members; at most {max_members} are expected", error)
            _check_members(members, path, error, max_bytes=max_bytes, stored_only=stored_only)
            yield Archive(path, error, {member.filename: member for member in members}, archive)


def _check_directory(file: io.BufferedReader, path: Path, error: ErrorKind) -> None:
    """Refuse a table of contents that would take much more memory than its bytes."""
    try:
        size = file.seek(0, 2)
        file.seek(max(0, size - _END.size - 65535))
        tail = file.read()
        file.seek(0)
    except OSError as fault:
        fail(path, reason(fault), error)
    position = tail.rfind(b"PK\5\6")
    if position < 0 or len(tail) - position < _END.size:
        fail(path, "not a complete zip file: its table of contents is missing", error)
    directory = _END.unpack_from(tail, position)[5]
    if directory > MAX_DIRECTORY_BYTES:
        fail(path, f"a table of contents of {mebibytes(directory)} is more than is read", error)


def _check_members(
    members: list[zipfile.ZipInfo], path: Path, error: ErrorKind, *, max_bytes: int, stored_only: bool
) -> None:
    names: set[str] = set()
    unpacked, packed = 0, 0
    for member in members:
        name = member.filename
        if name in names:
            fail(path, f"holds {name!r} twice", error)
        names.add(name)
        if member.flag_bits & 1:
            fail(path, f"{name!r} is encrypted", error)
        if stored_only and member.compress_type != zipfile.ZIP_STORED:
            fail(path, f"{name!r} is compressed, expected plain storage", error)
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            fail(path, f"{name!r} is compressed by a method other than deflate", error)
        unpacked += member.file_size
        packed += member.compress_size
    if unpacked > max_bytes:
        fail(path, f"unpacks to {mebibytes(unpacked)}; at most {mebibytes(max_bytes)} are read", error)
    if unpacked > FREE_BYTES and unpacked > MAX_RATIO * packed:
        fail(path, f"{mebibytes(packed)} unpack to {mebibytes(unpacked)}, which no recording does", error)
