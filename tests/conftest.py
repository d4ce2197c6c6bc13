"""Shape and type checks on everything in `bimotion`, and where the tests find material that is not in the repository."""

import os
from pathlib import Path

import pytest
from jaxtyping import install_import_hook

# Before anything imports bimotion: every annotated function checks the shapes and types of its arguments.
install_import_hook("bimotion", "beartype.beartype")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference material beside the checkout; `BIMOTION_SHARED` names another place."""
    named = os.environ.get("BIMOTION_SHARED")
    folder = Path(named) if named else Path(__file__).parents[2] / "shared"
    if not (folder / "goldens").is_dir():
        pytest.skip(f"reference material not found: {folder} (BIMOTION_SHARED names another place)")
    return folder
