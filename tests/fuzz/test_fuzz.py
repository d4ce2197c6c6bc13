"""A small part of `make fuzz`: no reader fails otherwise than by our exceptions, and none accepts garbage."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(not hasattr(os, "fork"), reason="inputs run in forked processes")
def test_mutated_files_are_refused_or_read_whole() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.run", "--count", "100"],
        cwd=Path(__file__).parents[2],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
