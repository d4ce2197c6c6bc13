"""C libraries: those of this installation have what is called, others are left alone with a warning."""

from pathlib import Path

import pytest

from bimotion.features import compiled as features
from bimotion.render import compiled as render
from bimotion.storage.c_library import load_c_library


@pytest.mark.parametrize("module", [features, render])
def test_a_library_that_was_compiled_is_used(module: object) -> None:
    assert module.available() == module._LIBRARY.exists()  # type: ignore[attr-defined]


def test_a_library_of_another_version_is_not_used(caplog: pytest.LogCaptureFixture) -> None:
    if not render._LIBRARY.exists():
        assert load_c_library(render._LIBRARY, {}) is None
        return
    assert load_c_library(render._LIBRARY, {"bimotion_draw": None}) is not None
    assert load_c_library(render._LIBRARY, {"bimotion_paint": None}) is None
    assert "has no bimotion_paint: slower code is used; install bimotion again" in caplog.text


def test_what_is_no_library_is_none(tmp_path: Path) -> None:
    (tmp_path / "libdraw.so").write_bytes(b"text")
    assert load_c_library(tmp_path / "libdraw.so", {}) is None
    assert load_c_library(tmp_path / "missing.so", {}) is None
