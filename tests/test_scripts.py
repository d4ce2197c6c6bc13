"""Scripts outside the package keep up with it."""

import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = sorted(
    f"{folder}.{path.stem}"
    for folder in ("benchmarks", "research", "tools")
    for path in (ROOT / folder).glob("*.py")
    if path.stem != "__init__"
)


@pytest.mark.parametrize("name", MODULES)
def test_a_script_finds_all_that_it_imports(name: str) -> None:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in ("bimotion", "benchmarks", "research", "tools"):
            raise
        pytest.skip(f"needs {error.name}")  # libraries of single scripts, which no extra installs
