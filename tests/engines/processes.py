"""Processes of a Ray cluster on this machine, found by the titles that Ray gives them."""

import os
import signal
import time
from pathlib import Path


def kill_one(title: str) -> None:
    """Kill a process whose title contains a word, as soon as there is one."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        for file in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                text = file.read_bytes().decode(errors="replace")
            except OSError:  # it has ended meanwhile
                continue
            if text.startswith("ray::") and title in text:
                os.kill(int(file.parent.name), signal.SIGKILL)
                return
        time.sleep(0.05)
    raise AssertionError(f"no process of Ray is called {title}")
