"""Motions on characters of other builds: what must be kept is measured on the character's own joints."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import bimotion
from bimotion.errors import MotionFileError
from bimotion.motion.clip import Clip
from bimotion.motion.formats import read_motion
from bimotion.motion.formats.gltf_file import GltfFile
from bimotion.motion.kinematics import forward_kinematics
from bimotion.motion.retarget.character import Character, gltf_character, read_character
from bimotion.motion.retarget.node_motion import NodeMotion
from bimotion.motion.retarget.onto_character import clip_to_node_motion
from bimotion.motion.retarget.planting import contacts, runs, sole_points
from bimotion.motion.retarget.skin import Skin
from bimotion.motion.rotations import axis_angle_to_quat, quat_conjugate, quat_rotate
from bimotion.motion.skeleton import JOINT_NAMES, REST_OFFSETS
from tests.motion.retarget import characters

GENERATED = Path(__file__).parents[1] / "formats" / "data" / "generated_walk.npy"
LIMBS = [
    (f"{side}_{start}", f"{side}_{end}")
    for side in ("left", "right")
    for start, end in (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist"))
]


@pytest.fixture(scope="module")
def generated() -> Clip:
    return Clip(np.load(GENERATED), 20.0, caption="a person walks forward and turns to the left")


@pytest.fixture(scope="module", params=characters.BUILDS)
def character(request) -> Character:
    return gltf_character(characters.gltf_character(characters.BUILDS[request.param]))


def joints_of(motion: NodeMotion, character: Character) -> np.ndarray:
    """The character's joints over time by our names, in (left, up, forward)."""
    positions, _ = motion.world(character)
    return positions[:, 1:23] @ character.axes  # below the armature the nodes are in our order


def angles(character_joints: np.ndarray, joints: np.ndarray) -> dict[str, np.ndarray]:
    """Angles between the limbs of both, degrees."""
    out = {}
    for start, end in LIMBS:
        a, b = JOINT_NAMES.index(start), JOINT_NAMES.index(end)
        bones = [j[:, b] - j[:, a] for j in (character_joints, joints)]
        unit = [bone / np.linalg.norm(bone, axis=-1, keepdims=True) for bone in bones]
        out[end] = np.degrees(np.arccos(np.clip((unit[0] * unit[1]).sum(-1), -1, 1)))
    return out


def soles(motion: NodeMotion, character: Character) -> np.ndarray:
    """Height of the lowest sole point of each foot above the floor."""
    positions, rotations = motion.world(character)
    heights = []
    for side in ("left", "right"):
        ankle = character.joints[f"{side}_ankle"]
        held = quat_rotate(
            quat_conjugate(character.rotations[ankle]),
            sole_points(character, side) - character.positions[ankle],
        )
        points = positions[:, ankle, None] + quat_rotate(rotations[:, ankle, None], held[None])
        heights.append((points @ character.axes[:, 1]).min(1) - character.floor())
    return np.stack(heights, axis=1)


def test_limbs_point_as_in_the_motion_and_feet_stand(character, generated) -> None:
    motion = clip_to_node_motion(generated, character)
    joints = joints_of(motion, character)
    legs = character.length("left_hip", "left_knee", "left_ankle") / 0.82
    for name, angle in angles(joints, generated.joints).items():
        assert angle.mean() < 3, name
        assert np.percentile(angle, 95) < 3, name
    standing = contacts(generated.joints.astype(np.float64), generated.fps)
    assert standing.any(0).all()
    for side, ball in enumerate(("left_foot", "right_foot")):
        path = joints[:, JOINT_NAMES.index(ball)][:, [0, 2]]
        for start, stop in runs(standing[:, side]):
            assert np.linalg.norm(path[start:stop] - path[start], axis=-1).max() < 0.01 * legs
    heights = soles(motion, character)
    assert heights.min() > -0.002 * legs
    assert np.median(heights[standing]) < 0.02 * legs


def test_the_way_is_as_long_as_the_legs_are(character, generated) -> None:
    joints = joints_of(clip_to_node_motion(generated, character), character)
    ways = [
        np.linalg.norm(np.diff(j[:, 0][:, [0, 2]], axis=0), axis=-1).sum() for j in (joints, generated.joints)
    ]
    hips = generated.joints[0, [1, 4, 7]]
    actual = np.linalg.norm(np.diff(hips, axis=0), axis=-1).sum()
    reference = character.length("left_hip", "left_knee", "left_ankle")
    assert ways[0] / ways[1] == pytest.approx(reference / actual, rel=0.1)


