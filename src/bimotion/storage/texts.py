"""The gate for text files: size, encoding and NUL characters are checked before anything is parsed."""

import codecs
from pathlib import Path

from bimotion.errors import DataError
from bimotion.storage.files import ErrorKind, fail, read_bytes

MAX_TEXT_BYTES = 2**30
"""Largest text file that is read: an hour of whole-body BVH at 120 frames per second takes two thirds of it."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark its own begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def read_text(
    path: Path,
    error: ErrorKind = DataError,
    *,
    legacy: bool = False,
    max_bytes: int = MAX_TEXT_BYTES,
) -> str:
    """The file as text, without its byte-order mark.

    UTF-8, or UTF-16 or UTF-32 with a byte-order mark. With `legacy`, bytes that are not UTF-8 are read as
    Windows-1252 (which agrees with Latin-1 on all printable characters), as older tools write.

    Raises:
        BimotionError: of the kind `error`: the file is missing, too large, in another encoding, or holds NUL
            characters, as binary files do.
    """
    return decode_text(read_bytes(path, error, max_bytes=max_bytes), path, error, legacy=legacy)


def decode_text(data: bytes, where: Path | str, error: ErrorKind = DataError, *, legacy: bool = False) -> str:
    """Bytes as text, by the rules of `read_text`.

    Raises:
        BimotionError: of the kind `error`: another encoding, or NUL characters.
    """
    mark, encoding = next((pair for pair in _MARKS if data.startswith(pair[0])), (b"", "utf-8"))
    try:
        text = data[len(mark) :].decode(encoding)
    except UnicodeDecodeError as fault:
        if mark or not legacy or b"\0" in data:
            fail(where, f"not text in {encoding.upper()} (byte {len(mark) + fault.start})", error)
        try:
            text = data.decode("cp1252")
        except UnicodeDecodeError as other:
            fail(where, f"text in neither UTF-8 nor Windows-1252 (byte {other.start})", error)
    if "\0" in text:
        fail(where, "holds NUL characters: a binary file, or UTF-16 without a byte-order mark", error)
    return text


def text_lines(text: str) -> list[str]:
    """The lines of a text, split at line feeds and carriage returns only.

    `str.splitlines` also splits at form feeds and at Unicode's separators, which may occur in captions.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return lines[:-1] if lines[-1] == "" else lines
