"""Compiles the kernels (`bimotion/models/kernels`) when a wheel or an editable install is built.

Without a compiler, or elsewhere than on Linux, the package is built without them and torch's own operations are used.
"""

import os
import platform
import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDER = Path("src/bimotion/models/kernels")
FLAGS = [
    "-O3",
    "-std=gnu11",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fopenmp",
    "-fPIC",
    "-fvisibility=hidden",
    "-shared",
]


class CompileHook(BuildHookInterface):
    """Puts `libkernels.so` beside its sources."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and say what platform the wheel is for."""
        if sys.platform != "linux":
            return
        library = Path(self.root) / FOLDER / "libkernels.so"
        beside = library.with_suffix(f".{os.getpid()}")
        vectors = ["-mavx2", "-mfma"] if platform.machine() in ("x86_64", "AMD64") else []
        sources = sorted(map(str, library.parent.glob("*.c")))
        command = [
            *shlex.split(os.environ.get("CC", "cc")),
            *FLAGS,
            *vectors,
            "-o",
            str(beside),
            *sources,
            "-lm",
        ]
        library.unlink(missing_ok=True)
        try:
            subprocess.run(command, check=True, capture_output=True, text=True)
        except (OSError, subprocess.CalledProcessError) as error:
            self.app.display_warning(
                f"the kernels were not compiled, torch's operations will be used: {error}"
            )
            return
        beside.replace(library)
        build_data["artifacts"].append(str(library.relative_to(self.root)))
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"
