from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bimotion.errors import MotionFileError
from bimotion.motion.clip import Clip, facing
from bimotion.motion.formats import (
    READS,
    WRITES,
    ReadOptions,
    read_motion,
    read_with_interpretation,
    write_motion,
)
from bimotion.motion.kinematics import forward_kinematics
from bimotion.motion.rotations import axis_angle_to_quat
from bimotion.motion.skeleton import PARENTS, REST_OFFSETS
from tests.motion.skeletons import with_rotations

BACK = tuple(suffix for suffix in WRITES if suffix in READS and suffix != ".glb")  # .glb is put on its soles


def person(seed: int, num_frames: int = 10) -> Clip:
    """Anybody, doing anything, anywhere."""
    rng = np.random.default_rng(seed)
    turns = np.cumsum(rng.normal(scale=0.3, size=(num_frames, 22, 3)), axis=0)
    size = rng.uniform(0.75, 1.25) * rng.uniform(0.9, 1.1, size=(22, 1))
    root = rng.normal(size=3) * 5 + np.cumsum(rng.normal(scale=0.05, size=(num_frames, 3)), axis=0)
    joints = forward_kinematics(axis_angle_to_quat(turns), root, REST_OFFSETS * size)
    return Clip(joints.astype(np.float32), float(rng.choice([20, 24, 29.97, 60, 120])))


@pytest.mark.parametrize("suffix", BACK)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_what_we_write_reads_back_to_a_tenth_of_a_millimetre(tmp_path_factory, suffix, seed) -> None:
    clip = person(seed)
    path = tmp_path_factory.getbasetemp() / f"round{suffix}"
    write_motion(clip, path)
    back = read_motion(path, unit="m")
    np.testing.assert_allclose(back.joints, clip.joints, atol=1e-4)
    if suffix != ".npy":
        assert back.fps == pytest.approx(clip.fps, abs=1e-6)


@pytest.mark.parametrize("suffix", BACK)
def test_units_of_our_files_need_not_be_told(tmp_path, walk, suffix) -> None:
    write_motion(walk, tmp_path / f"a{suffix}")
    back = read_motion(tmp_path / f"a{suffix}")
    np.testing.assert_allclose(back.joints, walk.joints, atol=1e-5)
    np.testing.assert_allclose(facing(back.joints), facing(walk.joints), atol=1e-4)


def test_glb_reads_back_but_for_the_height_of_its_soles(tmp_path, walk) -> None:
    write_motion(replace(walk, caption="a person walks"), tmp_path / "a.glb")
    back = read_motion(tmp_path / "a.glb")
    lift = (back.joints - walk.joints)[0, 0] * [0, 1, 0]
    np.testing.assert_allclose(back.joints, walk.joints + lift, atol=1e-5)
    assert (back.fps, back.caption) == (20, "a person walks")


@pytest.mark.parametrize("suffix", BACK)
def test_a_single_frame_is_a_clip(tmp_path, walk, suffix) -> None:
    write_motion(walk[:1], tmp_path / f"a{suffix}")
    np.testing.assert_allclose(read_motion(tmp_path / f"a{suffix}").joints, walk.joints[:1], atol=1e-5)


@pytest.mark.parametrize("suffix", [".bvh", ".npz"])
def test_writing_what_was_read_changes_nothing_more(tmp_path, walk, suffix) -> None:
    write_motion(walk, tmp_path / f"a{suffix}")
    once = read_motion(tmp_path / f"a{suffix}")
    write_motion(once, tmp_path / f"b{suffix}")
    twice = read_motion(tmp_path / f"b{suffix}")
    np.testing.assert_allclose(twice.joints, once.joints, atol=1e-5)
    assert twice.fps == once.fps


def test_bvh_bones_do_not_stretch_even_where_the_clips_do(tmp_path, walk) -> None:
    noise = np.random.default_rng(0).normal(scale=0.01, size=walk.joints.shape).astype(np.float32)
    write_motion(Clip(walk.joints + noise, 20), tmp_path / "a.bvh")
    text = (tmp_path / "a.bvh").read_text()
    assert text.count("Xposition") == 1
    joints = read_motion(tmp_path / "a.bvh").joints
    bones = np.linalg.norm((joints - joints[:, list(PARENTS)])[:, 1:], axis=-1)
    assert np.ptp(bones, axis=0).max() < 1e-4


