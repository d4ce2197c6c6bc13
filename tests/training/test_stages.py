"""A micro model goes through all stages, in order, and each stage can be interrupted and resumed."""

from pathlib import Path

import numpy as np
import pytest
import torch

from bimotion.errors import ConfigError
from bimotion.evaluators.embedding import read_embedder
from bimotion.inference.model import MotionLanguageModel
from bimotion.models.weights import load_network
from bimotion.training.checkpoints import list_checkpoints
from bimotion.training.command import parse_stage, run_stage
from bimotion.training.logs import read_log
from bimotion.training.loop import LoopResult

STEPS = 2


def train(stage: str, data: Path, out: Path, *more: str) -> LoopResult:
    """A few steps of a stage, in this process."""
    common = (
        "--steps",
        str(STEPS),
        "--batch-size",
        "6",
        "--warmup-steps",
        "1",
        "--log-every",
        "1",
        "--ema-every",
        "1",
    )
    quiet = (
        "--no-tensorboard",
        "--no-progress",
        "--sample-every",
        "0",
        "--device",
        "cpu",
        "--precision",
        "fp32",
    )
    options = ["--preset", "micro", "--data", str(data), "--out", str(out), *common, *quiet, *more]
    return run_stage(parse_stage(stage, options, "train"))


@pytest.fixture(scope="module")
def runs(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of one run of every stage."""
    folder = tmp_path_factory.mktemp("runs")
    train("vae", data, folder / "vae")
    train("text", data, folder / "text")
    start = ("--init-from", str(folder / "text"), "--vae", str(folder / "vae"))
    for stage in ("stage1", "stage2", "stage3"):
        train(stage, data, folder / stage, *start, "--generate-clips", "4", "--validate-clips", "4")
        start = ("--init-from", str(folder / stage))
    train("evaluator", data, folder / "evaluator")
    return folder


def weights(run: Path) -> dict[str, torch.Tensor]:
    return load_network(run / "model").state_dict()


def changed(first: Path, second: Path) -> set[str]:
    """First parts of the names of parameters that differ between two runs' models."""
    before, after = weights(first), weights(second)
    differ = {name for name, value in after.items() if not torch.equal(before[name], value)}
    return {".".join(name.split(".")[: 2 if name.startswith("mixture") else 1]) for name in differ}


def test_every_stage_logs_finite_losses_and_a_validation(runs: Path) -> None:
    for stage in ("vae", "text", "stage1", "stage2", "stage3", "evaluator"):
        losses = [event["loss"] for event in read_log(runs / stage, "train")]
        assert len(losses) == STEPS
        assert np.isfinite(losses).all()
        assert read_log(runs / stage, "validation")


def test_stages_train_the_parts_that_they_say(runs: Path) -> None:
    motion = {"mixture.motion", "understanding", "head", "length"}
    assert changed(runs / "stage1", runs / "stage2") == motion
    assert changed(runs / "stage2", runs / "stage3") >= {*motion, "mixture.text"}
    assert "vae" not in changed(runs / "stage1", runs / "stage3")


def test_the_trained_model_generates_and_captions(runs: Path) -> None:
    model = MotionLanguageModel.from_folder(runs / "stage3" / "model")
    clip = model.text_to_motion("a person walks", seconds=2, seed=0)
    assert abs(len(clip) - 40) <= 1
    assert isinstance(model.motion_to_text(clip), str)


def test_the_trained_evaluator_embeds_both_kinds(runs: Path) -> None:
    embedder = read_embedder(runs / "evaluator" / "model")
    texts = embedder.embed_texts(["a person walks", "a person jumps"])
    motions = embedder.embed_motions([np.zeros((30, 263), dtype=np.float32)])
    assert texts.shape[1] == motions.shape[1]
    assert np.isfinite(texts).all()
    assert np.isfinite(motions).all()


@pytest.mark.parametrize("stage", ["stage3", "evaluator"])
def test_an_interrupted_stage_resumes_to_the_same_weights(
    runs: Path, data: Path, tmp_path: Path, stage: str
) -> None:
    start = ("--init-from", str(runs / "stage2"), "--generate-clips", "0") if stage == "stage3" else ()
    whole = tmp_path / "whole"
    train(stage, data, whole, *start, "--checkpoint-every", "1", "--keep", "9")
    for name in ("checkpoint removed", "as interrupted"):
        newest = list_checkpoints(whole / "checkpoints")[-1]
        expected = {path.name: path.read_bytes() for path in newest.glob("*.safetensors")}
        for path in newest.iterdir():
            path.unlink()
        newest.rmdir()
        result = train(stage, data, whole, *start, "--checkpoint-every", "1", "--keep", "9", "--resume")
        assert result.finished, name
        again = list_checkpoints(whole / "checkpoints")[-1]
        assert {path.name: path.read_bytes() for path in again.glob("*.safetensors")} == expected


def test_a_later_stage_needs_a_vae(data: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="stage1 needs a trained VAE"):
        train("stage1", data, tmp_path / "run")
