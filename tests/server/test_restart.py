"""A server that was killed is ready again soon."""

import os
from pathlib import Path

import pytest

from tests.server.test_page import Server


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_a_killed_server_is_ready_again_after_less_than_five_seconds_of_work(micro_folder: Path) -> None:
    first = Server(micro_folder).wait()
    first.kill()
    again = Server(micro_folder, port=first.port).wait()
    try:
        # Of the processor: by the clock a machine with other work takes longer.
        assert cpu_seconds(again.process.pid) < 5
    finally:
        again.kill()
