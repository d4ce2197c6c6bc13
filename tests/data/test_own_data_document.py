"""docs/your-own-data.md: its commands run one after the other, on few recordings and with few steps."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from bimotion import save_clip
from bimotion.cli.main import exit_code
from bimotion.data.store import MotionStore
from bimotion.motion.clip import Clip
from tests.data.made_up import make_motion

TEXT = (Path(__file__).parents[2] / "docs" / "your-own-data.md").read_text("utf-8")
COMMANDS = [
    line
    for block in re.findall(r"^```sh\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
    for line in block.splitlines()
]
(CAPTIONS,) = re.findall(r"^```csv\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)


def write_takes(folder: Path) -> None:
    """The recordings that the document's captions name, and more of their kinds."""
    folder.mkdir()
    motions = {"long": make_motion(321, speed=1.0)}
    for number in range(6):
        motions[f"wave{number}"] = make_motion(60 + number, hand="left", swings=3 + number)
        motions[f"walk{number}"] = make_motion(60 + number, speed=0.8 + 0.1 * number)
    for name, joints in motions.items():
        save_clip(Clip(joints=joints, fps=20.0), folder / f"{name}.bvh")
    more = [
        f"{kind}{i}.bvh,{text},,\n"
        for kind, text in (("wave", "he waves"), ("walk", "she walks"))
        for i in range(1, 6)
    ]
    (folder / "captions.csv").write_text(CAPTIONS + "".join(more), "utf-8")


def run(command: str) -> int:
    program, *args = shlex.split(command)
    if "train" in args or program == "accelerate":
        args = [*args, "--batch-size", "2"]
        if "--steps" in args:
            args[args.index("--steps") + 1] = "2"
        if "embedded" not in args:  # from random weights: the smallest sizes
            args[args.index("--preset") + 1] = "micro"
    if program == "bimotion":
        return exit_code(args)
    assert program == "accelerate"
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    launcher = [sys.executable, "-m", "accelerate.commands.accelerate_cli"]
    return subprocess.run([*launcher, *args], env=environment, timeout=600).returncode


@pytest.mark.slow
def test_every_command_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_takes(Path("takes"))
    Path("data").mkdir()
    assert len(COMMANDS) == 15
    for command in COMMANDS:
        assert run(command) == 0, command
    for name in ("mine", "both", "stage3", "two"):
        assert (Path("runs") / name / "model" / "model.safetensors").is_file(), name
    assert Path("wave.bvh").is_file()


def test_the_captions_of_the_document_reach_their_windows(tmp_path: Path) -> None:
    write_takes(tmp_path / "takes")
    assert (
        exit_code(["prepare", "bvh", str(tmp_path / "takes"), str(tmp_path / "mine"), "--workers", "1"]) == 0
    )
    items = {item.id: item for item in MotionStore.open(tmp_path / "mine")}
    assert items["wave0#00"].captions == (
        "a person waves the left hand",
        "someone stands still, then waves with the left arm",
    )
    assert items["long#00"].captions == ("someone walks forward",)
    assert items["long#01"].captions == ("someone keeps walking",)
    assert items["wave0#00M"].captions[0] == "a person waves the right hand"
    assert {item.split for item in items.values()} == {"train", "val", "test"}
