"""Files that are either written in full or not at all."""

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NEW_FILE_MODE = 0o666
"""Mode that a new file is created with; the kernel takes the umask off it."""


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """A path beside `path` to write to; when the block ends without an error the file is flushed and renamed to `path`.

    An exception inside the block removes the partial file and leaves what was at `path` unchanged. The temporary name
    keeps the suffix of `path`, because some writers choose their format by it. A symbolic link at `path` is followed:
    the file that it points to is replaced, the link stays. An existing file keeps its permissions, a new one gets those
    of the umask.

    Raises:
        FileNotFoundError: the folder of `path` does not exist.
        OSError: `path` is a folder or a device, is a loop of links, or may not be written.
    """
    target = Path(os.path.realpath(path, strict=False))
    mode = _mode_of(target)
    partial = target.with_name(f".bimotion-{secrets.token_hex(8)}{target.suffix}")
    flags = os.O_CREAT | os.O_EXCL | os.O_RDWR | getattr(os, "O_NOFOLLOW", 0)
    os.close(os.open(partial, flags, NEW_FILE_MODE if mode is None else mode | stat.S_IRUSR | stat.S_IWUSR))
    created = stat.S_IMODE(partial.stat().st_mode)
    try:
        yield partial
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        # a writer may have replaced the file by one of another mode
        partial.chmod(created if mode is None else mode)
        partial.replace(target)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def _mode_of(target: Path) -> int | None:
    """Permissions of the file that is replaced; None where there is none.

    Raises:
        OSError: something that cannot be replaced by a file is there.
    """
    try:
        status = target.stat()
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, "is a folder", str(target))
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "is not a regular file", str(target))
    if not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, "is write-protected", str(target))
    return stat.S_IMODE(status.st_mode)
