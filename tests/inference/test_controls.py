import json
from pathlib import Path

import numpy as np
import pytest

import bimotion
from bimotion.errors import ConfigError
from bimotion.features.clips import FloorTransform
from bimotion.inference.controls import check_controls, parse_path, read_keys
from bimotion.inference.model import MotionLanguageModel
from bimotion.inference.steering import pose_error
from bimotion.motion.clip import Clip


def test_a_path_is_written_as_points() -> None:
    assert parse_path("0,0 2,0  2,-3.5") == ((0, 0), (2, 0), (2, -3.5))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected 2 to"),
        ("0,0", "expected 2 to"),
        ("0,0 2", "expected points x,z"),
        ("0,0 a,b", "expected points x,z"),
        ("0,0 nan,1", "got nan"),
        ("0,0 1e9,1", "expected -1000 to 1000"),
        ("0,0 1,1 1,1", "occurs twice in a row"),
    ],
)
def test_what_is_no_path_is_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_path(text)


def test_keys_are_read_from_json(tmp_path: Path, walk: Clip) -> None:
    bimotion.save_clip(walk, tmp_path / "pose.npy")
    rows = [{"time": 1, "joint": "left_hand", "position": [0, 1.5, 0.3]}, {"time": 2.5, "pose": "pose.npy"}]
    file = tmp_path / "keys.json"
    file.write_text(json.dumps(rows), encoding="utf-8")
    first, second = read_keys(file)
    assert (first.time, first.joint, first.position) == (1, "left_hand", (0, 1.5, 0.3))
    assert second.pose is not None
    np.testing.assert_allclose(second.pose.joints[0], walk.joints[0], atol=1e-6)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"time": 1}, "expected either a pose, or a joint and its position"),
        ({"time": -1, "joint": "left_hand", "position": [0, 1, 0]}, "time: expected 0 to"),
        ({"time": 1, "joint": "nose", "position": [0, 1, 0]}, "expected one of left_wrist"),
        ({"time": 1, "joint": "left_hand", "position": [0, 9, 0]}, "reaches heights of 0 to 2.4 m, not 9"),
        ({"time": 1, "joint": "left_hand", "position": [0, 1]}, r"expected \[x, y, z\]"),
        ({"time": 1, "joint": "left_hand"}, "expected either a pose"),
        ({"time": 1, "joint": ["left_hand"], "position": [0, 1, 0]}, "expected one of left_wrist"),
        ({"time": 1, "place": 3}, "expected time, and joint"),
    ],
)
def test_what_is_no_key_is_refused_with_its_place(tmp_path: Path, row: object, message: str) -> None:
    file = tmp_path / "keys.json"
    file.write_text(json.dumps([row]), encoding="utf-8")
    with pytest.raises(ConfigError, match=f"entry 0: .*{message}"):
        read_keys(file)


def test_two_keys_for_one_joint_at_one_time_are_refused() -> None:
    keys = [bimotion.Key(1, "left_hand", (0, 1, 0)), bimotion.Key(1, "left_hand", (0, 1.2, 0))]
    with pytest.raises(ConfigError, match="two of them set left_hand at 1 s"):
        check_controls(False, None, None, keys)


def test_a_path_is_walked_through_its_waypoints(model: MotionLanguageModel) -> None:
    path = [(1.0, 1.0), (3.0, 1.0), (3.0, 4.0)]
    clip = model.compose(["walks forward @6"], path=path, seed=0)
    pelvis = clip.joints[:, 0, [0, 2]]
    for point in path:
        assert np.linalg.norm(pelvis - point, axis=-1).min() < 0.05
    np.testing.assert_allclose(pelvis[[0, -1]], [path[0], path[-1]], atol=0.05)
    speed = np.linalg.norm(np.diff(pelvis, axis=0), axis=-1) * 20
    assert speed.max() < 4  # on the way, not by leaps


def test_only_phrases_that_move_go_along_the_path(model: MotionLanguageModel) -> None:
    clip = model.compose(["waves with the right hand @3", "walks forward @4"], path=[(0, 0), (0, 4)], seed=0)
    assert abs(clip.joints[55, 0, 2]) < 0.8
    assert clip.joints[-1, 0, 2] == pytest.approx(4, abs=0.05)


def test_a_hand_gets_to_its_key(model: MotionLanguageModel) -> None:
    free = model.compose(["waves with the right hand @4"], seed=0)
    position = free.joints[40, 21] + np.array([0, -0.25, 0.1], np.float32)
    key = bimotion.Key(2.0, "right_hand", tuple(position.tolist()))
    clip = model.compose(["waves with the right hand @4"], seed=0, keys=[key])
    assert np.linalg.norm(clip.joints[40, 21] - position) < 0.03
    assert np.linalg.norm(np.diff(clip.joints[:, 21], axis=0), axis=-1).max() < 0.3


def test_poses_are_met_at_the_start_and_at_keys(model: MotionLanguageModel) -> None:
    source = model.text_to_motion("a person waves with the right hand", seconds=3, seed=2)
    pose = Clip(source.joints[30:31], source.fps)
    clip = model.compose(
        ["walks forward @2", "walks forward @3"], seed=1, start_pose=pose, keys=[bimotion.Key(3, pose=pose)]
    )
    assert pose_error(clip.joints[0], pose.joints[0]) < 0.03
    assert pose_error(clip.joints[60], pose.joints[0]) < 0.03


def test_a_loop_ends_where_it_starts(model: MotionLanguageModel) -> None:
    for phrases in (["walks forward @3"], ["walks forward @2", "waves @2"]):
        joints = model.compose(phrases, seed=1, loop=True).joints.astype(np.float64)
        # The first frames, moved to where the last step leads, go on as smoothly as the motion does elsewhere.
        ahead = 2 * joints[-1] - joints[-2]
        following = FloorTransform.between(joints[0], ahead).to_world(joints[:2])
        rest = np.linalg.norm(np.diff(joints, n=2, axis=0), axis=-1).mean(1)
        assert np.linalg.norm(following[0] - ahead, axis=-1).mean() < max(0.02, 2 * rest.max())


@pytest.mark.parametrize(
    ("phrases", "controls", "message"),
    [
        (["walks @2"], {"path": [(0, 0), (30, 0)]}, "need 15.4 m/s; at most 4"),
        (["walks @2"], {"keys": [bimotion.Key(3, "left_hand", (0, 1, 0))]}, "the motion ends at 1.95 s"),
        (
            ["walks @2"],
            {"keys": [bimotion.Key(1, "left_hand", (40, 1, 0))]},
            "cannot get 39.0 m further within 1 s",
        ),
        (["stands @2"], {"keys": [bimotion.Key(1, "left_hand", (0, 2.4, 0))]}, "left_hand reaches only to"),
    ],
)
def test_what_cannot_be_met_is_refused(
    model: MotionLanguageModel, phrases: list[str], controls: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        model.compose(phrases, seed=0, **controls)  # type: ignore[arg-type]
