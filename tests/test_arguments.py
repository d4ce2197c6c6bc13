"""Property tests over the arguments of every public function, in a process without type checks."""

import os
import re
import subprocess
import sys
from pathlib import Path

PROPERTIES = Path(__file__).parent / "arguments" / "properties.py"


def test_any_argument_gives_a_result_or_one_of_our_exceptions() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", str(PROPERTIES), "-q", "-n", "0", "-p", "no:cacheprovider"],
        capture_output=True,
        text=True,
        env={**os.environ, "BIMOTION_TYPE_CHECKS": "0"},
        cwd=PROPERTIES.parents[2],
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None
    assert int(passed[1]) == PROPERTIES.read_text().count("\ndef test_")