def test_bvh_angles_do_not_jump(tmp_path) -> None:
    angle = np.linspace(0, 4 * np.pi, 200)
    turns = np.zeros((200, 22, 3))
    turns[:, 0, 1] = angle  # two turns on the spot
    turns[:, 16, 2] = 1.4 * np.sin(angle)  # an arm up and down
    joints = forward_kinematics(axis_angle_to_quat(turns), np.tile([0, 0.95, 0], (200, 1)), REST_OFFSETS)
    write_motion(Clip(joints.astype(np.float32), 30), tmp_path / "a.bvh")
    rows = (tmp_path / "a.bvh").read_text().split("Frame Time")[1].splitlines()[1:]
    values = np.array([row.split() for row in rows], dtype=float)
    assert np.abs(np.diff(values, axis=0)).max() < 20


def test_npz_keeps_rotations_that_show_in_no_joint(tmp_path, walk) -> None:
    clip = with_rotations(walk)
    rotations = clip.rotations.copy()
    rotations[:, 20] = [np.cos(0.4), np.sin(0.4), 0, 0]
    write_motion(replace(clip, rotations=rotations), tmp_path / "a.npz")
    back = read_motion(tmp_path / "a.npz")
    np.testing.assert_allclose(back.rotations, rotations, atol=1e-5)


def test_amass_keys_and_shapes(tmp_path, walk) -> None:
    write_motion(walk, tmp_path / "a.npz")
    arrays = np.load(tmp_path / "a.npz")
    assert arrays["poses"].shape == (41, 156)
    assert arrays["trans"].shape == (41, 3)
    assert arrays["mocap_framerate"] == 20
    assert str(arrays["gender"]) == "neutral"
    # AMASS has Z up: a walk stays on one height there
    pelvis = arrays["trans"] + arrays["rest_joints"][0]
    assert np.ptp(pelvis[:, 2]) < 0.2
    np.testing.assert_allclose(pelvis[:, 2], walk.joints[:, 0, 1], atol=1e-5)


@pytest.mark.parametrize("read", [True, False])
def test_other_suffixes_are_named_with_those_that_work(tmp_path, walk, read) -> None:
    path = tmp_path / "a.dae"
    with pytest.raises(MotionFileError, match=r"a\.dae: expected a .* that ends in \.bvh"):
        read_motion(path) if read else write_motion(walk, path)


def test_missing_files_and_folders(tmp_path, walk) -> None:
    with pytest.raises(MotionFileError, match=r"a\.bvh: no such file"):
        read_motion(tmp_path / "a.bvh")
    (tmp_path / "b.bvh").mkdir()
    with pytest.raises(MotionFileError, match=r"b\.bvh: is a folder"):
        read_motion(tmp_path / "b.bvh")
    with pytest.raises(MotionFileError, match="cannot be written: No such file or directory"):
        write_motion(walk, tmp_path / "no" / "a.bvh")
    with pytest.raises(MotionFileError, match="whose skeleton is found beside it"):
        read_motion(tmp_path / "a.asf")


def test_a_failed_write_leaves_the_old_file(tmp_path, walk, monkeypatch) -> None:
    path = tmp_path / "a.bvh"
    path.write_text("old")
    monkeypatch.setattr("bimotion.motion.formats.bvh_writer._hierarchy", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_motion(walk, path)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.bvh"]


def test_a_unit_that_no_person_has_is_doubted(tmp_path, walk) -> None:
    """A user may mean the unit of what is written."""
    for name in ("a.bvh", "a.npy"):
        write_motion(walk, tmp_path / name)
        found = read_with_interpretation(tmp_path / name, ReadOptions(unit="cm"))
        np.testing.assert_allclose(found.clip.joints, walk.joints / 100, atol=1e-4)
        (doubt,) = found.interpretation.warnings
        assert "--out-unit" in doubt
