"""HumanML3D's row of recorded motions: from files in the published layout to the row beside the published one."""

import json
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from bimotion.cli.main import exit_code
from bimotion.evaluation.protocols import HUMANML3D_2022, PROTOCOLS
from bimotion.evaluators.published import PublishedEvaluator, PublishedEvaluatorConfig
from bimotion.features import joints_to_features
from tests.data.made_up import make_motion

WORDS = ("unk", "a", "man", "walk", "turn", "raise", "hand", "slowly")


def write_clip(folder: Path, name: str, number: int) -> None:
    """A clip in the published layout: features, and captions with tags and times; the third is of a part."""
    joints = make_motion(61 + number, speed=0.1 * (number % 9), turn_deg=20 * (number % 7), hand="left")
    np.save(folder / "new_joint_vecs" / f"{name}.npy", joints_to_features(joints).astype(np.float32))
    act = ("walk", "turn", "raise")[number % 3]
    lines = [
        f"a man {act}s.#a/DET man/NOUN {act}/VERB#0.0#0.0",
        f"man {act}s slowly.#man/NOUN {act}/VERB slowly/ADV#0.0#0.0",
    ]
    if number == 0:
        lines.append("he turns.#he/PRON turn/VERB#0.5#2.8")
    (folder / "texts" / f"{name}.txt").write_text("\n".join(lines) + "\n")


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """HumanML3D's folder, the evaluator's checkpoint and its word vectors, under their published names."""
    data, glove = tmp_path / "HumanML3D", tmp_path / "glove"
    for folder in (data / "new_joint_vecs", data / "texts", glove):
        folder.mkdir(parents=True)
    splits = {"train": range(4), "val": range(4, 6), "test": range(6, 45)}
    for split, clips in splits.items():
        names = [f"{number:06d}" for number in clips]
        for name, number in zip(names, clips, strict=True):
            write_clip(data, name, 0 if number == 6 else number)
        (data / f"{split}.txt").write_text("\n".join(names) + "\n")
    rows = np.concatenate([np.load(path) for path in sorted((data / "new_joint_vecs").glob("*.npy"))])
    np.save(data / "Mean.npy", rows.mean(0))
    np.save(data / "Std.npy", rows.std(0) + 0.1)
    torch.manual_seed(0)
    network = PublishedEvaluator(
        PublishedEvaluatorConfig(
            word_width=12, text_width=16, movement_hidden=16, movement_width=16, motion_width=16, width=16
        )
    )
    parts = ("text_encoder", "movement_encoder", "motion_encoder")
    checkpoint = {part: network.get_submodule(part).state_dict() for part in parts}
    torch.save({**checkpoint, "epoch": 1, "iter": 2}, tmp_path / "finest.tar")
    np.save(glove / "our_vab_data.npy", np.random.default_rng(0).normal(size=(len(WORDS), 12)))
    (glove / "our_vab_words.pkl").write_bytes(pickle.dumps(list(WORDS)))
    (glove / "our_vab_idx.pkl").write_bytes(pickle.dumps({word: index for index, word in enumerate(WORDS)}))
    return tmp_path


def test_the_published_files_give_the_measured_row_beside_the_published_one(
    published: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(published)
    assert exit_code(["prepare", "humanml3d", "HumanML3D", "data", "--workers", "1"]) == 0
    source = ("--stats", "HumanML3D", "--glove", "glove", "--texts", "HumanML3D/texts")
    assert exit_code(["import-weights", "finest.tar", "evaluator", *source]) == 0
    monkeypatch.setitem(
        PROTOCOLS, "humanml3d-2022", replace(HUMANML3D_2022, diversity_pairs=20)
    )  # of 40 motions
    command = (
        "evaluate",
        "--data",
        "data",
        "--evaluator",
        "evaluator",
        "--protocol",
        "humanml3d-2022",
        "--real",
    )
    capsys.readouterr()
    assert exit_code([*command, "--repeats", "3", "--parts", "text-to-motion"]) == 0
    output = capsys.readouterr().out
    assert "real, as published" in output
    assert all(score in output for score in ("0.511", "0.703", "0.797", "2.974", "9.503"))
    assert "the data set or the evaluator is not the published one" in output

    results = json.loads(Path("report/results.json").read_text())
    rows = results["scores"]["text_to_motion"]
    assert results["about"]["data"]["windows"] == 40  # 39 clips of the test split, one with a timed part
    assert results["about"]["protocol"]["name"] == "humanml3d-2022"
    real = rows["real"]
    assert 0 < real["top_1"]["mean"] <= real["top_2"]["mean"] <= real["top_3"]["mean"] < 1
    assert real["fid"]["mean"] > 0  # between two draws of the recordings
    assert real["diversity"]["mean"] > 0
