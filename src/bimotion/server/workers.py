"""The server's side of the worker processes (`worker`): started when needed and replaced when they die."""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import tempfile
from dataclasses import dataclass
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
        self._idle: list[_Worker] = []
        self._folder = Path(tempfile.mkdtemp(prefix="bimotion-"))  # of mode 0700

    async def start(self) -> None:
        """Start a first process, so that the first upload does not wait for it."""
        self._idle.append(await self._spawn())

    async def close(self) -> None:
        """End all processes and remove their files."""
        for worker in self._idle:
            await worker.end()
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
            worker = self._idle.pop() if self._idle else await self._spawn()
            try:
                answer = await asyncio.wait_for(_exchange(worker.process, task), self._limits.worker_seconds)
            except (asyncio.IncompleteReadError, ConnectionError, TimeoutError) as error:
                self._metrics.workers_lost.inc()
                await worker.end()
                raise self._lost(task, timed_out=isinstance(error, TimeoutError)) from None
            except BaseException:
                await worker.end()
                raise
            self._idle.append(worker)
        if isinstance(answer, Refusal):
            raise ApiError(answer.code, answer.detail, field=answer.field)
        return answer

    def _lost(self, task: Task, *, timed_out: bool) -> ApiError:
        """What a client is told whose task ended a worker."""
        what = "writing the motion" if isinstance(task, WriteFile) else "the file"
        if timed_out:
            detail = f"{what} took longer than {self._limits.worker_seconds:g} s"
        else:
            mebibytes = self._limits.worker_bytes >> 20
            detail = f"{what} ended the process that worked on it, which may take {mebibytes} MiB of memory"
        code = "unsupported" if isinstance(task, WriteFile) else "invalid_motion_file"
        return ApiError(code, detail)

    async def _spawn(self) -> "_Worker":
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        # Who parses strangers' files needs no secret.
        inherited = {name: value for name, value in os.environ.items() if name != "BIMOTION_TOKEN"}
        # One arena: another of 128 MiB for each thread would count against the memory limit.
        own = {"TMPDIR": str(folder), "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bimotion.server.worker", str(self._limits.worker_bytes), str(folder)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=inherited | own,
            start_new_session=True,
        )
        return _Worker(process, folder)


@dataclass(frozen=True, eq=False)
class _Worker:
    """A worker process with a temporary folder of its own."""

    process: asyncio.subprocess.Process
    folder: Path

    async def end(self) -> None:
        """End the process, and remove what it left behind."""
        await end_worker(self.process)
        shutil.rmtree(self.folder, ignore_errors=True)


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
