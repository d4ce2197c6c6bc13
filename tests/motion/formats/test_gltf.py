import hashlib
import json
import struct
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from bimotion.motion.clip import Clip
from bimotion.motion.formats import write_motion
from bimotion.motion.formats.joint_names import NAMES
from bimotion.motion.formats.write_options import WriteOptions
from bimotion.motion.kinematics import forward_kinematics, global_rotations
from bimotion.motion.rotations import quat_to_matrix
from bimotion.motion.skeleton import JOINT_NAMES, PARENTS

TYPES = {"SCALAR": 1, "VEC3": 3, "VEC4": 4, "MAT4": 16}
COMPONENTS = {5121: np.uint8, 5123: np.uint16, 5126: np.float32}


class Glb:
    """A GLB file taken apart by the specification."""

    def __init__(self, data: bytes) -> None:
        magic, version, length = struct.unpack_from("<4sII", data)
        assert (magic, version, length) == (b"glTF", 2, len(data))
        size, kind = struct.unpack_from("<I4s", data, 12)
        assert kind == b"JSON"
        assert size % 4 == 0
        self.json = json.loads(data[20 : 20 + size])
        binary_size, kind = struct.unpack_from("<I4s", data, 20 + size)
        assert kind == b"BIN\0"
        assert binary_size % 4 == 0
        self.binary = data[28 + size :]
        assert len(self.binary) == binary_size == self.json["buffers"][0]["byteLength"]

    def array(self, index: int) -> np.ndarray:
        accessor = self.json["accessors"][index]
        view = self.json["bufferViews"][accessor["bufferView"]]
        width, dtype = TYPES[accessor["type"]], COMPONENTS[accessor["componentType"]]
        assert view["byteOffset"] % 4 == 0
        count = accessor["count"] * width
        assert count * np.dtype(dtype).itemsize == view["byteLength"]
        array = np.frombuffer(self.binary, dtype, count, view["byteOffset"]).reshape(accessor["count"], width)
        if "min" in accessor:
            np.testing.assert_allclose(accessor["min"], array.min(0))
            np.testing.assert_allclose(accessor["max"], array.max(0))
        return array

    def tracks(self) -> dict[tuple[int, str], np.ndarray]:
        animation = self.json["animations"][0]
        return {
            (channel["target"]["node"], channel["target"]["path"]): self.array(
                animation["samplers"][channel["sampler"]]["output"]
            )
            for channel in animation["channels"]
        }

    def joints(self) -> np.ndarray:
        tracks = self.tracks()
        num_frames = len(tracks[0, "translation"])
        offsets = np.stack(
            [np.tile(self.json["nodes"][j]["translation"], (num_frames, 1)) for j in range(22)], axis=1
        )
        rotations = np.stack([tracks[j, "rotation"][:, [3, 0, 1, 2]] for j in range(22)], axis=1)
        for (joint, path), values in tracks.items():
            if path == "translation":
                offsets[:, joint] = values
        return forward_kinematics(rotations.astype(float), offsets[:, 0], offsets)


@pytest.fixture
def glb(tmp_path, walk) -> Glb:
    write_motion(walk, tmp_path / "a.glb")
    return Glb((tmp_path / "a.glb").read_bytes())


def test_the_animation_moves_the_joints_as_the_clip(glb, walk) -> None:
    found = glb.joints()
    raised = found[0, 0, 1] - walk.joints[0, 0, 1]
    assert 0.02 < raised < 0.12  # by the thickness of the soles, whose feet point down in this walk
    np.testing.assert_allclose(found - [0, raised, 0], walk.joints, atol=2e-3)
    times = glb.array(glb.json["animations"][0]["samplers"][0]["input"])[:, 0]
    np.testing.assert_allclose(times, np.arange(41) / 20, atol=1e-6)


def test_the_skeleton_is_a_tree_of_our_joints(glb) -> None:
    nodes = glb.json["nodes"]
    assert [node["name"] for node in nodes[:22]] == list(JOINT_NAMES)
    found = {child: parent for parent, node in enumerate(nodes) for child in node.get("children", [])}
    assert found == {joint: parent for joint, parent in enumerate(PARENTS) if parent >= 0}
    assert sorted(glb.json["scenes"][0]["nodes"]) == [0, 22]
    assert glb.json["skins"][0]["joints"] == list(range(22))


def test_the_skin_rests_on_the_rest_pose(glb) -> None:
    nodes = glb.json["nodes"]
    rest = np.zeros((22, 3))
    for joint, parent in enumerate(PARENTS):
        rest[joint] = np.array(nodes[joint]["translation"]) + (rest[parent] if parent >= 0 else 0)
    inverse = glb.array(glb.json["skins"][0]["inverseBindMatrices"]).reshape(22, 4, 4).transpose(0, 2, 1)
    np.testing.assert_allclose(inverse[:, :3, 3], -rest, atol=1e-6)
    np.testing.assert_array_equal(inverse[:, :3, :3], np.tile(np.eye(3), (22, 1, 1)))


