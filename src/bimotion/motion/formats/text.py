"""Text of motion files, in any of the usual encodings."""

import codecs
from collections.abc import Sequence
from pathlib import Path

from bimotion.errors import MotionFileError
from bimotion.storage.files import read_bytes
from bimotion.storage.texts import MAX_TEXT_BYTES, decode_text

_JAPANESE = "左右足頭首腕"
"""Characters of joint names by which a text in Shift JIS is recognised."""


def read_text(path: Path) -> str:
    """The file as text with `\\n` at the end of lines: UTF-8, UTF-16, Shift JIS with Japanese names, or Windows-1252.

    Raises:
        MotionFileError: the file is missing, empty, unreadable, not text, or larger than `MAX_TEXT_BYTES`.
    """
    data = read_bytes(path, MotionFileError, max_bytes=MAX_TEXT_BYTES)
    if not data.strip(b" \t\r\n\0"):
        raise MotionFileError(f"{path}: the file is empty")
    text = _shift_jis(data) or decode_text(_with_mark(data), path, MotionFileError, legacy=True)
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _with_mark(data: bytes) -> bytes:
    """The bytes with a byte-order mark before UTF-16 that has none: Western text then has zeros in every other byte."""
    head = data[:200]
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if max(even, odd) <= len(head) / 3 or data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data
    return (codecs.BOM_UTF16_BE if even > odd else codecs.BOM_UTF16_LE) + data


def _shift_jis(data: bytes) -> str | None:
    """The text of a file in Shift JIS, None for others."""
    if data.isascii():
        return None
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    else:
        return None
    try:
        text = data.decode("shift_jis")
    except UnicodeDecodeError:
        return None
    return text if any(character in text for character in _JAPANESE) else None


def several_animations(names: Sequence[str]) -> str:
    """The warning that a file has more animations than the one that is read."""
    listed = ", ".join(printable(name, 60) for name in names[:10])
    return f"{len(names)} animations ({listed}); the first is read, --animation chooses another"


def printable(text: str, length: int = 60) -> str:
    """The start of a text for a message, without characters that control a terminal."""
    return "".join(c if c.isprintable() else "?" for c in text.strip()[:length])
