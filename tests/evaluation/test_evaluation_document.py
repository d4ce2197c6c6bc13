"""docs/evaluation.md says what is so."""

import re
import shutil
from pathlib import Path

import pytest

import bimotion
from bimotion.cli.main import COMMANDS, exit_code
from bimotion.data.store import MotionStore
from bimotion.evaluation.protocols import BIMOTION_1, HUMANML3D_2022
from bimotion.motion.clip import Clip

TEXT = (Path(__file__).parents[2] / "docs" / "evaluation.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)


@pytest.fixture
def here(
    tmp_path: Path,
    store: MotionStore,
    judge: Path,
    micro_folder: Path,
    walk: Clip,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """A folder with what the document's commands name; the embedded evaluator is one of random weights."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BIMOTION_MODEL", str(micro_folder))
    monkeypatch.setattr("bimotion.evaluators.folder.EMBEDDED_EVALUATOR", judge)
    shutil.copytree(store.folder, tmp_path / "data" / "mine")
    shutil.copytree(micro_folder, tmp_path / "runs" / "mine" / "model")
    shutil.copytree(judge, tmp_path / "runs" / "evaluator" / "model")
    (tmp_path / "takes").mkdir()
    bimotion.save_clip(walk, tmp_path / "takes" / "walk.bvh")
    return tmp_path


@pytest.mark.usefixtures("here")
def test_the_shell_commands_run() -> None:
    import shlex

    commands = [shlex.split(line)[1:] for block in blocks("sh") for line in block.splitlines()]
    assert len(commands) >= 6
    for command in commands:
        if command[:2] == ["train", "evaluator"]:
            continue  # tests/training/test_evaluator_task.py trains one
        if command[0] == "evaluate":
            command += ["--count", "3", "--repeats", "1", "--steps", "2"]
        assert exit_code(command) == 0, command


@pytest.mark.usefixtures("here")
def test_the_python_code_runs(capsys: pytest.CaptureFixture[str]) -> None:
    exec("\n".join(blocks("python")), {"__name__": "document"})
    assert re.match(r"\d\.\d{3} ± \d\.\d{3}\n", capsys.readouterr().out)


def test_the_other_commands_exist_and_the_numbers_are_right() -> None:
    for command in re.findall(r"^bimotion ([a-z-]+)", "".join(blocks("text")), re.MULTILINE):
        assert command in COMMANDS
    for protocol, output in ((BIMOTION_1, "32 texts a repeat, 8"), (HUMANML3D_2022, "100 texts, 30")):
        texts, motions = protocol.multimodality_texts, protocol.multimodality_motions
        assert re.findall(r"\d+", output) == [str(texts), str(motions)]
        assert output in TEXT
        assert f"{protocol.multimodality_pairs} pairs" in TEXT
        assert f"{protocol.repeats} repeats" in TEXT
