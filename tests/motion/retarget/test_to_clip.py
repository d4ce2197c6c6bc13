import json

import numpy as np
import pytest

from bimotion.errors import ConfigError, MotionFileError
from bimotion.motion.clip import facing
from bimotion.motion.formats import read_motion
from bimotion.motion.retarget.joint_mapping import LIMBS
from bimotion.motion.skeleton import JOINT_NAMES, REST_OFFSETS
from tests.motion.skeletons import FAMILIES, Family, record


def write(tmp_path, recording):
    path = tmp_path / "a.bvh"
    path.write_text(recording.text)
    return path


def column(clip, joint):
    return clip.joints[:, JOINT_NAMES.index(joint)]


@pytest.mark.parametrize("family", FAMILIES)
def test_limbs_are_the_files_own_joints(tmp_path, family) -> None:
    recording = record(FAMILIES[family])
    clip = read_motion(write(tmp_path, recording))
    assert clip.fps == 30
    for joint in (*LIMBS, "neck"):
        np.testing.assert_allclose(column(clip, joint), recording.joints[joint], atol=1e-5, err_msg=joint)


@pytest.mark.parametrize("family", [name for name in FAMILIES if name != "smpl"])
def test_a_standing_person_has_the_directions_of_smpls_rest_pose(tmp_path, family) -> None:
    clip = read_motion(write(tmp_path, record(FAMILIES[family])))
    standing = clip.canonical().joints[0].astype(float)
    for joint, parent in (
        [("left_hip", "pelvis"), ("right_hip", "pelvis"), ("head", "neck")]
        + [("spine1", "pelvis"), ("spine2", "spine1"), ("spine3", "spine2"), ("neck", "spine3")]
        + [("left_collar", "spine3"), ("right_collar", "spine3")]
    ):
        bone = standing[JOINT_NAMES.index(joint)] - standing[JOINT_NAMES.index(parent)]
        rest = REST_OFFSETS[JOINT_NAMES.index(joint)]
        angle = np.degrees(np.arccos(bone @ rest / np.linalg.norm(bone) / np.linalg.norm(rest)))
        # the trunk as a whole leans as the file's trunk does
        assert angle < 8, (joint, angle)
    if family == "cmu":
        return  # its feet are known to be flat as they are
    foot = standing[JOINT_NAMES.index("left_foot")] - standing[JOINT_NAMES.index("left_ankle")]
    assert np.degrees(np.arcsin(-foot[1] / np.linalg.norm(foot))) == pytest.approx(20, abs=1.5)


@pytest.mark.parametrize("family", ["mixamo", "lafan1", "smpl"])
@pytest.mark.parametrize(
    ("scale", "z_up", "order"), [(1, False, "XYZ"), (39.37008, True, "ZYX"), (1000, True, "YXZ")]
)
def test_units_and_the_up_axis_are_found(tmp_path, family, scale, z_up, order) -> None:
    recording = record(FAMILIES[family], scale=scale, z_up=z_up, order=order)
    clip = read_motion(write(tmp_path, recording))
    for joint in LIMBS:
        np.testing.assert_allclose(column(clip, joint), recording.joints[joint], atol=2e-5, err_msg=joint)


def test_the_unit_can_be_set(tmp_path) -> None:
    path = write(tmp_path, record(FAMILIES["mixamo"], scale=100))
    small, found = read_motion(path, unit="mm"), read_motion(path)
    lengths = [np.linalg.norm(c.joints[0, 4] - c.joints[0, 1]) for c in (small, found)]
    assert lengths[1] == pytest.approx(10 * lengths[0])
    with pytest.raises(ConfigError, match="unit: expected one of m, dm, cm, inch, mm, got 'parsec'"):
        read_motion(path, unit="parsec")


def test_a_body_of_no_size_asks_for_the_unit(tmp_path) -> None:
    path = write(tmp_path, record(FAMILIES["mixamo"], scale=30000))
    with pytest.raises(MotionFileError, match="give the unit with --unit"):
        read_motion(path)


@pytest.mark.parametrize("family", FAMILIES)
def test_left_stays_left_and_ahead_stays_ahead(tmp_path, family) -> None:
    clip = read_motion(write(tmp_path, record(FAMILIES[family])))
    forward = facing(clip.joints[0].astype(float))
    left = np.cross([0, 1, 0], forward)
    np.testing.assert_allclose(forward, [np.sin(0.7), 0, np.cos(0.7)], atol=0.02)
    for joint in ("hip", "wrist", "foot"):
        across = column(clip, f"left_{joint}")[0] - column(clip, f"right_{joint}")[0]
        assert across @ left > 0.1
    assert (column(clip, "left_foot")[0] - column(clip, "left_ankle")[0]) @ forward > 0.08


def test_a_joint_map_names_all_joints_or_some(tmp_path) -> None:
    roles = FAMILIES["mixamo"].names
    family = Family({role: f"q{i}{{s}}" for i, role in enumerate(roles)}, sides=("x", "y"))
    recording = record(family)
    path = write(tmp_path, recording)
    actual = {"hips": "pelvis", "spine": "spine1", "spine1": "spine2", "spine2": "spine3"}
    names = {}
    for i, role in enumerate(roles):
        for side, letter in (("left_", "x"), ("right_", "y")) if "{s}" in roles[role] else (("", ""),):
            names[side + actual.get(role, role)] = f"q{i}{letter}"
    joint_map = tmp_path / "map.json"
    joint_map.write_text(json.dumps(names))
    clip = read_motion(path, joint_map=joint_map)
    # what the map names is taken as it is, the torso as well
    for joint in JOINT_NAMES:
        role = {v: k for k, v in actual.items()}.get(joint, joint)
        np.testing.assert_allclose(column(clip, joint), recording.joints[role], atol=1e-5, err_msg=joint)
    # what it leaves out is placed
    for joint in ("spine2", "left_collar", "right_collar", "head"):
        del names[joint]
    joint_map.write_text(json.dumps(names))
    part = read_motion(path, joint_map=joint_map)
    np.testing.assert_array_equal(column(part, "spine1"), column(clip, "spine1"))
    assert np.linalg.norm(column(part, "spine2") - column(clip, "spine2"), axis=-1).max() < 0.15


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[1]", "expected a JSON object"),
        ('{"left_hip": 3}', "expected a JSON object"),
        ("{", "not JSON as it is expected here"),
        ('{"tail": "Hips"}', "'tail' is not one of our joints"),
        ('{"left_hip": "Wing"}', "'Wing' .joint map: left_hip. is not in the file"),
        (
            '{"left_hip": "mixamorig:LeftLeg", "left_knee": "mixamorig:LeftLeg"}',
            "are the same joint of the file",
        ),
    ],
)
def test_a_wrong_joint_map_is_explained(tmp_path, content, message) -> None:
    joint_map = tmp_path / "map.json"
    joint_map.write_text(content)
    with pytest.raises(MotionFileError, match=message):
        read_motion(write(tmp_path, record(FAMILIES["mixamo"])), joint_map=joint_map)


def test_a_root_that_is_measured_from_its_rest_place_is_put_on_the_floor(tmp_path) -> None:
    recording = record(FAMILIES["mixamo"])
    lines = recording.text.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("Frame Time")) + 1
    for i in range(start, len(lines)):
        words = lines[i].split()
        words[1] = str(float(words[1]) - 95)
        lines[i] = " ".join(words)
    path = tmp_path / "a.bvh"
    path.write_text("\n".join(lines))
    clip = read_motion(path)
    assert -0.02 < np.percentile(clip.joints[..., 1].min(1), 1) < 0.02
