"""Builds the source archive and wheels in `dist/`, and compares them: `make dist`.

The wheel built from the unpacked source archive must hold the same files, byte for byte, as the one from the checkout.
"""

import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]


def main() -> int:
    """Build, compare, print; 1 if the wheels differ."""
    dist = ROOT / "dist"
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        source = build("--sdist", ROOT, dist)
        with tarfile.open(source) as archive:
            archive.extractall(folder, filter="data")
        (unpacked,) = (path for path in folder.iterdir() if path.is_dir())
        wheel = build("--wheel", ROOT, dist)
        other = build("--wheel", unpacked, folder / "wheels")
        differing = differences(wheel, other)
    for path in (source, wheel):
        print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1e6:.1f} MB")
    for line in differing:
        print(line)
    print(f"{len(differing)} differences between the wheels of the checkout and of the source archive")
    return 1 if differing else 0


def build(kind: str, project: Path, out: Path) -> Path:
    """The archive that is built of a project."""
    before = set(out.glob("*")) if out.is_dir() else set()
    for old in before:
        if old.suffix == (".whl" if kind == "--wheel" else ".gz"):
            old.unlink()
    command = [sys.executable, "-m", "build", "--no-isolation", kind, "--outdir", str(out), str(project)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    (built,) = out.glob("*.whl" if kind == "--wheel" else "*.tar.gz")
    return built


def differences(one: Path, other: Path) -> list[str]:
    """Files that only one wheel has, or that differ."""
    with zipfile.ZipFile(one) as first, zipfile.ZipFile(other) as second:
        names, others = set(first.namelist()), set(second.namelist())
        lines = [f"only in one wheel: {name}" for name in sorted(names ^ others)]
        return lines + [
            f"differs: {name}" for name in sorted(names & others) if first.read(name) != second.read(name)
        ]


if __name__ == "__main__":
    sys.exit(main())
