"""The server's side of the worker processes (`worker`): started when needed and replaced when they die."""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

import msgspec

from bimotion.motion.clip import Clip
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
from bimotion.server.metrics import Metrics
from bimotion.server.settings import Limits


class Workers:
    """Processes that read uploads and write files, each task held to a time and a memory limit."""

    def __init__(self, limits: Limits, metrics: Metrics) -> None:
        self._limits, self._metrics = limits, metrics
        self._free = asyncio.Semaphore(limits.max_workers)
        self._idle: list[asyncio.subprocess.Process] = []
        self._folder = Path(tempfile.mkdtemp(prefix="bimotion-"))  # of mode 0700

    async def start(self) -> None:
        """Start a first process, so that the first upload does not wait for it."""
        self._idle.append(await self._spawn())

    async def close(self) -> None:
        """End all processes and remove their files."""
        for process in self._idle:
            await end_worker(process)
        self._idle.clear()
        shutil.rmtree(self._folder, ignore_errors=True)

    async def read(self, name: str, data: bytes) -> tuple[Clip, list[str]]:
        """The motion in an upload, and warnings about its reading.

        Raises:
            ApiError: the file cannot be used, or takes too much time or memory.
        """
        answer = await self._perform(ReadFile(name, data, self._limits.max_frames))
        assert isinstance(answer, ReadResult)
        return answer.clip.clip(), answer.warnings

    async def write(self, clip: Clip, format: str, options: dict[str, str | float | bool | None]) -> bytes:
        """A file of a clip; `options` are arguments of `save_clip`.

        Raises:
            ApiError: an option that the format does not support, or writing takes too long.
        """
        return await self._file(WriteFile(PackedClip.of(clip), format, options))

    async def retarget(self, clips: list[Clip], name: str, character: bytes) -> bytes:
        """A character with the clips retargeted to it.

        Raises:
            ApiError: the character cannot be used, or takes too much time or memory.
        """
        return await self._file(RetargetFile([PackedClip.of(clip) for clip in clips], name, character))

    async def _file(self, task: Task) -> bytes:
        answer = await self._perform(task)
        assert isinstance(answer, FileResult)
        return answer.data

    async def _perform(self, task: Task) -> Answer:
        async with self._free:
            process = self._idle.pop() if self._idle else await self._spawn()
            try:
                answer = await asyncio.wait_for(_exchange(process, task), self._limits.worker_seconds)
            except (asyncio.IncompleteReadError, ConnectionError, TimeoutError) as error:
                self._metrics.workers_lost.inc()
                await end_worker(process)
                reason = "time" if isinstance(error, TimeoutError) else "memory"
                raise ApiError(
                    "invalid_motion_file", f"the file needs more {reason} than a request may take"
                ) from None
            except BaseException:
                await end_worker(process)
                raise
            self._idle.append(process)
        if isinstance(answer, Refusal):
            raise ApiError(answer.code, answer.detail, field=answer.field)
        return answer

    async def _spawn(self) -> asyncio.subprocess.Process:
        # Workers parse untrusted files and need no secret.
        inherited = {name: value for name, value in os.environ.items() if name != "BIMOTION_TOKEN"}
        environment = {**inherited, "TMPDIR": str(self._folder), "OMP_NUM_THREADS": "1"}
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bimotion.server.worker", str(self._limits.worker_bytes)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )


async def end_worker(process: asyncio.subprocess.Process) -> None:
    """End a worker with all processes that it started, such as the one that parses FBX."""
    if process.returncode is not None:
        return
    if os.name == "posix":
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    await process.wait()


async def _exchange(process: asyncio.subprocess.Process, task: Task) -> Answer:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(pack(task))
    await process.stdin.drain()
    (length,) = HEADER.unpack(await process.stdout.readexactly(HEADER.size))
    answer: Answer = msgspec.msgpack.decode(await process.stdout.readexactly(length), type=Answer)
    return answer
