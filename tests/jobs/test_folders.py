import csv
from pathlib import Path

import pytest

import bimotion
from bimotion.cli.main import exit_code
from bimotion.errors import ConfigError
from bimotion.jobs.folders import read_prompts
from bimotion.motion.clip import Clip


@pytest.fixture
def takes(tmp_path: Path, walk: Clip) -> Path:
    folder = tmp_path / "takes"
    (folder / "deep").mkdir(parents=True)
    bimotion.save_clip(walk, folder / "walk.npz")
    bimotion.save_clip(Clip(walk.joints[::-1].copy(), walk.fps), folder / "deep" / "back.npz")
    (folder / "broken.bvh").write_text("HIERARCHY\n")
    return folder


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_folder_is_captioned_tagged_and_converted_and_goes_on(
    takes: Path, micro_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = ["--model", str(micro_folder)]
    captions, tags = tmp_path / "captions.csv", tmp_path / "tags.jsonl"
    assert exit_code(["caption", str(takes), "--out", str(tmp_path / "captions.vtt"), *model]) == 2
    assert "--sidecar vtt writes timed captions" in capsys.readouterr().err
    assert exit_code(["caption", str(takes), "--out", str(captions), "--sidecar", "vtt", *model]) == 2
    assert [row["file"] for row in table(captions)] == ["deep/back.npz", "walk.npz"]
    assert (takes / "walk.vtt").read_text().startswith("WEBVTT\n")
    streams = capsys.readouterr()
    assert "2 rows added" in streams.out
    assert "broken.bvh" in streams.err
    assert "1 of 3 could not be used" in streams.err
    (takes / "broken.bvh").unlink()
    assert exit_code(["caption", str(takes), "--out", str(captions), *model]) == 0
    assert "0 rows added, 2 were there before" in capsys.readouterr().out
    assert exit_code(["caption", str(takes), "--sidecar", "vtt", *model]) == 0  # all have theirs
    assert exit_code(["tags", str(takes), "--out", str(tags), *model]) == 0
    assert len(tags.read_text().splitlines()) == 2
    out = tmp_path / "npy"
    assert exit_code(["convert", str(takes), str(out), "--to", "npy"]) == 0
    assert len(bimotion.read_clip(out / "deep" / "back.npy")) == len(bimotion.read_clip(takes / "walk.npz"))


def test_motions_of_a_list_are_generated_once(
    micro_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prompts, out = tmp_path / "prompts.csv", tmp_path / "motions"
    prompts.write_text('text,seconds,seed\na person walks forward.,2,7\n"turns around, then waves",,\n')
    command = [
        "generate",
        "--from",
        str(prompts),
        "--out-dir",
        str(out),
        "--format",
        "npy",
        "--model",
        str(micro_folder),
    ]
    assert exit_code(command) == 0
    rows = table(out / "motions.csv")
    assert [row["seed"] for row in rows] == ["7", "1"]
    assert [row["file"] for row in rows] == [
        "000001-a-person-walks-forward.npy",
        "000002-turns-around-then-waves.npy",
    ]
    clip = bimotion.read_clip(out / rows[0]["file"])
    model = bimotion.load(micro_folder)
    same = model.text_to_motion("a person walks forward.", seconds=2, seed=7)
    assert clip.joints.tobytes() == same.joints.tobytes()
    assert exit_code(command) == 0
    assert "0 rows added, 2 were there before" in capsys.readouterr().out


def test_a_list_without_sentences_is_refused(tmp_path: Path) -> None:
    for content, message in (
        ("name\nx\n", "expected a column called text"),
        ("text,seconds\nwalks,long\n", "row 1: seconds: expected a number"),
        ("text\n\n", "has no sentences"),
        (f"text\n{'walks ' * 40_000}\n", "not a readable table"),
    ):
        file = tmp_path / "prompts.csv"
        file.write_text(content)
        with pytest.raises(ConfigError, match=message):
            read_prompts(file, 0, ".bvh")
