"""A process that reads uploads and writes files, so that a malicious file can end this process only.

It reads tasks from its standard input and answers on its standard output until the input ends, as when the server was
killed; then it removes its temporary folder. The server ends it when a task takes too long; the system limits its
memory.
"""

import io
import logging
import os
import queue
import shutil
import signal
import sys
import threading
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
    """Work until the standard input ends.

    The first argument is the memory in bytes on top of what is in use now, the second this process's own folder.
    """
    output = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    sys.stdout = sys.stderr
    tasks: queue.SimpleQueue[Task] = queue.SimpleQueue()
    limited = threading.Event()
    threading.Thread(target=_listen, args=(limited, tasks, Path(sys.argv[2])), daemon=True).start()
    limit_memory(int(sys.argv[1]))  # the thread's stack is in use already
    limited.set()
    while True:
        answer = pack(perform(tasks.get()))
        with suppress(BrokenPipeError):  # the server has gone: the other thread ends this process
            output.write(answer)
            output.flush()


def _listen(limited: threading.Event, tasks: "queue.SimpleQueue[Task]", folder: Path) -> None:
    """Receive tasks; when the server has gone, end this process and those that it started, in the middle of a task."""
    limited.wait()
    try:
        while (task := _receive(sys.stdin.buffer)) is not None:
            tasks.put(task)
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):  # not empty: another worker is about to leave
            folder.parent.rmdir()
    finally:  # also where a task needs too much memory: the server removes the folder then
        if os.name == "posix" and os.getpgrp() == os.getpid():
            os.killpg(0, signal.SIGKILL)
        os._exit(1)


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
    """The next task; None where the stream ends, also in the middle of one."""
    header = stream.read(HEADER.size)
    if len(header) < HEADER.size:
        return None
    (length,) = HEADER.unpack(header)
    body = stream.read(length)
    if len(body) < length:
        return None
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
