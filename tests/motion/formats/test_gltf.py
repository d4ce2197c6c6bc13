import json
import struct

import numpy as np
import pytest

from bimotion.motion.clip import Clip
from bimotion.motion.formats import write_motion
from bimotion.motion.kinematics import forward_kinematics
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
    np.testing.assert_allclose(glb.joints(), walk.joints, atol=1e-5)
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


def test_the_mesh_is_closed_and_looks_outwards(glb) -> None:
    for primitive in glb.json["meshes"][0]["primitives"]:
        attributes = primitive["attributes"]
        positions, normals = glb.array(attributes["POSITION"]), glb.array(attributes["NORMAL"])
        joints, weights = glb.array(attributes["JOINTS_0"]), glb.array(attributes["WEIGHTS_0"])
        triangles = glb.array(primitive["indices"])[:, 0].reshape(-1, 3)
        assert joints.max() < 22
        np.testing.assert_array_equal(weights.sum(1), 1)
        np.testing.assert_allclose(np.linalg.norm(normals, axis=-1), 1, atol=1e-5)
        assert triangles.max() == len(positions) - 1
        a, b, c = positions[triangles].transpose(1, 0, 2).astype(float)
        across = np.cross(b - a, c - a)
        large = np.linalg.norm(across, axis=-1) > 1e-7
        agree = (across * normals[triangles].mean(1)).sum(-1)[large] > 0
        assert agree.all()
        volume = (a * np.cross(b, c)).sum() / 6
        assert volume > 0.002


def test_the_body_stands_on_the_floor_with_left_on_the_left(glb) -> None:
    primitives = {
        glb.json["materials"][p["material"]]["name"]: p for p in glb.json["meshes"][0]["primitives"]
    }
    points = {name: glb.array(p["attributes"]["POSITION"]) for name, p in primitives.items()}
    assert points["left"][:, 0].min() > -0.1
    assert points["right"][:, 0].max() < 0.1
    everything = np.concatenate(list(points.values()))
    assert -0.06 < everything[:, 1].min() < 0.0
    assert 1.5 < everything[:, 1].max() < 1.9


def test_name_caption_and_rate_are_in_the_file(tmp_path, walk) -> None:
    clip = Clip(walk.joints, 20, name="w", caption="a person walks — slowly")
    write_motion(clip, tmp_path / "a.glb")
    document = Glb((tmp_path / "a.glb").read_bytes()).json
    assert document["extras"] == {"fps": 20, "caption": "a person walks — slowly", "name": "w"}
    assert document["animations"][0]["name"] == "a person walks — slowly"
