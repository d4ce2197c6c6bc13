"""Text of motion files."""

from pathlib import Path

from bimotion.errors import MotionFileError

MAX_BYTES = 2**30
"""A bigger file is refused: an hour of whole-body motion at 120 frames per second takes two thirds of it."""


def read_text(path: Path) -> str:
    """The file as text; bytes that are not UTF-8 are read as Latin-1.

    Raises:
        MotionFileError: the file is missing, empty, unreadable or larger than `MAX_BYTES`.
    """
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise MotionFileError(f"{path}: {size / 2**20:.0f} MiB; at most {MAX_BYTES >> 20} are read")
        raw = path.read_bytes()
    except OSError as error:
        raise MotionFileError(f"{path}: cannot be read: {error.strerror or error}") from None
    if not raw.strip():
        raise MotionFileError(f"{path}: the file is empty")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("latin-1")
