"""Compiles the products of rows with weights (`models/products.c`) when a wheel or an editable install is built.

Without a compiler, or elsewhere than on Linux, the package is built without it and torch's own products are used.
"""

import os
import platform
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCE = Path("src/bimotion/models/products.c")
FLAGS = ["-O3", "-std=gnu11", "-fno-math-errno", "-fno-trapping-math", "-fopenmp", "-fPIC", "-shared"]


class CompileHook(BuildHookInterface):
    """Puts `libproducts.so` beside its source."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and say what platform the wheel is for."""
        if sys.platform != "linux":
            return
        library = Path(self.root) / SOURCE.with_name("libproducts.so")
        beside = library.with_suffix(f".{os.getpid()}")
        vectors = ["-mavx2", "-mfma"] if platform.machine() in ("x86_64", "AMD64") else []
        command = [os.environ.get("CC", "cc"), *FLAGS, *vectors, "-o", str(beside), str(Path(self.root) / SOURCE), "-lm"]
        library.unlink(missing_ok=True)
        try:
            subprocess.run(command, check=True, capture_output=True, text=True)
        except (OSError, subprocess.CalledProcessError) as error:
            self.app.display_warning(f"products.c was not compiled, products will be torch's: {error}")
            return
        beside.replace(library)
        build_data["artifacts"].append(str(library.relative_to(self.root)))
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"
