"""The list of actions in a model folder."""

import json
from pathlib import Path

import pytest

from bimotion.cli.main import exit_code
from bimotion.errors import ModelError
from bimotion.inference.actions import ACTIONS_FILE, Action, find_actions, read_actions, write_actions

ACTIONS = [
    Action("walk", 12, 3.5, ("a person walks slowly", "someone strolls"), 0.8, 0.9),
    Action("side-step", 2, 0.4, ("a person steps to the left",)),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tokenizer.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"")
    (tmp_path / "config.json").write_text("{}")
    write_actions(ACTIONS, tmp_path)
    return tmp_path


def test_what_is_written_is_read(folder: Path) -> None:
    assert read_actions(folder) == ACTIONS


def test_no_list_and_that_of_another_model_are_none(folder: Path, tmp_path: Path) -> None:
    (folder / "tokenizer.json").write_text("{ }")
    assert read_actions(folder) is None
    (folder / ACTIONS_FILE).unlink()
    assert read_actions(folder) is None


@pytest.mark.parametrize("change", [{"format": "other"}, {"actions": {}}, {"actions": [{"name": 3}]}])
def test_broken_lists_are_refused(folder: Path, change: dict[str, object]) -> None:
    data = json.loads((folder / ACTIONS_FILE).read_text()) | change
    (folder / ACTIONS_FILE).write_text(json.dumps(data))
    with pytest.raises(ModelError, match=r"actions\.json"):
        read_actions(folder)


@pytest.mark.parametrize(
    ("words", "names"),
    [("walk", ["walk"]), ("side step", ["side-step"]), ("person", ["walk", "side-step"]), ("fly", [])],
)
def test_actions_are_found_by_name_and_caption(words: str, names: list[str]) -> None:
    assert [action.name for action in find_actions(ACTIONS, words)] == names


def test_command_lists_and_searches(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["actions", "--model", str(folder)]) == 0
    assert "80%" in capsys.readouterr().out
    assert exit_code(["actions", "side step", "--model", str(folder), "--json"]) == 0
    assert [entry["name"] for entry in json.loads(capsys.readouterr().out)] == ["side-step"]
    assert exit_code(["actions", "fly", "--model", str(folder)]) == 0
    assert "fly" in capsys.readouterr().out
