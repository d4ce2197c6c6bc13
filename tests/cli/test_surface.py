"""The command line's surface is frozen: `surface.txt` lists all commands with their options.

A wanted change is written with `BIMOTION_WRITE_SURFACE=1 python -m pytest tests/cli/test_surface.py` and named in
CHANGELOG.md.
"""

import difflib
import os
import re
from pathlib import Path

import pytest

from bimotion.cli.main import COMMANDS, exit_code

SURFACE = Path(__file__).parent / "surface.txt"
_NAME = r"[A-Z][A-Z|]*(?:\.{3})?"
_FLAGS = rf"(?:-\w, )?--[\w.-]+(?: (?:{_NAME}|\{{[^}}]*\}}|\[[^\]]*\]))*"

STAGES = ("vae", "text", "stage1", "stage2", "stage3", "segments", "evaluator")


def surface(capsys: pytest.CaptureFixture[str]) -> str:
    """All commands; below each its arguments as the help shows them, with metavar and default, without the texts."""
    lines = []
    for command in [*COMMANDS, *(f"train {stage}" for stage in STAGES)]:
        assert exit_code([*command.split(), "--help"]) == 0
        lines.append(command)
        _, _, arguments = re.split(r"(positional arguments|options)\b", capsys.readouterr().out, maxsplit=1)
        for line in arguments.splitlines():
            option = re.match(rf"[│ ] ({_FLAGS}|{_NAME})(?: |$)", line)
            if option:
                lines.append(f"  {option[1]}")
    return "\n".join(lines) + "\n"


def test_the_surface_is_the_frozen_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("PYTHONIOENCODING", "utf-8")
    now = surface(capsys)
    if os.environ.get("BIMOTION_WRITE_SURFACE"):
        SURFACE.write_text(now, encoding="utf-8")
    frozen = SURFACE.read_text(encoding="utf-8")
    difference = "\n".join(difflib.unified_diff(frozen.splitlines(), now.splitlines(), lineterm="", n=1))
    assert not difference, f"the command line changed (see {Path(__file__).name}):\n{difference}"


def test_no_flag_shows_a_default_and_every_option_says_something(capsys: pytest.CaptureFixture[str]) -> None:
    for command in COMMANDS:
        assert exit_code([command, "--help"]) == 0
        text = capsys.readouterr().out
        assert "(default: False)" not in text, command
