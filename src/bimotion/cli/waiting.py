"""How OpenMP's threads wait for each other, decided before torch is loaded."""

import os

SPINS = "1000"
"""Times that a thread looks for work before it sleeps: some microseconds."""


def let_threads_sleep() -> None:
    """Let idle threads look for work only shortly before they sleep; variables that the user has set are kept.

    Left to itself, the runtime spins for milliseconds. If another program needs the core meanwhile, all threads wait
    for the one that it holds up: a motion takes up to six times as long (docs/performance.md).
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", SPINS)
