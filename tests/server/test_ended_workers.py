"""What is left of workers that took too long, and of those of a server that was killed."""

import asyncio
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bimotion.server.workers import end_worker

PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
time.sleep(60)
"""

SERVER = """
import asyncio
from bimotion.server.messages import ReadFile, pack
from bimotion.server.metrics import Metrics
from bimotion.server.settings import Limits
from bimotion.server.workers import Workers

async def main():
    workers = Workers(Limits(), Metrics())
    await workers.start()
    (worker,) = workers._idle
    print(worker.process.pid, worker.folder, flush=True)
    text = b"HIERARCHY\\nROOT Hips\\n{\\nOFFSET 0 0 0\\nCHANNELS 6 " + b"Xposition " * 1_900_000
    while True:
        worker.process.stdin.write(pack(ReadFile("slow.bvh", text, 10)))
        await worker.process.stdin.drain()

asyncio.run(main())
"""


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def end_a_parent() -> int:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, stdout=asyncio.subprocess.PIPE, start_new_session=True
    )
    assert process.stdout is not None
    child = int(await process.stdout.readline())
    assert is_running(child)
    await end_worker(process)
    return child


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_processes_that_a_worker_started_end_with_it() -> None:
    child = asyncio.run(end_a_parent())
    deadline = time.monotonic() + 5
    while is_running(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_running(child)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_workers_of_a_killed_server_end_in_the_middle_of_a_task_and_leave_no_files() -> None:
    deadline = time.monotonic() + 120
    with subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            pid, name = server.stdout.readline().split()
            folder = Path(name)
            while not list(folder.glob("*/upload.bvh")) and time.monotonic() < deadline:
                time.sleep(0.01)
            assert list(folder.glob("*/upload.bvh"))
        finally:
            server.kill()
    while (is_running(int(pid)) or folder.parent.exists()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_running(int(pid))
    assert not folder.parent.exists()
