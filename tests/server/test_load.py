"""A server under load: many clients at once for a short time. `make load` is the long run."""

import asyncio
import re
from pathlib import Path

import httpx
import pytest

from benchmarks.serve_load import STORED_MOTIONS, load, memory_mib
from tests.server.test_page import Server

pytestmark = pytest.mark.slow


def batches(server: Server) -> tuple[float, float]:
    """Number of batches of sentences, and of the sentences in them."""
    text = httpx.get(f"{server.url}/metrics").text
    values = (
        re.search(rf'bimotion_batch_size_{part}{{operation="generate"}} (\S+)', text)
        for part in ("count", "sum")
    )
    count, total = (float(value[1]) if value else 0.0 for value in values)
    return count, total


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
def test_many_clients_are_answered_in_batches_and_memory_is_flat(micro_folder: Path) -> None:
    server = Server(micro_folder, "--max-queue", "64").wait()
    try:
        answered = 0
        while answered < STORED_MOTIONS:  # as many motions are kept as ever
            times, _, _ = asyncio.run(load(server.port, 32, 5.0, {"best": 1, "check": False}))
            answered += len(times)
        settings = {"best": 1}
        asyncio.run(load(server.port, 32, 5.0, settings))
        before, (count, total) = memory_mib(server.process), batches(server)
        times, statuses, _ = asyncio.run(load(server.port, 32, 10.0, settings))
        assert set(statuses) == {200}
        assert len(times) >= 32
        more_count, more_total = batches(server)
        assert more_total - total == len(times)
        assert (more_total - total) / (more_count - count) > 4
        assert memory_mib(server.process) < 1.05 * before
    finally:
        server.kill()
