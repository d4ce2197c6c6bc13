"""The evaluator learns which caption belongs to which motion."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from bimotion.data.store import MotionStore
from bimotion.errors import ConfigError
from bimotion.evaluators.caption_batch import token_batch
from bimotion.evaluators.folder import ContrastiveParts, read_evaluator
from bimotion.training.command import parse_stage, run_stage
from bimotion.training.logs import read_log


@pytest.fixture(scope="module")
def poses(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The made-up data set with a pose of its own for each content."""
    folder = tmp_path_factory.mktemp("poses") / "data"
    shutil.copytree(data, folder)
    store = MotionStore.open(data)
    rows = np.load(folder / "features.npy")
    columns = {"walk": slice(4, 67), "wave": slice(67, 193), "jump": slice(193, 259)}
    for item in store.items(mirrored=False):
        rows[item.offset : item.offset + item.num_frames, columns[item.content]] += 0.2
    np.save(folder / "features.npy", rows)
    return folder


def train(data: Path, out: Path, *more: str) -> dict[str, float]:
    args = [
        *("--data", str(data), "--out", str(out), "--preset", "micro", "--batch-size", "12"),
        *("--log-every", "5", "--validate-every", "0", "--no-tensorboard", "--precision", "fp32"),
        *("--lr", "3e-3", "--warmup-steps", "5", "--ema-decay", "0.5", "--device", "cpu", *more),
    ]
    return run_stage(parse_stage("evaluator", args, "train")).validation


@pytest.fixture(scope="module")
def run(poses: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, float]]:
    out = tmp_path_factory.mktemp("runs") / "evaluator"
    return out, train(poses, out, "--steps", "60")


def test_it_learns(run: tuple[Path, dict[str, float]]) -> None:
    out, validation = run
    losses = [float(str(event["loss"])) for event in read_log(out, "train")]
    assert losses[-1] < 0.25 * losses[0]
    # 9 held-out motions of 3 contents: at random the first found is right in a third of the cases
    assert validation["top_1"] >= 0.8


@torch.no_grad()
def test_the_folder_of_a_run_finds_motions_by_text(run: tuple[Path, dict[str, float]], poses: Path) -> None:
    out, _ = run
    parts = read_evaluator(out)
    assert isinstance(parts, ContrastiveParts)
    ids, mask = token_batch(parts.tokenizer, ["a person jumps"], parts.network.config.max_tokens)
    expected = parts.network.embed_text(ids, mask)
    store = MotionStore.open(poses)
    items = store.items("val", mirrored=False)
    apart = []
    for item in items:
        features = torch.from_numpy(store.features(item))[None]
        generated = parts.network.embed_motion(features, torch.tensor([item.num_frames]))
        apart.append(float((generated - expected).norm()))
    found = [items[position].content for position in np.argsort(apart)[:3]]
    assert found == ["jump"] * 3
    (sample,) = (out / "samples").iterdir()
    assert {"caption", "found"} == set(json.loads((sample / "found.json").read_text())[0])


def test_a_resumed_run_is_an_uninterrupted_one(data: Path, tmp_path: Path) -> None:
    def losses(out: Path) -> list[object]:
        return [event["loss"] for event in read_log(out, "train")]

    train(data, tmp_path / "whole", "--steps", "12", "--log-every", "1")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bimotion.training.loop.time.monotonic", iter(range(0, 10**6, 7)).__next__)
        train(data, tmp_path / "cut", "--steps", "12", "--log-every", "1", "--max-minutes", "1")
    assert 0 < len(losses(tmp_path / "cut")) < 12
    train(data, tmp_path / "cut", "--steps", "12", "--log-every", "1", "--resume")
    assert losses(tmp_path / "cut") == losses(tmp_path / "whole")


def test_faults_are_named(data: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="preset: expected one of micro, tiny, got 'gpt2'"):
        parse_stage("evaluator", ["--preset", "gpt2"], "train")
    with pytest.raises(ConfigError, match=r"windows of 5\d frames, the evaluator takes 40; use --max-frames"):
        train(data, tmp_path / "b", "--max-frames", "40")
    assert not (tmp_path / "b").exists()


def test_training_with_moments_and_joined_motions_goes_on_from_an_evaluator(
    run: tuple[Path, dict[str, float]], poses: Path, tmp_path: Path
) -> None:
    options = (
        "--join-share",
        "0.8",
        "--moment-weight",
        "0.5",
        "--wrong-share",
        "0.5",
        "--crop-probability",
        "0",
    )
    timed = tmp_path / "timed"
    shutil.copytree(poses, timed)
    lines = [json.loads(line) for line in (poses / "index.jsonl").read_text("utf-8").splitlines()]
    for line in lines:
        middle, end = line["num_frames"] / 40, line["num_frames"] / 20
        line["events"] = [[0.0, middle, f"{line['content']}s"], [middle, end, "stands"]]
    (timed / "index.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines), "utf-8")
    validation = train(timed, tmp_path / "more", "--steps", "20", "--init-from", str(run[0]), *options)
    assert validation["top_1"] >= 0.8
    last = read_log(tmp_path / "more", "train")[-1]
    assert {"whole", "moment", "part"} <= set(last)


def test_an_evaluator_of_other_sizes_is_no_start(
    run: tuple[Path, dict[str, float]], poses: Path, tmp_path: Path
) -> None:
    start = ("--init-from", str(run[0]))
    with pytest.raises(ConfigError, match="sizes"):
        train(poses, tmp_path / "wide", "--steps", "1", "--motion-width", "64", *start)
    with pytest.raises(ConfigError, match="--words"):
        train(poses, tmp_path / "words", "--steps", "1", "--words", "model.gguf", *start)
