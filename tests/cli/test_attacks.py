"""Hostile and damaged inputs from the command line: one line that names the file, or the right result, at once.

Each test makes its input; `docs/security.md` lists which case is tested where.
"""

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import bimotion
from bimotion.cli.main import exit_code
from bimotion.motion.clip import Clip
from bimotion.motion.formats import write_motion
from bimotion.motion.skeleton import JOINT_NAMES

AT_ONCE = 10.0
"""Processor time, seconds, within which a refusal comes, the checks of types included; hangs took minutes."""


def refusal(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    """What a command prints that must be refused in one line."""
    capsys.readouterr()
    begin = time.process_time()
    assert exit_code(args) == 2
    assert time.process_time() - begin < AT_ONCE
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.count("\n") == 1
    return output.err


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def bvh(here: Path, walk: Clip) -> str:
    """The text of a walk's BVH, whose names are ours."""
    write_motion(walk[:8], here / "walk.bvh")
    return (here / "walk.bvh").read_text()


def test_bvh_of_empty_lines(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "x.bvh").write_text("HIERARCHY" + "\n" * 100_000)
    assert "x.bvh: no MOTION section" in refusal(capsys, "info", "x.bvh")


def test_bvh_without_channels(here: Path, bvh: str, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [line for line in bvh.splitlines() if "CHANNELS" not in line]
    frames = next(index for index, line in enumerate(lines) if line.startswith("Frames:"))
    lines[frames] = "Frames: 900000000"
    (here / "x.bvh").write_text("\n".join(lines))
    assert "no joint has channels" in refusal(capsys, "info", "x.bvh")


def test_a_toe_that_is_not_below_its_foot_is_placed_from_the_other_side(here: Path, walk: Clip) -> None:
    write_motion(walk, here / "walk.bvh")
    lines = (here / "walk.bvh").read_text().splitlines()
    toe = next(index for index, line in enumerate(lines) if line.strip() == "JOINT left_foot")
    channels = lines[toe + 2 : toe + 4]
    assert any("CHANNELS 3" in line for line in channels)
    lines[toe] = lines[toe].replace("left_foot", "prop")
    (here / "x.bvh").write_text("\n".join(lines))
    found = bimotion.read_clip(here / "x.bvh")
    left, right = JOINT_NAMES.index("left_foot"), JOINT_NAMES.index("right_foot")
    ankle = JOINT_NAMES.index("left_ankle")
    assert np.linalg.norm(found.joints[:, left] - found.joints[:, ankle], axis=-1).max() < 0.2
    assert abs(found.joints[:, left, 1].mean() - found.joints[:, right, 1].mean()) < 0.05


def test_bvh_with_two_roots(here: Path, bvh: str, capsys: pytest.CaptureFixture[str]) -> None:
    lines = bvh.splitlines()
    leg = next(index for index, line in enumerate(lines) if line.strip() == "JOINT right_hip")
    depth, end = 0, leg + 1
    while True:
        depth += lines[end].count("{") - lines[end].count("}")
        end += 1
        if depth == 0:
            break
    motion = lines.index("MOTION")
    moved = ["ROOT right_hip", *lines[leg + 1 : end]]
    text = [*lines[:leg], *lines[end:motion], *moved, *lines[motion:]]
    (here / "x.bvh").write_text("\n".join(text))
    assert "x.bvh: " in refusal(capsys, "info", "x.bvh")


@pytest.mark.parametrize("rate", [1e-6, 1e-3, 1e9])
def test_impossible_rates(here: Path, walk: Clip, rate: float, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez(here / "x.npz", joints=walk.joints, fps=np.array(rate))
    assert "expected 1 to 2000 frames per second" in refusal(capsys, "info", "x.npz")


def sparse(path: Path) -> None:
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": "<f4", "fortran_order": False, "shape": (6_000_000, 263)}
        )
        file.truncate(file.tell() + 6_000_000 * 263 * 4)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: path.write_bytes(b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran"), "not a readable"),
        (sparse, "files of up to"),
        (lambda path: np.save(path, np.full((40, 263), "x")), "elements of <U1"),
        (lambda path: np.save(path, np.zeros((40, 263), complex)), "elements of complex128"),
        (lambda path: np.save(path, np.zeros((40, 263), "M8[s]")), "elements of datetime64"),
        (lambda path: np.save(path, np.full((40, 263), 1e20)), "exceeds"),
        (lambda path: np.save(path, np.array([{"a": 1}])), "Python objects"),
    ],
    ids=["cut", "sparse", "strings", "complex", "dates", "absurd", "objects"],
)
def test_arrays(
    here: Path, write: Callable[[Path], object], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write(here / "x.npy")
    assert message in refusal(capsys, "info", "x.npy")


def test_an_archive_that_unpacks_to_a_thousand_times_its_size(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.savez_compressed(here / "x.npz", poses=np.zeros((200, 1 << 16)))
    assert "x.npz: " in refusal(capsys, "info", "x.npz")


def test_smpl_in_millimetres_is_of_a_persons_size(here: Path, walk: Clip) -> None:
    np.savez(here / "x.npz", joints=walk.joints * 1000, fps=np.array(20.0))
    np.testing.assert_allclose(bimotion.read_clip(here / "x.npz").joints, walk.joints, atol=1e-4)


def test_deep_json(here: Path, bvh: str, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "map.json").write_text("[" * 100_000)
    assert "map.json: nested more than 64 levels" in refusal(
        capsys, "info", "walk.bvh", "--joint-map", "map.json"
    )


@pytest.mark.parametrize(
    ("part", "field", "value"),
    [
        ("mixture", "kv_heads", 0),
        ("mixture", "layers", 200_000),
        ("vae", "width", 0),
        ("mixture", "max_positions", 10**12),
        ("mixture", "width", 1 << 20),
    ],
)
def test_sizes_in_a_models_configuration(
    here: Path,
    bvh: str,
    micro_folder: Path,
    part: str,
    field: str,
    value: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shutil.copytree(micro_folder, here / "model")
    config = json.loads((here / "model" / "config.json").read_text())
    assert field in config[part]
    config[part][field] = value
    (here / "model" / "config.json").write_text(json.dumps(config))
    assert "model" in refusal(capsys, "caption", "walk.bvh", "--model", "model")


@pytest.mark.parametrize("captions", ["a person walks.", [None], [["a"]], 3])
def test_captions_of_a_catalogue_are_lists_of_strings(
    here: Path, bvh: str, captions: object, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "takes").mkdir()
    (here / "walk.bvh").rename(here / "takes" / "walk.bvh")
    (here / "c.jsonl").write_text(json.dumps({"id": "walk", "content": "walk", "captions": captions}) + "\n")
    output = refusal(capsys, "prepare", "bvh", "takes", "out", "--catalogue", "c.jsonl")
    assert "c.jsonl:1: " in output
    assert "captions" in output


def test_one_broken_file_does_not_stop_a_search(
    here: Path, walk: Clip, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "takes").mkdir()
    np.savez(here / "takes" / "really-an-npz.npz", x=np.zeros(3))
    (here / "takes" / "really-an-npz.npz").rename(here / "takes" / "bad.npy")
    write_motion(walk, here / "takes" / "walk.npy")
    assert exit_code(["search", "a person walks", "takes", "--min-score", "-1"]) == 0
    output = capsys.readouterr()
    assert "walk.npy" in output.out
    assert "bad.npy" in output.err
    assert "Traceback" not in output.err
