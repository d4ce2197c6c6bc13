"""Every script in examples/ does what its first lines say."""

import csv
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from bimotion.api import read_clip, save_clip
from bimotion.motion.clip import Clip

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def environment(micro_folder: Path) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "BIMOTION_MODEL": str(micro_folder)}


def run(command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done


def test_all_examples_are_listed_and_tested() -> None:
    scripts = {path.name for path in EXAMPLES.iterdir() if path.suffix in (".py", ".sh")}
    listed = (EXAMPLES / "README.md").read_text("utf-8")
    tests = Path(__file__).read_text("utf-8")
    assert all(f"({name})" in listed and f'"{name}"' in tests for name in scripts)


def test_first_motion(tmp_path: Path, environment: dict[str, str]) -> None:
    run([sys.executable, str(EXAMPLES / "first_motion.py"), "a person waves", str(tmp_path)], environment)
    assert {path.name for path in tmp_path.iterdir()} == {"motion.bvh", "motion.glb", "motion.html"}
    assert len(read_clip(tmp_path / "motion.bvh")) > 10


def test_caption_folder(tmp_path: Path, environment: dict[str, str], walk: Clip) -> None:
    (tmp_path / "a").mkdir()
    save_clip(walk, tmp_path / "a" / "walk.bvh")
    (tmp_path / "broken.bvh").write_text("HIERARCHY\n")
    done = run([sys.executable, str(EXAMPLES / "caption_folder.py"), str(tmp_path)], environment)
    rows = list(csv.DictReader((tmp_path / "captions.csv").read_text(encoding="utf-8").splitlines()))
    assert [row["file"] for row in rows] == ["a/walk.bvh"]
    assert "broken.bvh" in done.stderr


@pytest.mark.slow
def test_own_data(tmp_path: Path, environment: dict[str, str], walk: Clip) -> None:
    takes = tmp_path / "takes"
    takes.mkdir()
    with (takes / "captions.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "caption"])
        for number in range(8):
            save_clip(walk, takes / f"walk{number}.bvh")
            rows.writerow([f"walk{number}.bvh", "a person walks forward"])
    script = ["bash", str(EXAMPLES / "own_data.sh"), str(takes), str(tmp_path / "work"), "micro"]
    run([*script, "--steps", "3", "--batch-size", "4", "--device", "cpu"], environment)
    assert len(read_clip(tmp_path / "work" / "walk.bvh")) > 10


def test_evaluate_another_system(tmp_path: Path, environment: dict[str, str]) -> None:
    row = {"file": "00/clip.npy", "repeat": 0, "id": "clip", "caption": "a person stands", "frames": 30}
    (tmp_path / "prompts.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    run([sys.executable, str(EXAMPLES / "evaluate_another_system.py"), str(tmp_path)], environment)
    clip = read_clip(tmp_path / "00" / "clip.npy")
    assert clip.joints.shape == (31, 22, 3)
    assert np.ptp(clip.joints, axis=0).max() == 0


@pytest.fixture
def service(environment: dict[str, str]) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, str(EXAMPLES / "service.py"), str(port)], env=environment)
    try:
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def test_service(service: str) -> None:
    request = json.dumps({"text": "a person jumps", "seconds": 2, "seed": 1}).encode()
    with urllib.request.urlopen(service, data=request) as answer:
        assert answer.read()[:4] == b"glTF"
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(service, data=b'{"text": ""}')
    refused.value.close()
    assert refused.value.code == 400