def test_a_standing_t_pose_gives_every_character_a_t_pose_on_its_floor(character) -> None:
    joints = np.zeros((4, 22, 3))
    still = forward_kinematics(axis_angle_to_quat(joints), np.tile([0, 0.95, 0], (4, 1)), REST_OFFSETS)
    still[..., 1] -= still[..., 1].min()
    motion = clip_to_node_motion(Clip(still.astype(np.float32), 20), character)
    found = joints_of(motion, character)
    for name, angle in angles(found, still).items():
        assert angle.max() < 1, name
    assert np.abs(soles(motion, character)).max() < 0.01 * character.length(
        "left_hip", "left_knee", "left_ankle"
    )


@pytest.mark.parametrize("girth", [0.1, 0.4])
def test_arms_stay_clear_of_a_wide_body_and_alone_beside_a_slim_one(girth) -> None:
    """Arms that hang straight down: in a body of 40 cm half width they would be inside."""
    turns = np.zeros((10, 22, 3))
    turns[:, JOINT_NAMES.index("left_shoulder"), 2] = -1.5
    turns[:, JOINT_NAMES.index("right_shoulder"), 2] = 1.5
    hanging = forward_kinematics(axis_angle_to_quat(turns), np.tile([0, 0.95, 0], (10, 1)), REST_OFFSETS)
    clip = Clip(hanging.astype(np.float32), 20)
    character = gltf_character(characters.gltf_character(replace(characters.Build(), girth=girth)))
    joints = joints_of(clip_to_node_motion(clip, character), character)
    off = angles(joints, clip.joints)["left_elbow"].max()
    elbow = joints[:, JOINT_NAMES.index("left_elbow"), 0] - joints[:, 0, 0]
    if girth > 0.2:
        assert 2 < off < 26
        assert elbow.min() > 0.65 * girth
    else:
        assert off < 0.5


def test_a_file_keeps_its_mesh_and_gets_a_clip_for_each_motion(tmp_path, generated) -> None:
    source = characters.gltf_character(characters.BUILDS["child in A-pose, in centimetres"])
    source.document["animations"] = [{"name": "its own", "samplers": [], "channels": []}]
    source.save(tmp_path / "child.glb")
    clips = [generated[:20], generated[20:50], replace(generated[:30], caption="", name="short")]
    bimotion.retarget(clips, tmp_path / "child.glb", tmp_path / "out.glb")
    before, after = GltfFile.load(tmp_path / "child.glb"), GltfFile.load(tmp_path / "out.glb")
    names = [animation["name"] for animation in after.document["animations"]]
    caption = "a person walks forward and turns to the left"
    assert names == [f"{caption} 1", f"{caption} 2", "short", "its own"]
    for key in ("meshes", "materials", "skins", "scenes"):
        assert after.document[key] == before.document[key], key
    index = before.document["meshes"][0]["primitives"][0]["attributes"]["POSITION"]
    np.testing.assert_array_equal(after.array(index), before.array(index))
    # what a player makes of the tracks is the motion
    character = gltf_character(before)
    expected, _ = clip_to_node_motion(clips[0], character).world(character)
    np.testing.assert_allclose(played(after, 0), expected, atol=1e-4)


def played(file: GltfFile, index: int) -> np.ndarray:
    """World positions of all nodes over time, by the specification."""
    animation = file.document["animations"][index]
    tracks = {}
    for channel in animation["channels"]:
        sampler = animation["samplers"][channel["sampler"]]
        tracks[channel["target"]["node"], channel["target"]["path"]] = file.array(sampler["output"])
    parents = file.parents()
    frames = []
    for frame in range(len(next(iter(tracks.values())))):
        for (node, path), values in tracks.items():
            file.document["nodes"][node][path] = values[frame].tolist()
        world: dict[int, np.ndarray] = {}
        for node in range(len(parents)):  # parents stand first in these files
            local = file.local_matrix(node)
            world[node] = world[parents[node]] @ local if parents[node] >= 0 else local
        frames.append([world[node][:3, 3] for node in range(len(parents))])
    return np.array(frames)


