"""The published sizes: what tiny presets cannot show."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from safetensors import safe_open

from bimotion.cli.main import exit_code
from bimotion.inference.model import MotionLanguageModel
from bimotion.training.logs import read_log

if TYPE_CHECKING:
    from bimotion.motion.clip import Clip

SHORT = [
    *("--preset", "gpt2", "--steps", "1", "--batch-size", "2", "--warmup-steps", "1", "--ema-every", "1"),
    *("--validate-every", "0", "--checkpoint-every", "0", "--no-tensorboard", "--precision", "fp32"),
    *("--device", "cpu"),
]


def parts_that_differ(before: Path, after: Path) -> set[str]:
    """The parts of two model folders whose weights are not the same bit for bit."""
    with (
        safe_open(before / "model.safetensors", "pt") as old,
        safe_open(after / "model.safetensors", "pt") as new,
    ):
        every = set(new.keys())
        assert set(old.keys()) == every
        names = [name for name in every if not torch.equal(old.get_tensor(name), new.get_tensor(name))]
    return {
        ".".join(name.split(".")[:2]) if name.startswith("mixture.") else name.split(".")[0] for name in names
    }


@pytest.mark.slow
def test_the_gpt2_preset_trains_a_step_of_each_stage_saves_loads_generates_and_captions(
    data: Path, gpt2_files: Path, walk: "Clip", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import GPT2Config, GPT2LMHeadModel

    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    shutil.copytree(gpt2_files, "language")
    GPT2LMHeadModel(GPT2Config()).save_pretrained("language")
    assert exit_code(["import-weights", "language", "start", "--text-branch"]) == 0
    shutil.rmtree("language")

    def train(stage: str, *more: str) -> Path:
        run = Path(stage)
        assert exit_code(["train", stage, "--data", str(data), "--out", stage, *SHORT, *more]) == 0
        shutil.rmtree(run / "checkpoints")  # some gigabytes
        (step,) = read_log(run, "train")
        assert step["loss"] > 0
        assert step["grad_norm"] > 0
        return run

    few = ("--validate-clips", "2", "--generate-clips", "0")
    train("vae")
    motion = {"mixture.motion", "understanding", "head", "length"}
    first = train("stage1", *few, "--init-from", "start", "--vae", "vae")
    changed = parts_that_differ(Path("start"), first / "model")
    assert motion - {"understanding"} <= changed  # text to motion reads no motion
    assert not {"mixture.text", "mixture.positions", "understanding"} & changed
    shutil.rmtree("start")
    second = train("stage2", *few, "--init-from", "stage1", "--tasks", "m2t=1")
    changed = parts_that_differ(first / "model", second / "model")
    assert changed == {"mixture.motion", "understanding"}
    shutil.rmtree(first)
    third = train("stage3", *few, "--init-from", "stage2", "--tasks", "predict=1")
    changed = parts_that_differ(second / "model", third / "model")
    assert changed == motion | {"mixture.text", "mixture.positions"}
    shutil.rmtree(second)

    model = MotionLanguageModel.from_folder(third / "model")
    assert sum(parameter.numel() for parameter in model.network.mixture.parameters()) > 209_000_000
    clip = model.text_to_motion("a person walks", seconds=1, seed=0, steps=4)
    assert clip.joints.shape == (20, 22, 3)
    again = model.text_to_motion("a person walks", seconds=1, seed=0, steps=4)
    assert (clip.joints == again.joints).all()
    assert isinstance(model.motion_to_text(walk), str)
