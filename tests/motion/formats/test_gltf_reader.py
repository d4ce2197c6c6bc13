"""Animations of glTF files: any order of nodes, scales, interpolations and names; malformed files are refused."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bimotion.errors import MotionFileError
from bimotion.motion.formats import ReadOptions, read_motion, read_with_interpretation, write_motion
from bimotion.motion.formats.gltf_file import GltfFile


@pytest.fixture
def walking(tmp_path, walk) -> Path:
    write_motion(replace(walk, caption="a person walks"), tmp_path / "walk.glb")
    return tmp_path / "walk.glb"


def changed(path: Path, change) -> Path:
    """The file with its document changed."""
    file = GltfFile.load(path)
    change(file)
    out = path.with_name("changed.glb")
    file.save(out)
    return out


def test_the_motion_and_its_facts_are_read(walking, walk) -> None:
    found = read_with_interpretation(walking, ReadOptions())
    clip = found.clip
    lift = (clip.joints - walk.joints)[0, 0] * [0, 1, 0]  # .glb stands on its soles
    np.testing.assert_allclose(clip.joints, walk.joints + lift, atol=1e-5)
    assert (clip.fps, clip.caption, clip.rotations is not None) == (20, "a person walks", True)
    assert found.interpretation.up.axis == "y"
    assert read_motion(walking, rate=40).fps == 40


def test_gltf_with_a_data_uri_reads_the_same(walking, tmp_path) -> None:
    import base64

    file = GltfFile.load(walking)
    data = base64.b64encode(bytes(file.data)).decode()
    file.document["buffers"] = [
        {"byteLength": len(file.data), "uri": f"data:application/octet-stream;base64,{data}"}
    ]
    (tmp_path / "a.gltf").write_text(json.dumps(file.document))
    np.testing.assert_array_equal(read_motion(tmp_path / "a.gltf").joints, read_motion(walking).joints)


def test_a_scaled_armature_above_the_hips_is_followed(walking) -> None:
    def wrap(file: GltfFile) -> None:
        nodes = file.document["nodes"]
        for node in nodes:
            if "translation" in node:
                node["translation"] = [100 * x for x in node["translation"]]
        for channel in file.document["animations"][0]["channels"]:
            if channel["target"]["path"] == "translation":
                sampler = file.document["animations"][0]["samplers"][channel["sampler"]]
                sampler["output"] = file.add((100 * file.array(sampler["output"])).astype(np.float32), "VEC3")
        nodes.append({"name": "Armature", "scale": [0.01, 0.01, 0.01], "children": [0]})
        file.document["scenes"][0]["nodes"] = [len(nodes) - 1]

    np.testing.assert_allclose(
        read_motion(changed(walking, wrap)).joints, read_motion(walking).joints, atol=1e-4
    )


def test_a_vrm_humanoid_names_the_bones(walking) -> None:
    actual = {
        "hips": "pelvis",
        "spine": "spine1",
        "chest": "spine2",
        "upperChest": "spine3",
        "neck": "neck",
        "head": "head",
    }
    parts = {"UpperLeg": "hip", "LowerLeg": "knee", "Foot": "ankle", "Toes": "foot"}
    parts |= {"Shoulder": "collar", "UpperArm": "shoulder", "LowerArm": "elbow", "Hand": "wrist"}
    actual |= {
        f"{side}{bone}": f"{side}_{joint}" for side in ("left", "right") for bone, joint in parts.items()
    }

    def name(file: GltfFile) -> None:
        nodes = file.document["nodes"]
        position = {node.get("name"): i for i, node in enumerate(nodes)}
        for i, node in enumerate(nodes):
            node["name"] = f"x{i}"
        bones = {bone: {"node": position[joint]} for bone, joint in actual.items()}
        file.document["extensions"] = {"VRMC_vrm_animation": {"humanoid": {"humanBones": bones}}}

    found = read_with_interpretation(changed(walking, name), ReadOptions())
    assert found.interpretation.joints["left_knee"] == "leftLowerLeg"
    expected = read_motion(walking).joints
    for joint in (1, 4, 7, 16, 18, 20, 12):
        np.testing.assert_allclose(found.clip.joints[:, joint], expected[:, joint], atol=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.update(animations=[]), "the file has no animation"),
        (lambda d: d["animations"][0].update(channels=[]), "animations move no joint"),
        (lambda d: d["nodes"][1].update(children=[0]), "not a tree"),
        (lambda d: d["nodes"][0].update(children=[10**9]), "node 0: 1000000000 of its children is no node"),
        (lambda d: d["nodes"][0].update(children=7), "node 0: expected a list of children, got 7"),
        (lambda d: d["animations"][0].update(channels=7), "animation 0: expected a list of channels"),
        (lambda d: d["nodes"][0].update(translation=["x", 0, 0]), "node 0"),
        (lambda d: d["skins"][0].update(joints=[999]), "skin 0: 999 of its joints is no node"),
        (lambda d: d["animations"][0]["channels"][0].update(sampler=999), "does not exist"),
        (lambda d: d["animations"][0]["samplers"][0].update(input=0), "accessor|expected"),
        (lambda d: d["animations"][0]["samplers"][0].update(output=10**6), "accessor 1000000"),
        (lambda d: d.update(nodes={}), "list of nodes"),
        (lambda d: d.update(animations={}), "list of animations"),
    ],
)
def test_malformed_files_are_refused_in_one_line(walking, change, message) -> None:
    with pytest.raises(MotionFileError, match=message) as error:
        read_motion(changed(walking, lambda file: change(file.document)))
    assert "\n" not in str(error.value)


def test_another_animation_is_read_by_its_name_or_index(walking) -> None:
    def add(file: GltfFile) -> None:
        animations = file.document["animations"]
        still = json.loads(json.dumps(animations[0])) | {"name": "still"}
        still["channels"] = [c for c in still["channels"] if c["target"]["path"] == "translation"]
        animations.append(still)

    path = changed(walking, add)
    found = read_with_interpretation(path, ReadOptions())
    np.testing.assert_array_equal(found.clip.joints, read_motion(walking).joints)
    assert "2 animations (a person walks, still); the first is read" in found.interpretation.warnings[0]
    for chosen in ("still", "1"):
        other = read_with_interpretation(path, ReadOptions(animation=chosen))
        assert not other.interpretation.warnings
        body = other.clip.joints - other.clip.joints[:, :1]
        assert np.ptp(body, axis=0).max() < 1e-5  # only the pelvis moves
    with pytest.raises(MotionFileError, match="no animation 'jump'; it has a person walks, still"):
        read_motion(path, animation="jump")


def test_info_lists_the_animations(walking, capsys) -> None:
    from bimotion.cli.main import exit_code

    assert exit_code(["info", str(walking), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["animations"] == ["a person walks"]
