"""Which folder a model is loaded from."""

from pathlib import Path

import pytest

from bimotion.api import model_folder
from bimotion.errors import ModelError


def test_a_run_is_taken_for_the_model_in_it(tmp_path: Path) -> None:
    model = tmp_path / "run" / "model"
    model.mkdir(parents=True)
    assert model_folder(tmp_path / "run") == tmp_path / "run"
    (model / "config.json").write_text("{}")
    assert model_folder(tmp_path / "run") == model
    assert model_folder(model) == model


def test_the_environment_names_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIMOTION_MODEL", str(tmp_path))
    assert model_folder() == tmp_path
    monkeypatch.setenv("BIMOTION_MODEL", str(tmp_path / "gone"))
    with pytest.raises(ModelError, match="gone"):
        model_folder()
