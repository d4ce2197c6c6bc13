"""Layouts of joint arrays: which are read, and what is said of the others."""

import numpy as np
import pytest

from bimotion.errors import MotionFileError
from bimotion.motion.clip import Clip
from bimotion.motion.formats.layouts import check_bones, is_position_layout, positions_from_array


@pytest.mark.parametrize("joints", [22, 24, 52, 55, 127, 144])
def test_the_first_22_joints_of_smpl_models_are_read(walk: Clip, joints: int) -> None:
    array = np.zeros((len(walk), joints, 3), np.float32)
    array[:, :22] = walk.joints
    np.testing.assert_array_equal(positions_from_array(array, "x"), walk.joints)
    np.testing.assert_array_equal(positions_from_array(array.transpose(1, 2, 0), "x"), walk.joints)
    np.testing.assert_array_equal(positions_from_array(array[None], "x"), walk.joints)
    if joints <= 52:
        np.testing.assert_array_equal(positions_from_array(array.reshape(len(walk), -1), "x"), walk.joints)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((9, 263), "look like HumanML3D features"),
        ((4, 9, 22, 3), r"4 motions; save each"),
        ((9, 17, 3), "COCO"),
        ((9, 31, 3), "31 joints .CMU's."),
        ((9, 22, 6), "rotations need a skeleton"),
        ((9,), "expected joint positions of shape"),
        ((0, 22, 3), "no frames"),
    ],
)
def test_other_layouts_are_refused_by_name(shape: tuple[int, ...], message: str) -> None:
    array = np.zeros(shape, np.float32)
    with pytest.raises(MotionFileError, match=message):
        positions_from_array(array, "x.npy")
    assert not is_position_layout(array)


def test_the_first_frame_that_is_not_finite_is_named(walk: Clip) -> None:
    array = walk.joints.copy()
    array[7, 3, 1] = np.nan
    with pytest.raises(MotionFileError, match="frame 7"):
        positions_from_array(array, "x.npy")
    with pytest.raises(MotionFileError, match="expected numbers, got an array of <U1"):
        positions_from_array(np.full((9, 22, 3), "a"), "x.npy")


@pytest.mark.parametrize("unit", [1e-3, 1.0, 1e3])
def test_bones_that_keep_their_lengths_are_a_body_in_any_unit(walk: Clip, unit: float) -> None:
    joints = unit * walk.joints.astype(np.float64)
    check_bones(joints, "x.npy")
    rng = np.random.default_rng(0)
    for wrong in (joints[:, rng.permutation(22)], unit * rng.normal(size=joints.shape)):
        with pytest.raises(MotionFileError, match="change their length"):
            check_bones(wrong, "x.npy")
