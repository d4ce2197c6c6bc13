"""`bimotion compose` from the command line."""

import json
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest

import bimotion
from bimotion.cli.main import exit_code
from bimotion.cli.progress import Bar
from bimotion.motion.clip import Clip

FAST = ("--steps", "2", "--seed", "4")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, micro_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder; the model is one of random weights."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BIMOTION_MODEL", str(micro_folder))
    return tmp_path


def test_phrases_have_their_lengths_and_the_seed_gives_the_motion(capsys: pytest.CaptureFixture[str]) -> None:
    phrases = ("walks forward @2", "waves @1.5")
    assert exit_code(("compose", *phrases, "--out", "story.npy", *FAST, "--json")) == 0
    row = json.loads(capsys.readouterr().out)
    assert (row["file"], row["seed"], row["seconds"], row["frames"]) == ("story.npy", 4, 3.5, 70)
    assert [(phrase["text"], phrase["start"], phrase["end"]) for phrase in row["phrases"]] == [
        ("walks forward", 0, 2),
        ("waves", 2, 3.5),
    ]
    expected = bimotion.load().compose(phrases, seed=4, steps=2)
    np.testing.assert_allclose(np.load("story.npy"), expected.joints, atol=1e-5)


def test_a_timeline_file_is_what_its_lines_say(capsys: pytest.CaptureFixture[str]) -> None:
    Path("story.txt").write_text("a person walks # 0 # 2\na person waves # 2 # 3.5\n")
    assert exit_code(("compose", "story.txt", "--out", "story.npy", *FAST)) == 0
    assert capsys.readouterr().out.splitlines() == [
        "story.npy: 3.50 s, 70 frames, seed 4",
        "    0.00 -   2.00 s  a person walks",
        "    2.00 -   3.50 s  a person waves",
    ]


def test_the_start_pose_is_the_first_frame_of_its_file(walk: Clip) -> None:
    bimotion.save_clip(walk, "walk.npy")
    args = ("compose", "walks @2", "--start-pose", "walk.npy", "--out", "story.npy", "--raw", *FAST)
    assert exit_code(args) == 0
    first = np.load("story.npy")[0]
    expected = walk.joints[0] - walk.joints[0, 0]
    np.testing.assert_allclose(first - first[0], expected, atol=0.05)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((), "which phrases?"),
        (("walks @2", "--path", "0,0 x"), "path"),
        (("walks @-1",), "expected 0 to 600, got -1"),
        (("none.txt",), "no such timeline file"),
    ],
)
def test_what_cannot_be_composed_is_refused_in_a_line(
    args: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(("compose", *args, "--out", "story.npy")) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert not list(Path().iterdir())


def test_an_interrupted_composition_leaves_the_earlier_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("story.npy").write_bytes(b"earlier")

    def interrupt(self: Bar, done: int, total: int) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(Bar, "update", interrupt)
    assert exit_code(("compose", "walks @2", "waves @2", "--out", "story.npy", *FAST)) == 130
    assert [path.name for path in Path().iterdir()] == ["story.npy"]
    assert Path("story.npy").read_bytes() == b"earlier"
