"""`evaluate`, `compare` and `search` from the command line."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import bimotion
from bimotion.cli.main import exit_code
from bimotion.evaluation.text_to_motion import TextToMotion
from bimotion.evaluators.contrastive import EVALUATOR_SIZES, ContrastiveEvaluator
from bimotion.evaluators.folder import ContrastiveParts, save_contrastive
from bimotion.features.clip_encoding import encode_clip
from bimotion.models.tokens import MotionTokenizer
from bimotion.motion.clip import Clip
from bimotion.storage.locks import locked_folder
from tests.data.made_up_set import synthetic_item, write_set


@pytest.fixture
def here(tmp_path: Path, micro_folder: Path, walk: Clip, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a data set `data` of 4 walks and an evaluator `judge` of random weights."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BIMOTION_MODEL", str(micro_folder))
    features = encode_clip(walk.joints)
    items = [
        synthetic_item(
            id=f"clip{number}#0",
            take=f"take{number}",
            num_frames=30 + number,
            captions=(f"a person walks {number} steps.",),
        )
        for number in range(4)
    ]
    write_set(Path("data"), items, [features])
    tokenizer = MotionTokenizer.train(["a person walks 0 1 2 3 steps."] * 3, 320, slots=1)
    torch.manual_seed(0)
    sizes = replace(EVALUATOR_SIZES["micro"], vocab_size=tokenizer.special.text_vocab_size)
    network = ContrastiveEvaluator(sizes).eval()
    network.feature_mean.copy_(torch.from_numpy(features.mean(0)))
    save_contrastive(ContrastiveParts(network, tokenizer), Path("judge"), "")
    return tmp_path


def call(*args: str) -> None:
    assert exit_code(args) == 0


def test_a_model_is_scored_the_same_twice_and_compared(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    args = ("evaluate", "--data", "data", "--evaluator", "judge", "--repeats", "2", "--steps", "2")
    call(*args, "--out", "first", "--name", "first")
    assert capsys.readouterr().out.splitlines()[-1] == f"report: {Path('first/report.html')}"
    call(*args, "--out", "second", "--json")
    output = json.loads(capsys.readouterr().out)
    first, second = (json.loads((here / name / "results.json").read_text()) for name in ("first", "second"))
    assert first["scores"] == second["scores"] == output["scores"]
    assert (first["name"], second["name"]) == ("first", "micro")
    assert first["about"]["model"]["steps"] == 2
    assert {path.name for path in (here / "first").iterdir()} == {
        "results.json",
        "report.md",
        "report.html",
        ".lock",
    }
    assert set(first["scores"]) == {
        *("text_to_motion", "motion_to_text", "captions_raw", "captions_tokens"),
        *("reconstruction", "prediction", "inbetween", "natural", "adherence"),
    }
    call("compare", "first", "second", "--json")
    rows = json.loads(capsys.readouterr().out)
    assert {row["exceeds"] for row in rows} == {False, None}
    call("compare", "first", "second")
    assert "R-precision top 1" in capsys.readouterr().out
    call("evaluate", "--data", "data", "--evaluator", "judge", "--real", "--count", "3", "--out", "real")
    assert exit_code(["compare", "first", "real"]) == 2
    assert "cannot be compared: data" in capsys.readouterr().err


def test_motions_of_another_system_are_asked_for_and_scored(
    here: Path, capsys: pytest.CaptureFixture[str], walk: Clip
) -> None:
    call("evaluate", "--data", "data", "--export-prompts", "made", "--repeats", "1")
    assert capsys.readouterr().out == f"{Path('made/prompts.jsonl')}: 1 x 4 motions to generate\n"
    for line in (here / "made" / "prompts.jsonl").read_text().splitlines():
        file = here / "made" / json.loads(line)["file"]
        file.parent.mkdir(exist_ok=True)
        np.save(file, walk.joints)
    args = ("--evaluator", "judge", "--repeats", "2", "--json")
    call("evaluate", "--data", "data", "--motions", "made", "--out", "report", *args)
    scores = json.loads(capsys.readouterr().out)["scores"]
    assert set(scores) == {"text_to_motion", "natural", "adherence"}
    call("evaluate", "--motions", "made", "--out", "alone", "--json")
    assert set(json.loads(capsys.readouterr().out)["scores"]) == {"natural"}


def test_a_folder_that_another_process_writes_to_is_refused(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in (
        ["evaluate", "--data", "data", "--evaluator", "judge", "--real", "--out"],
        ["demo", "--out"],
    ):
        with locked_folder(here / "busy"):
            assert exit_code([*command, "busy"]) == 2
        error = capsys.readouterr().err.strip()
        assert error.startswith("bimotion: busy: another bimotion process is writing here")


def test_a_killed_evaluation_continues_and_its_damaged_steps_are_computed_again(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    args = ("evaluate", "--data", "data", "--evaluator", "judge", "--repeats", "3", "--steps", "2")
    call(*args, "--out", "whole")
    repeat, calls = TextToMotion.repeat, []

    def killed_at_2(task: TextToMotion, number: int, results: Sequence[Any]) -> object:
        calls.append(number)
        if number == 2 and len(calls) == 3:
            raise KeyboardInterrupt
        return repeat(task, number, results)

    monkeypatch.setattr(TextToMotion, "repeat", killed_at_2)
    assert exit_code([*args, "--out", "killed"]) == 130
    (here / "killed" / "unfinished" / "text-to-motion-0001.json").write_bytes(b'{"rows": {')
    call(*args, "--out", "killed")
    assert "2 steps are finished" in capsys.readouterr().err
    assert calls == [0, 1, 2, 1, 2]
    whole, killed = (json.loads((here / name / "results.json").read_text()) for name in ("whole", "killed"))
    assert killed["scores"] == whole["scores"]
    assert not (here / "killed" / "unfinished").exists()


def test_search_finds_by_sentence_and_by_example(
    here: Path, capsys: pytest.CaptureFixture[str], walk: Clip
) -> None:
    (here / "takes").mkdir()
    bimotion.save_clip(walk, here / "takes" / "walk.npz")
    bimotion.save_clip(walk.mirror()[:25], here / "takes" / "other.bvh")
    (here / "takes" / "bad.bvh").write_text("HIERARCHY\n")
    call("search", "a person walks", "takes", "--evaluator", "judge", "--count", "1")
    output = capsys.readouterr()
    assert len(output.out.splitlines()) == 1
    assert "bimotion: not searched: " in output.err
    call("search", "a person walks", "takes", "--evaluator", "judge", "--min-score", "1")
    output = capsys.readouterr()
    assert output.out == ""
    assert "bimotion: nothing found; the nearest is takes/" in output.err
    call("search", "a person walks", "takes", "--evaluator", "judge", "--min-speed", "9", "--side", "left")
    assert capsys.readouterr().err.endswith("bimotion: nothing found\n")
    call(
        *("search", "takes/walk.npz", "takes", "--evaluator", "judge"),
        *("--index", "index.npz", "--json", "--page", "found.html"),
    )
    rows = json.loads(capsys.readouterr().out)
    assert [Path(row["file"]).name for row in rows] == ["walk.npz", "other.bvh"]
    assert (here / "index.npz").is_file()
    assert (here / "found.html").stat().st_size > 1000


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["evaluate"], "--data: expected a data set"),
        (["evaluate", "--data", "nowhere"], "nowhere: expected a prepared data set"),
        (
            ["evaluate", "--data", "data", "--real", "--model", "m"],
            "give only one of --model, --motions, --real and --nearest",
        ),
        (["evaluate", "--data", "data", "--long", "--nearest"], "without --motions, --real, --nearest"),
        (["evaluate", "--data", "data", "--long", "--best", "4"], "without --motions, --real, --nearest"),
        (["evaluate", "--data", "data", "--ways", "clips"], "--ways: expected --long"),
        (["evaluate", "--data", "data", "--real", "--best", "4"], "--best: expected a model"),
        (["evaluate", "--data", "data", "--repeats", "0"], "expected 1 or more repeats"),
        (["evaluate", "--data", "data", "--evaluator", "none"], "none: no evaluator here"),
        (["evaluate", "--data", "data", "--out", "data"], "data: contains other files"),
        (
            [
                *("evaluate", "--data", "data", "--evaluator", "judge", "--real"),
                *("--protocol", "humanml3d-2022", "--out", "x"),
            ],
            "humanml3d-2022 is defined by the published evaluator",
        ),
        (["evaluate", "--motions", "judge"], "judge: has no motion files"),
        (["compare", "data", "data"], "`bimotion evaluate` writes a report's folder"),
        (["search", "a", "nowhere"], "nowhere: expected a folder of recordings"),
        (["search", "no.bvh", "data"], "no.bvh: no such file"),
        (["search", "a", "data", "--count", "0"], "--count: expected 1 or more"),
        (["search", "a", "data", "--min-speed", "-1"], "expected 0 or more"),
    ],
)
@pytest.mark.usefixtures("here")
def test_a_wrong_input_is_one_line_and_leaves_nothing(
    capsys: pytest.CaptureFixture[str], args: list[str], message: str
) -> None:
    before = sorted(Path().rglob("*"))
    assert exit_code(args) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert sorted(Path().rglob("*")) == before
