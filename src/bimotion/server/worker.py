"""A process that reads uploads and writes files, so that a malicious file can end this process only.

It reads tasks from its standard input and answers on its standard output until the input ends. The server ends it when
a task takes too long; the system limits its memory.
"""

import io
import logging
import os
import sys
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

import msgspec

import bimotion.api
import bimotion.features.files
import bimotion.motion.formats.bvh
import bimotion.motion.retarget.to_clip
from bimotion.errors import BimotionError, MotionFileError
from bimotion.server.errors import ApiError
from bimotion.server.messages import (
    HEADER,
    Answer,
    FileResult,
    PackedClip,
    ReadFile,
    ReadResult,
    Refusal,
    RetargetFile,
    Task,
    WriteFile,
    pack,
)

MAX_FILE_BYTES = 512 << 20
"""Largest file that a worker writes."""


def main() -> None:
    """Work until the standard input ends; the argument is the memory in bytes on top of what is in use now."""
    output = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    sys.stdout = sys.stderr
    limit_memory(int(sys.argv[1]))
    while (task := _receive(sys.stdin.buffer)) is not None:
        output.write(pack(perform(task)))
        output.flush()


def limit_memory(extra_bytes: int) -> None:
    """Refuse this process more memory than it has now and `extra_bytes`, where the system can."""
    try:
        import resource
    except ImportError:  # Windows: the time limit alone holds
        return
    with suppress(OSError, ValueError):
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
        limit = pages * os.sysconf("SC_PAGE_SIZE") + extra_bytes
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MAX_FILE_BYTES, MAX_FILE_BYTES))


def perform(task: Task) -> Answer:
    """The answer to a task; an input that cannot be used is a refusal."""
    try:
        with TemporaryDirectory() as folder:
            if isinstance(task, ReadFile):
                return _read(task, Path(folder))
            if isinstance(task, WriteFile):
                return _write(task)
            return _retarget(task, Path(folder))
    except ApiError as error:
        return Refusal(error.code, error.detail, error.field)
    except BimotionError as error:
        refusal = ApiError.of(error)
        return Refusal(refusal.code, refusal.detail, refusal.field)
    except MemoryError:
        return Refusal("invalid_motion_file", "the file needs more memory than an upload may take", None)


def _receive(stream: BinaryIO) -> Task | None:
    header = stream.read(HEADER.size)
    if len(header) < HEADER.size:
        return None
    body = stream.read(HEADER.unpack(header)[0])
    task: Task = msgspec.msgpack.decode(body, type=Task)
    return task


def _read(task: ReadFile, folder: Path) -> Answer:
    notes = _Notes()
    logger = logging.getLogger("bimotion")
    logger.addHandler(notes)
    path = _put(folder, task.name, task.data)
    try:
        clip = bimotion.api.read_clip(path)
    except BimotionError as error:
        raise type(error)(_named(str(error), path, task.name)) from None
    finally:
        logger.removeHandler(notes)
    if len(clip) > task.max_frames:
        raise MotionFileError(f"{task.name}: expected at most {task.max_frames} frames, got {len(clip)}")
    packed = msgspec.structs.replace(PackedClip.of(clip), name=Path(task.name).stem)
    return ReadResult(packed, [_named(note, path, task.name) for note in notes.messages])


def _write(task: WriteFile) -> Answer:
    buffer = io.BytesIO()
    options: dict[str, Any] = dict(task.options)
    bimotion.api.save_clip(task.clip.clip(), buffer, format=task.format, **options)
    return FileResult(buffer.getvalue())


def _retarget(task: RetargetFile, folder: Path) -> Answer:
    character = _put(folder, task.name, task.data)
    out = folder / f"out{character.suffix}"
    try:
        bimotion.api.retarget([clip.clip() for clip in task.clips], character, out)
    except BimotionError as error:
        raise type(error)(_named(str(error), character, task.name)) from None
    return FileResult(out.read_bytes())


def _put(folder: Path, name: str, data: bytes) -> Path:
    """The upload as a file with a fixed name and the client's suffix."""
    suffix = Path(name).suffix.lower()
    path = folder / f"upload{suffix if suffix.isascii() and suffix[1:].isalnum() else ''}"
    path.write_bytes(data)
    return path


def _named(message: str, path: Path, name: str) -> str:
    return message.replace(str(path), name).replace(str(path.parent), "").replace(path.name, name)


class _Notes(logging.Handler):
    """Warnings of readers."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if len(self.messages) < 10:
            self.messages.append(record.getMessage())


if __name__ == "__main__":
    main()
