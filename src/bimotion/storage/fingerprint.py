"""Versions and file hashes, so that a result can be reproduced."""

import hashlib
import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Any

import numpy as np


def versions() -> dict[str, Any]:
    """Versions of everything that results may depend on."""
    import torch  # hashing files does not need it

    return {
        "bimotion": importlib.metadata.version("bimotion"),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "machine": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
    }


def file_fingerprint(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
