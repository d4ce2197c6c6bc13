"""One recording with one caption: every stage trains, and says that nothing is held out."""

from pathlib import Path

import numpy as np
import pytest

from bimotion.cli.main import exit_code
from tests.data.made_up import make_motion

LITTLE = ("--preset", "micro", "--steps", "2", "--batch-size", "2")


def test_one_clip_and_one_caption_train_every_stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("takes").mkdir()
    np.save("takes/walk.npy", make_motion(60, speed=1.0))
    Path("takes/walk.txt").write_text("a person walks.\n")
    commands = (
        ("prepare", "bvh", "takes", "data", "--workers", "1"),
        ("train", "vae", "--data", "data", "--out", "vae", *LITTLE),
        ("train", "stage1", "--data", "data", "--vae", "vae", "--out", "stage1", *LITTLE),
        ("train", "stage2", "--data", "data", "--init-from", "stage1", "--out", "stage2", *LITTLE),
        ("train", "stage3", "--data", "data", "--init-from", "stage2", "--out", "stage3", *LITTLE),
        ("train", "evaluator", "--data", "data", "--out", "evaluator", *LITTLE),
    )
    for command in commands:
        assert exit_code(command) == 0, command
    assert Path("stage3/model/model.safetensors").is_file()