def test_the_mesh_is_one_closed_skin_that_looks_outwards(glb) -> None:
    primitives = glb.json["meshes"][0]["primitives"]
    assert len({json.dumps(p["attributes"]) for p in primitives}) == 1
    attributes = primitives[0]["attributes"]
    positions, normals = glb.array(attributes["POSITION"]), glb.array(attributes["NORMAL"])
    joints, weights = glb.array(attributes["JOINTS_0"]), glb.array(attributes["WEIGHTS_0"])
    assert joints.max() < 22
    np.testing.assert_array_equal(weights.astype(int).sum(1), 255)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=-1), 1, atol=1e-5)
    triangles = np.concatenate([glb.array(p["indices"])[:, 0].reshape(-1, 3) for p in primitives]).astype(int)
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    there, back = ({tuple(edge) for edge in each} for each in (edges, edges[:, ::-1]))
    assert there == back  # every edge has a neighbour on its other side
    assert len(there) == len(edges)
    a, b, c = positions[triangles].transpose(1, 0, 2).astype(float)
    volume = (a * np.cross(b, c)).sum() / 6
    assert 0.05 < volume < 0.09  # cubic metres: a person has about 0.07
    across = np.cross(b - a, c - a)
    assert ((across * normals[triangles].mean(1)).sum(-1) > 0).mean() > 0.995


def test_the_figure_stands_on_the_floor_with_left_on_the_left_and_a_face_ahead(glb) -> None:
    parts = {glb.json["materials"][p["material"]]["name"]: p for p in glb.json["meshes"][0]["primitives"]}
    assert set(parts) == {"torso", "left", "right", "head", "visor"}
    positions = glb.array(parts["torso"]["attributes"]["POSITION"])
    points = {name: positions[glb.array(p["indices"])[:, 0]] for name, p in parts.items()}
    assert points["left"][:, 0].min() > -0.1
    assert points["right"][:, 0].max() < 0.1
    assert points["visor"][:, 2].mean() > points["head"][:, 2].mean() + 0.05
    assert abs(positions[:, 1].min()) < 1e-4
    assert 1.5 < positions[:, 1].max() < 1.9


@pytest.mark.parametrize("name", ["generated", "walk"])
def test_soles_stand_where_the_lowest_joints_are(tmp_path, walk, name) -> None:
    """What a player shows: skinned vertices over the whole clip (they were 48 mm below the floor, 91 at worst)."""
    data = Path(__file__).parent / "data" / "generated_walk.npy"
    clip = Clip(np.load(data), 20.0) if name == "generated" else walk
    write_motion(clip, tmp_path / "a.glb")
    file = Glb((tmp_path / "a.glb").read_bytes())
    attributes = file.json["meshes"][0]["primitives"][0]["attributes"]
    points, owners = (
        file.array(attributes["POSITION"]).astype(float),
        file.array(attributes["JOINTS_0"]).astype(int),
    )
    weights = file.array(attributes["WEIGHTS_0"]) / 255
    inverse = file.array(file.json["skins"][0]["inverseBindMatrices"]).reshape(22, 4, 4).transpose(0, 2, 1)
    tracks, joints = file.tracks(), file.joints()
    rotations = np.stack([tracks[j, "rotation"][:, [3, 0, 1, 2]] for j in range(22)], axis=1).astype(float)
    turns = quat_to_matrix(global_rotations(rotations))
    lowest = []
    for turn, joint in zip(turns, joints, strict=True):
        local = points[:, None] + inverse[owners, :3, 3]  # (V, 4, 3)
        moved = np.einsum("vkij,vkj->vki", turn[owners], local) + joint[owners]
        lowest.append((weights[..., None] * moved).sum(1)[:, 1].min())
    floor = np.percentile(clip.joints[..., 1].min(1), 5)
    assert abs(np.percentile(lowest, 5) - floor) < 0.002
    assert min(lowest) > floor - 0.02


def test_the_figure_is_made_of_the_pages_body() -> None:
    body = (files("bimotion.render") / "static" / "body.json").read_bytes()
    with (files("bimotion.motion.formats") / "figure.npz").open("rb") as file:
        body_hash = np.load(file)["body_sha256"].tobytes()
    assert body_hash == hashlib.sha256(body).digest(), "run tools/make_figure.py"


def test_names_a_root_bone_and_a_vrm_animation(tmp_path, walk) -> None:
    write_motion(walk, tmp_path / "a.glb", WriteOptions(names="vrm", root_bone=True))
    file = Glb((tmp_path / "a.glb").read_bytes())
    assert [node["name"] for node in file.json["nodes"][:22]] == list(NAMES["vrm"])
    assert file.json["nodes"][file.json["scenes"][0]["nodes"][0]]["children"] == [0]
    bones = file.json["extensions"]["VRMC_vrm_animation"]["humanoid"]["humanBones"]
    assert {bone: fields["node"] for bone, fields in bones.items()} == {
        n: i for i, n in enumerate(NAMES["vrm"])
    }
    root = file.tracks()[23, "translation"]
    assert np.abs(root[:, [0, 2]] - walk.joints[:, 0, [0, 2]]).max() < 0.1
    assert not root[:, 1].any()


def test_name_caption_and_rate_are_in_the_file(tmp_path, walk) -> None:
    clip = Clip(walk.joints, 20, name="w", caption="a person walks — slowly")
    write_motion(clip, tmp_path / "a.glb")
    document = Glb((tmp_path / "a.glb").read_bytes()).json
    assert document["extras"] == {"fps": 20, "caption": "a person walks — slowly", "name": "w"}
    assert document["animations"][0]["name"] == "a person walks — slowly"
