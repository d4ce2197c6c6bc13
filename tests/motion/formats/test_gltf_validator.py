"""Khronos' validator finds no errors and no warnings in what is written as glTF."""

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

import bimotion
from bimotion.motion.formats.joint_names import NAMES
from tests.motion.retarget import characters

WEB = Path(__file__).parents[3] / "web"

pytestmark = pytest.mark.skipif(
    shutil.which("node") is None or not (WEB / "node_modules" / "gltf-validator").is_dir(),
    reason="needs node, and `npm ci` in web/",
)


def issues(path: Path) -> dict:
    script = Path(__file__).parent / "gltf_validator.mjs"
    done = subprocess.run(
        ["node", str(script), str(WEB), str(path)], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def assert_clean(path: Path) -> None:
    found = issues(path)
    assert (found["numErrors"], found["numWarnings"]) == (0, 0), found["messages"]


@pytest.mark.parametrize("names", NAMES)
@pytest.mark.parametrize("root_bone", [False, True])
def test_written_files_are_sound(tmp_path, walk, names, root_bone) -> None:
    clip = replace(walk, caption="a person walks")
    bimotion.save_clip(clip, tmp_path / "a.glb", names=names, root_bone=root_bone, fps=30)
    assert_clean(tmp_path / "a.glb")


@pytest.mark.parametrize("build", characters.BUILDS)
def test_characters_stay_sound(tmp_path, walk, build) -> None:
    characters.gltf_character(characters.BUILDS[build]).save(tmp_path / "me.glb")
    assert_clean(tmp_path / "me.glb")
    clips = [replace(walk, caption="a person walks"), replace(walk.resample(30), name="again")]
    bimotion.retarget(clips, tmp_path / "me.glb", tmp_path / "out.glb")
    assert_clean(tmp_path / "out.glb")


def test_a_vrm_stays_sound(tmp_path, walk) -> None:
    file = characters.gltf_character(next(iter(characters.BUILDS.values())))
    bones = dict(zip(characters.NAMES["vrm"], range(1, 23), strict=True))
    file.document["extensionsUsed"] = ["VRMC_vrm"]
    file.document["extensions"] = {
        "VRMC_vrm": {
            "specVersion": "1.0",
            "meta": {"name": "me", "authors": ["us"], "licenseUrl": "https://vrm.dev/licenses/1.0/"},
            "humanoid": {"humanBones": {name: {"node": node} for name, node in bones.items()}},
        }
    }
    file.save(tmp_path / "me.vrm")
    bimotion.retarget(walk, tmp_path / "me.vrm", tmp_path / "out.vrm")
    assert_clean(tmp_path / "out.vrm")


def test_the_validator_finds_faults(tmp_path, walk) -> None:
    from bimotion.motion.formats.gltf_file import GltfFile

    bimotion.save_clip(walk, tmp_path / "a.glb")
    file = GltfFile.load(tmp_path / "a.glb")
    file.document["skins"][0]["joints"][0] = 10_000
    file.save(tmp_path / "a.glb")
    assert issues(tmp_path / "a.glb")["numErrors"] > 0