def test_a_bvh_character_keeps_its_skeleton(tmp_path, generated, walk) -> None:
    bimotion.save_clip(walk, tmp_path / "skeleton.bvh", names="mixamo", unit="cm")
    bimotion.retarget(generated, tmp_path / "skeleton.bvh", tmp_path / "out.bvh")
    headers = [
        (tmp_path / name).read_text().replace("-0.000000", "0.000000").partition("MOTION")[0]
        for name in ("skeleton.bvh", "out.bvh")
    ]
    assert headers[0] == headers[1]
    back = read_motion(tmp_path / "out.bvh")
    assert (len(back), back.fps) == (128, pytest.approx(20))
    for name, angle in angles(back.joints, generated.joints).items():
        assert angle.mean() < 3, name


def test_a_vrm_is_known_by_its_humanoid(tmp_path, generated) -> None:
    file = characters.gltf_character(characters.BUILDS["tall T-pose"])
    for number, node in enumerate(file.document["nodes"]):
        node["name"] = f"n{number}"  # names say nothing
    bones = dict(zip(characters.NAMES["vrm"], range(1, 23), strict=True))
    file.document["extensions"] = {
        "VRMC_vrm": {
            "specVersion": "1.0",
            "humanoid": {"humanBones": {b: {"node": n} for b, n in bones.items()}},
        }
    }
    file.save(tmp_path / "a.vrm")
    character, _ = read_character(tmp_path / "a.vrm")
    assert character.joints == {joint: index + 1 for index, joint in enumerate(JOINT_NAMES)}
    bimotion.retarget(generated[:10], tmp_path / "a.vrm", tmp_path / "b.vrm")
    assert GltfFile.load(tmp_path / "b.vrm").document["extensions"] == file.document["extensions"]


@pytest.mark.parametrize(
    ("character", "out", "message"),
    [
        ("a.txt", "b.glb", r"expected a character: a file that ends in .bvh, .glb, .gltf, .vrm"),
        ("none.glb", "b.glb", "no such file"),
        ("box.glb", "b.glb", "no joint found for left_hip|no person found"),
        ("cut.glb", "b.glb", "not JSON"),
        ("child.glb", "b.bvh", "a .glb character is written to .glb or .vrm"),
        ("child.glb", "no/b.glb", "does not exist; create it first"),
    ],
)
def test_what_cannot_be_a_character_is_refused(tmp_path, generated, character, out, message) -> None:
    file = characters.gltf_character(characters.Build())
    file.save(tmp_path / "child.glb")
    (tmp_path / "cut.glb").write_bytes((tmp_path / "child.glb").read_bytes()[:300])
    (tmp_path / "a.txt").write_text("")
    GltfFile({"asset": {"version": "2.0"}, "nodes": [{"name": "box"}]}).save(tmp_path / "box.glb")
    with pytest.raises(MotionFileError, match=message):
        bimotion.retarget(generated[:5], tmp_path / character, tmp_path / out)
    assert not (tmp_path / out).exists()


def test_quaternions_of_the_tracks_stay_on_one_side(tmp_path, generated) -> None:
    characters.gltf_character(characters.Build()).save(tmp_path / "a.glb")
    bimotion.retarget(generated, tmp_path / "a.glb", tmp_path / "b.glb")
    file = GltfFile.load(tmp_path / "b.glb")
    for channel in file.document["animations"][0]["channels"]:
        if channel["target"]["path"] == "rotation":
            sampler = file.document["animations"][0]["samplers"][channel["sampler"]]
            rotation = file.array(sampler["output"]).astype(np.float64)
            assert ((rotation[1:] * rotation[:-1]).sum(-1) > 0).all()
            np.testing.assert_allclose(np.linalg.norm(rotation, axis=-1), 1, atol=1e-5)


def test_flat_soles_are_found(character) -> None:
    """A foot that is a box has no vertex below its lowest quarter."""
    ankle = character.joints["left_ankle"]
    box = np.array([[x, 0.0, z] for x in (0.0, 0.1) for z in (-0.1, 0.1)] * 3) @ character.axes.T
    skin = Skin(character.positions[ankle] + box, np.full(len(box), ankle))
    assert len(sole_points(replace(character, skin=skin), "left")) == len(box)


def test_compressed_characters_are_refused_with_what_to_do(tmp_path, generated) -> None:
    file = characters.gltf_character(characters.BUILDS["tall T-pose"])
    for view in file.document["bufferViews"]:
        view["extensions"] = {"EXT_meshopt_compression": {"buffer": 0}}
    file.save(tmp_path / "a.glb")
    with pytest.raises(
        MotionFileError, match=r"EXT_meshopt_compression; write it plain: npx @gltf-transform/cli"
    ):
        bimotion.retarget(generated, tmp_path / "a.glb", tmp_path / "b.glb")
