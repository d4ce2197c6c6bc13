import json
import re
from pathlib import Path

import numpy as np
import pytest

import bimotion
from bimotion.cli.demo import PROMPTS
from bimotion.cli.main import exit_code
from bimotion.cli.outputs import slug
from bimotion.motion.clip import Clip
from bimotion.motion.quality import motion_quality


@pytest.fixture
def here(tmp_path: Path, micro_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder; the model is one of random weights."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BIMOTION_MODEL", str(micro_folder))
    return tmp_path


def call(*args: str) -> None:
    assert exit_code(args) == 0


def refused(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    """The one line with which a command refuses; nothing is left behind."""
    before = sorted(Path().iterdir())
    assert exit_code(args) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert sorted(Path().iterdir()) == before
    (line,) = output.err.splitlines()
    return line


@pytest.mark.usefixtures("here")
def test_generate_writes_the_motion_of_the_seed(capsys: pytest.CaptureFixture[str]) -> None:
    call("generate", "a person waves", "--out", "wave.npy", "--seed", "3", "--seconds", "2")
    first, second = capsys.readouterr().out.splitlines()
    assert first == "wave.npy: a person waves (2.0 s, 40 frames, seed 3)"
    assert re.fullmatch(r"  caption: .* \(match [01]\.\d\d\)", second)
    expected = bimotion.load().text_to_motion("a person waves", seed=3, seconds=2)
    np.testing.assert_allclose(np.load("wave.npy"), expected.joints, atol=1e-5)


@pytest.mark.usefixtures("here")
def test_several_motions_are_named_by_their_sentences_and_never_overwrite(
    capsys: pytest.CaptureFixture[str],
) -> None:
    texts = ("A person waves!", "he says: ça va")
    args = ("generate", *texts, "--count", "2", "--out", "m.npy", "--seed", "0", "--seconds", "1")
    call(*args, "--json")
    rows = json.loads(capsys.readouterr().out)
    assert [(row["file"], row["text"], row["seed"]) for row in rows] == [
        ("a-person-waves-1.npy", "A person waves!", 0),
        ("a-person-waves-2.npy", "A person waves!", 1),
        ("he-says-ca-va-1.npy", "he says: ça va", 2),
        ("he-says-ca-va-2.npy", "he says: ça va", 3),
    ]
    assert sorted(path.name for path in Path().iterdir()) == [row["file"] for row in rows]
    assert "a-person-waves-1.npy exists already" in refused(capsys, *args)


@pytest.mark.usefixtures("here")
def test_a_folder_takes_a_motion_with_the_options_of_the_file() -> None:
    Path("out").mkdir()
    call("generate", "a person waves", "--out", "out", "--format", "bvh", "--seconds", "2", "--seed", "0")
    options = ("--names", "unreal", "--unit", "cm", "--fps", "30", "--sidecar", "--end", "1")
    call("generate", "someone walks", "--out", "out", "--seconds", "2", "--seed", "0", *options)
    assert sorted(p.name for p in Path("out").iterdir()) == [
        "a-person-waves.bvh",
        "someone-walks.bvh",
        "someone-walks.json",
    ]
    sidecar = json.loads(Path("out/someone-walks.json").read_text(encoding="utf-8"))
    clip = bimotion.read_clip("out/someone-walks.bvh", unit="cm")
    assert (sidecar["caption"], sidecar["fps"], sidecar["frames"]) == ("someone walks", 30, len(clip))
    assert (sidecar["joint_names"], sidecar["unit"]) == ("unreal", "cm")
    assert "JOINT thigh_l" in Path("out/someone-walks.bvh").read_text()


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("a person waves", "a-person-waves"),
        ("  --- ", "motion"),
        ("人が手を振る", "人が手を振る"),
        ("../etc/passwd", "etc-passwd"),
        ("word " * 30, "-".join(["word"] * 12)),
    ],
)
def test_slugs_are_file_names(sentence: str, expected: str) -> None:
    assert slug(sentence) == expected


@pytest.mark.usefixtures("here")
def test_several_motions_go_onto_one_page() -> None:
    call("generate", "a", "b", "--out", "page.html", "--seconds", "1")
    assert [path.name for path in Path().iterdir()] == ["page.html"]


