"""What an evaluation was made with: versions, weights and data, so that it can be made again."""

import hashlib
import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bimotion.evaluation.asked import Asked


def versions() -> dict[str, Any]:
    """Versions of everything that numbers may depend on."""
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


def data_facts(asked: Asked) -> dict[str, Any]:
    """Which windows were used."""
    return {
        "name": asked.store.folder.resolve().name,
        "windows": len(asked),
        "frames": sum(item.num_frames for item in asked.items),
        "fingerprint": asked.fingerprint(),
    }
