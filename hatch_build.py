"""Compiles the C sources (`models/kernels`, `render`) when a wheel or an editable install is built.

Without a compiler, or elsewhere than on Linux, the package is built without them; torch's operations and numpy do it.
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
RENDER = Path("src/bimotion/render")
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
    """Puts `libkernels.so` and `libraster.so` beside their sources."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and say what platform the wheel is for."""
        if sys.platform != "linux":
            return
        vectors = ["-mavx2", "-mfma"] if platform.machine() in ("x86_64", "AMD64") else []
        self._compile(Path(self.root) / FOLDER / "libkernels.so", vectors, build_data)
        self._compile(Path(self.root) / RENDER / "libraster.so", [], build_data)

    def _compile(self, library: Path, flags: list[str], build_data: dict[str, Any]) -> None:
        """Make the library of all C files beside it."""
        beside = library.with_suffix(f".{os.getpid()}")
        sources = sorted(map(str, library.parent.glob("*.c")))
        compiler = shlex.split(os.environ.get("CC", "cc"))
        command = [*compiler, *FLAGS, *flags, "-o", str(beside), *sources, "-lm"]
        library.unlink(missing_ok=True)
        try:
            subprocess.run(command, check=True, capture_output=True, text=True)
        except (OSError, subprocess.CalledProcessError) as error:
            self.app.display_warning(f"{library.name} was not compiled, slower code will be used: {error}")
            return
        beside.replace(library)
        build_data["artifacts"].append(str(library.relative_to(self.root)))
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"