def test_caption_prints_what_the_model_says(
    here: Path, capsys: pytest.CaptureFixture[str], walk: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    def output(model: object, clip: Clip, *, best: int | None) -> str:
        return f"{len(clip)} frames"

    monkeypatch.setattr("bimotion.inference.model.MotionLanguageModel.motion_to_text", output)
    bimotion.save_clip(walk, here / "a.npz")
    bimotion.save_clip(walk[:20], here / "b.npz")
    call("caption", "a.npz")
    call("caption", "a.npz", "b.npz")
    call("caption", "a.npz", "b.npz", "--json")
    out = capsys.readouterr().out.splitlines()
    assert out[:3] == ["41 frames", "a.npz: 41 frames", "b.npz: 20 frames"]
    assert json.loads("".join(out[3:])) == [
        {"file": "a.npz", "caption": "41 frames"},
        {"file": "b.npz", "caption": "20 frames"},
    ]


def test_a_broken_file_does_not_stop_the_others(
    here: Path, capsys: pytest.CaptureFixture[str], walk: Clip
) -> None:
    bimotion.save_clip(walk, here / "good.npz")
    (here / "bad.bvh").write_text("HIERARCHY\n")
    assert exit_code(["caption", "missing.bvh", "bad.bvh", "good.npz", "--json"]) == 2
    output = capsys.readouterr()
    assert [row["file"] for row in json.loads(output.out)] == ["good.npz"]
    assert [line.split(": ")[1] for line in output.err.splitlines()] == ["missing.bvh", "bad.bvh"]


def test_predict_adds_what_was_asked(here: Path, capsys: pytest.CaptureFixture[str], walk: Clip) -> None:
    bimotion.save_clip(walk, here / "walk.npz")
    call("predict", "walk.npz", "--seconds", "1.5", "--out", "longer.npy", "--seed", "0")
    call("predict", "walk.npz", "--seconds", "1.5", "--out", "new.npy", "--seed", "0", "--only-new", "--json")
    longer, new = np.load("longer.npy"), np.load("new.npy")
    assert (len(longer), len(new)) == (len(walk) + 30, 30)
    np.testing.assert_allclose(new, longer[len(walk) :], atol=1e-6)
    line, _, rest = capsys.readouterr().out.partition("\n")
    assert line == "longer.npy: 3.55 s, of which 1.50 s are new"
    assert json.loads(rest) == {
        "file": "new.npy",
        "seconds": 1.5,
        "new_seconds": 1.5,
        "frames": 30,
        "fps": 20.0,
    }


def test_inbetween_joins_two_files(here: Path, capsys: pytest.CaptureFixture[str], walk: Clip) -> None:
    bimotion.save_clip(walk[:15], here / "a.npz")
    bimotion.save_clip(walk[30:], here / "b.npz")
    call("inbetween", "a.npz", "b.npz", "--seconds", "0.75", "--seed", "0", "--out", "c.npz", "--fixed-end")
    assert len(bimotion.read_clip("c.npz")) == len(walk)
    capsys.readouterr()
    call("inbetween", "a.npz", "b.npz", "--seconds", "0.75", "--seed", "0", "--out", "d.npz", "--keep-places")
    assert "--keep-places is now --fixed-end" in capsys.readouterr().err
    np.testing.assert_array_equal(bimotion.read_clip("d.npz").joints, bimotion.read_clip("c.npz").joints)


@pytest.mark.parametrize("suffix", ["bvh", "glb", "npy", "npz", "html", "gif", "png"])
def test_convert_writes_every_format(here: Path, walk: Clip, suffix: str) -> None:
    bimotion.save_clip(walk, here / "walk.npz")
    call("convert", "walk.npz", f"walk2.{suffix}")
    assert (here / f"walk2.{suffix}").stat().st_size > 1000


def test_convert_resamples_mirrors_and_writes_features(here: Path, walk: Clip) -> None:
    bimotion.save_clip(walk, here / "walk.npz")
    call("convert", "walk.npz", "fast.npz", "--fps", "40", "--mirror")
    fast = bimotion.read_clip("fast.npz")
    assert fast.fps == 40
    np.testing.assert_allclose(fast.joints[::2], walk.mirror().joints, atol=2e-3)
    call("convert", "walk.npz", "walk.npy", "--features")
    assert np.load("walk.npy").shape == (40, 263)
    back = bimotion.read_clip("walk.npy")
    assert len(back) == 40
    assert back.fps == 20


def test_info_tells_of_motions_and_models(here: Path, capsys: pytest.CaptureFixture[str], walk: Clip) -> None:
    bimotion.save_clip(walk, here / "walk.npz")
    call("info", "walk.npz", "--json")
    facts = json.loads(capsys.readouterr().out)
    assert (facts["frames"], facts["fps"], facts["joints"]) == (41, 20.0, 22)
    assert facts["speed"] == pytest.approx(1.0, abs=0.02)
    quality = motion_quality(walk.joints).scores()
    assert {name: facts[name] for name in quality} == pytest.approx(quality, abs=6e-4)
    call("info", "walk.npz")
    printed = capsys.readouterr().out
    assert re.search(r"^speed +1\.0\d* m/s$", printed, re.MULTILINE)
    assert re.search(r"^penetration_mm +[\d.]+ mm$", printed, re.MULTILINE)
    call("info", "--json")
    model = json.loads(capsys.readouterr().out)
    network = bimotion.load().network
    assert model["parameters"] == sum(value.numel() for value in network.state_dict().values())


def test_the_demo_writes_what_it_says_and_can_be_run_again(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call("demo", "--out", "d")
    call("demo", "--out", "d", "--seed", "1")
    names = {path.name for path in (here / "d").iterdir()}
    assert names - {".lock"} == {"index.html", "recorded.bvh"} | {
        f"{name}.{kind}" for name in PROMPTS for kind in ("bvh", "glb")
    }
    output = capsys.readouterr().out
    assert all(name in output for name in names - {".lock"})
    (here / "d" / "mine.txt").write_text("x")
    assert "d: contains other files (mine.txt)" in refused(capsys, "demo", "--out", "d")


def test_prepared_data_sets_are_joined(here: Path, capsys: pytest.CaptureFixture[str], walk: Clip) -> None:
    for name in ("a", "b"):
        (here / f"raw-{name}").mkdir()
        bimotion.save_clip(walk, here / f"raw-{name}" / f"{name}.npy")
        call("prepare", "bvh", f"raw-{name}", f"sets/{name}", "--workers", "1", "--unit", "m")
    capsys.readouterr()
    call("prepare", "merged", "sets", "sets/all", "--json")
    output = json.loads(capsys.readouterr().out)
    assert (output["folder"], output["recordings"], output["frames"]) == (str(Path("sets/all")), 2, 80)
    assert sum(output["windows"].values()) == 4
    assert {path.name for path in Path("sets/all").iterdir()} == {
        ".lock",
        "README.md",
        "features.npy",
        "index.jsonl",
        "meta.json",
        "stats.npz",
    }


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["caption", "no.bvh"], "no.bvh: no such file"),
        (["caption", "."], ".: has no motion files"),
        (["caption"], "expected a motion file, as in"),
        (["convert", "no.bvh", "out.glb"], "no.bvh: no such file"),
        (["convert", "no.bvh", "out.fbx"], "out.fbx: expected one of .bvh .glb"),
        (["convert", "no.bvh", "out"], "out: expected one of .bvh .glb"),
        (["convert", "no.bvh", "x/out.bvh"], "x/out.bvh: the folder x does not exist"),
        (["generate", "a", "--out", "a.bvh", "--count", "0"], "--count: expected 1 or more"),
        (["generate", " ", "--out", "a.bvh"], "expected a sentence, as in"),
        (["generate", "a", "--out", "a.bvh", "--seconds", "60"], "generates 1 to 9.8 seconds"),
        (["generate", "a", "--out", "a.bvh", "--model", "nowhere"], "nowhere: expected a model folder"),
        (["generate", "a", "--out", "a.bvh", "--device", "tpu"], "device 'tpu' cannot be used"),
        (["generate", "a", "--out", "a.bvh", "--seed", "-1"], "seed: expected 0 to 2**63 - 1, got -1"),
        (["view", "no.bvh", "--out", "x.txt"], "x.txt: expected a name that ends in .html"),
        (["info", "no.bvh"], "no.bvh: there is no such file or model folder"),
        (["generate", "a", "--out", "a.bvh", "--model", "runs/mine"], "write hf:runs/mine"),
        (["generate", "a", "--out", "a.bvh", "--model", "hf:"], "hf:: expected hf:OWNER/NAME"),
        (["generate", "a", "--out", "a.bvh", "--seconds", "nan"], "seconds: expected 1 to 9.8, got nan"),
        (["generate", "a", "--out", "a.bvh", "--best", "0"], "best: expected 1 to 100, got 0"),
        (["generate", "a", "--out", "a.bvh", "--guidance", "nan"], "guidance_scale: expected 0 to 100"),
        (
            ["predict", "no.bvh", "--out", "a.bvh", "--seconds", "1e9"],
            "--seconds: expected 0 to 600, got 1e+09",
        ),
        (["info", "nowhere"], "nowhere: there is no such file or model folder"),
        (["prepare", "bvh", "nowhere", "out"], "nowhere: expected a folder of raw recordings"),
        (["prepare", "merged", "nowhere", "out"], "nowhere: expected a folder of prepared data sets"),
        (["prepare", "merged", ".", "out"], "expected subfolders with prepared data sets"),
        (
            ["prepare", "merged", ".", "out", "--no-mirror"],
            "--no-mirror: not available when joining data sets",
        ),
        (["train", "vae", "--data", "nowhere", "--out", "run"], "nowhere: expected a prepared data set"),
        (["train", "vea"], "unknown stage 'vea'"),
    ],
)
@pytest.mark.usefixtures("here")
def test_a_wrong_input_is_one_line_and_leaves_nothing(
    capsys: pytest.CaptureFixture[str], args: list[str], message: str
) -> None:
    assert message in refused(capsys, *args)


def test_a_model_folder_that_is_none_is_named(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "m").mkdir()
    assert "config.json" in refused(capsys, "generate", "a", "--out", "a.bvh", "--model", "m")
    assert "config.json" in refused(capsys, "info", "m")
