"""What the source archive holds; `make dist` builds it, and compares wheels."""

import subprocess
from pathlib import Path

import pytest
from hatchling.builders.sdist import SdistBuilder

ROOT = Path(__file__).parents[1]

OF_THE_REPOSITORY = {
    ".ci",
    ".github",
    ".gitattributes",
    ".pre-commit-config.yaml",
    ".gitignore",
    "pyproject.toml",
}
"""Left out, but for the last two, which hatchling adds."""


def test_the_source_archive_holds_what_builds_and_tests_it() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    tracked = {name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()}
    archived = {file.distribution_path for file in SdistBuilder(str(ROOT)).recurse_included_files()}
    missing = {name for name in tracked - archived if name.split("/")[0] not in OF_THE_REPOSITORY}
    assert missing == set()
    assert {"web/package.json", "web/package-lock.json", "web/build.mjs", "hatch_build.py"} <= archived
