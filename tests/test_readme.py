"""The README's commands and code do what they say, in the order in which they stand there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bimotion.api import EMBEDDED

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


@pytest.fixture
def environment(micro_folder: Path) -> dict[str, str]:
    """With `bimotion` on the path, and a model of random weights where the embedded one is not there."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    model = {} if (EMBEDDED / "config.json").is_file() else {"BIMOTION_MODEL": str(micro_folder)}
    return {**os.environ, "PATH": path, **model}


def run(command: list[str], folder: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_shell_commands_run(tmp_path: Path, environment: dict[str, str]) -> None:
    commands = [line for block in blocks("sh") for line in block.splitlines() if line.startswith("bimotion ")]
    assert len(commands) >= 8
    run(["bash", "-euo", "pipefail", "-c", "\n".join(commands)], tmp_path, environment)
    generated = {
        word for line in commands for word in line.split() if re.fullmatch(r"\w+\.(bvh|glb|html)", word)
    }
    assert {path.name for path in tmp_path.iterdir()} == generated


def test_the_other_commands_exist() -> None:
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    for target in re.findall(r"\bmake (\w+)", "".join(blocks("sh"))):
        assert target in targets
    from bimotion.cli.main import COMMANDS

    for command in re.findall(r"\bbimotion ([a-z]+) ", "".join(blocks("text"))):
        assert command in COMMANDS


def test_the_python_code_runs(tmp_path: Path, environment: dict[str, str]) -> None:
    code = "\n".join(blocks("python"))
    output = run([sys.executable, "-W", "error", "-c", code], tmp_path, environment)
    assert re.match(r"\(\d+, 22, 3\) 20\.0\n", output)
    assert (tmp_path / "wave.bvh").is_file()


def test_linked_files_exist() -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / target).is_file(), target
