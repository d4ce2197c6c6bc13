"""Which folder a model is loaded from."""

import io
from pathlib import Path

import numpy as np
import pytest

import bimotion
from bimotion.api import model_folder
from bimotion.errors import ConfigError, ModelError
from bimotion.motion.clip import Clip


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


def test_a_name_of_the_hub_needs_its_prefix(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    calls: list[tuple[str, str | None]] = []

    def download(repository: str, *, revision: str | None, allow_patterns: list[str]) -> str:
        calls.append((repository, revision))
        return str(tmp_path)

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    with pytest.raises(ModelError, match="write hf:runs/mine"):
        model_folder("runs/mine")
    assert calls == []
    assert model_folder("hf:owner/name") == tmp_path
    assert model_folder("hf:owner/name@v1.0") == tmp_path
    assert model_folder("hf:owner/name", revision="abc") == tmp_path
    assert calls == [("owner/name", None), ("owner/name", "v1.0"), ("owner/name", "abc")]
    with pytest.raises(ConfigError, match="revision"):
        model_folder(tmp_path, revision="abc")


@pytest.mark.parametrize("suffix", [".bvh", "npz", ".npy"])
def test_clips_are_written_to_and_read_from_file_objects(walk: Clip, suffix: str) -> None:
    file = io.BytesIO()
    bimotion.save_clip(walk, file, format=suffix)
    file.seek(0)
    back = bimotion.read_clip(file, format=suffix, unit="m")
    np.testing.assert_allclose(back.joints, walk.joints, atol=2e-3)
    with pytest.raises(ConfigError, match="format: a file object needs"):
        bimotion.read_clip(io.BytesIO(b""))
