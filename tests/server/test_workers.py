"""Worker processes: they may run out of time or memory, or die, and the server goes on."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest

from bimotion.motion.clip import Clip
from bimotion.server.errors import ApiError
from bimotion.server.metrics import Metrics
from bimotion.server.settings import Limits
from bimotion.server.workers import Workers

Answer = TypeVar("Answer")

PATIENT = Limits(worker_seconds=120)


def with_workers(limits: Limits, work: Callable[[Workers], Awaitable[Answer]]) -> Answer:
    async def run() -> Answer:
        workers = Workers(limits, Metrics())
        await workers.start()
        try:
            return await work(workers)
        finally:
            await workers.close()

    return asyncio.run(run())


def test_a_worker_that_dies_is_replaced(walk: Clip) -> None:
    async def work(workers: Workers) -> int:
        (worker,) = workers._idle
        (worker.folder / "left").write_text("behind")
        os.kill(worker.process.pid, signal.SIGKILL)
        with pytest.raises(ApiError, match="memory"):
            await workers.write(walk, ".npy", {})
        assert not worker.folder.exists()
        return len(await workers.write(walk, ".npy", {}))

    assert with_workers(PATIENT, work) == 128 + walk.joints.nbytes


def test_time_is_limited(walk: Clip) -> None:
    async def work(workers: Workers) -> None:
        with pytest.raises(ApiError, match="took longer than 0.01 s"):
            await workers.write(walk, ".gif", {})

    with_workers(Limits(worker_seconds=0.01), work)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process's memory")
def test_memory_is_limited(walk: Clip) -> None:
    text = b"HIERARCHY\nROOT Hips\n{\nOFFSET 0 0 0\nCHANNELS 6 " + b"Xposition " * 2_000_000

    async def work(workers: Workers) -> None:
        with pytest.raises(ApiError, match="memory"):
            await workers.read("bomb.bvh", text)
        clip, _ = await workers.read("ok.npy", _npy(walk))
        assert len(clip) == len(walk)

    with_workers(replace(PATIENT, worker_bytes=24 << 20), work)


def test_nothing_is_left_on_disk(walk: Clip) -> None:
    async def work(workers: Workers) -> Path:
        folder = workers._folder
        assert folder.stat().st_mode & 0o777 == 0o700
        await workers.read("a.npy", _npy(walk))
        assert [list(own.iterdir()) for own in folder.iterdir()] == [[]]  # a folder for each worker
        return folder

    assert not with_workers(PATIENT, work).exists()


def _npy(clip: Clip) -> bytes:
    import io

    import bimotion

    buffer = io.BytesIO()
    bimotion.save_clip(clip, buffer, format=".npy")
    return buffer.getvalue()
