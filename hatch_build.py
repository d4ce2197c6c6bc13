"""Compiles the C sources (`models/kernels`, `render`, `features`) when a wheel or an editable install is built.

Without a compiler, or elsewhere than on Linux, the package is built without them; torch's operations and numpy do it.
The kernels are compiled once for each instruction set of `VARIANTS`; which one is used is decided when they are loaded.

    python hatch_build.py LIBRARY [FLAG...]

compiles the kernels alone, to that file, with more flags.
"""

import os
import platform
import shlex
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDER = Path("src/bimotion/models/kernels")
RENDER = Path("src/bimotion/render")
FEATURES = Path("src/bimotion/features")
FLAGS = [
    "-O3",
    "-std=gnu11",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fno-unswitch-loops",
    "-fopenmp",
    "-fPIC",
    "-fvisibility=hidden",
]
_AVX2 = ["-mavx2", "-mfma"]
_AVX512 = [*_AVX2, "-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl"]
VARIANTS = {
    "avx512_vnni": [*_AVX512, "-mavx512vnni"],
    "avx512": _AVX512,
    "avx_vnni": [*_AVX2, "-mavxvnni"],
    "avx2": _AVX2,
}
"""Flags of the variants on x86, beside `plain`, which has none; a compiler that does not know them leaves one out."""


def compile_kernels(library: Path, folder: Path, flags: list[str] = FLAGS) -> list[str]:
    """Make the library from the sources in a folder; returns the names of the variants left out.

    Raises:
        OSError: there is no compiler.
        subprocess.CalledProcessError: not even the plain variant could be compiled.
    """
    compiler = [*shlex.split(os.environ.get("CC", "cc")), *flags]
    variants = VARIANTS if platform.machine() in ("x86_64", "AMD64") else {}
    missing = []
    with TemporaryDirectory() as name:
        objects, known = [], []
        for variant, instructions in (variants | {"plain": []}).items():
            compiled = [str(Path(name) / f"{source}-{variant}.o") for source in ("product", "attention")]
            try:
                for one in compiled:
                    source = folder / f"{Path(one).name.partition('-')[0]}.c"
                    _cc([*compiler, *instructions, f"-DVARIANT={variant}", "-c", "-o", one, str(source)])
            except subprocess.CalledProcessError:
                if variant == "plain":
                    raise
                missing.append(variant)
                continue
            objects += compiled
            known.append(f"-DWITH_{variant.upper()}")
        _cc([*compiler, *known, "-shared", "-o", str(library), str(folder / "run.c"), *objects, "-lm"])
    return missing


def _cc(command: list[str]) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)


class CompileHook(BuildHookInterface):
    """Puts `libkernels.so`, `libraster.so` and `libencode.so` beside their sources."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and say what platform the wheel is for."""
        if sys.platform != "linux":
            return
        self._make(Path(self.root) / FOLDER / "libkernels.so", compile_kernels, build_data)
        self._make(Path(self.root) / RENDER / "libraster.so", _compile_all, build_data)
        self._make(Path(self.root) / FEATURES / "libencode.so", _compile_all, build_data)

    def _make(
        self, library: Path, compile_to: Callable[[Path, Path], list[str]], build_data: dict[str, Any]
    ) -> None:
        """Make the library of the C files beside it."""
        beside = library.with_suffix(f".{os.getpid()}")
        library.unlink(missing_ok=True)
        try:
            missing = compile_to(beside, library.parent)
        except (OSError, subprocess.CalledProcessError) as error:
            self.app.display_warning(f"{library.name} was not compiled, slower code will be used: {error}")
            return
        if missing:
            self.app.display_warning(f"{library.name}: the compiler does not know {', '.join(missing)}")
        beside.replace(library)
        build_data["artifacts"].append(str(library.relative_to(self.root)))
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"


def _compile_all(library: Path, folder: Path) -> list[str]:
    """Make the library of all C files in a folder; nothing is left out."""
    sources = sorted(map(str, folder.glob("*.c")))
    # without fused products, whose results would differ from numpy's in the last bit
    flags = [*FLAGS, "-ffp-contract=off", "-shared"]
    _cc([*shlex.split(os.environ.get("CC", "cc")), *flags, "-o", str(library), *sources, "-lm"])
    return []


if __name__ == "__main__":
    compile_kernels(Path(sys.argv[1]), FOLDER, [*FLAGS, *sys.argv[2:]])
