"""Sixty-odd skeletons of people with hostile names and hierarchies: the limbs are found exactly."""

from pathlib import Path

import numpy as np
import pytest

from bimotion.errors import MotionFileError
from bimotion.motion.formats import ReadMotion, ReadOptions, read_with_interpretation
from bimotion.motion.skeleton import JOINT_NAMES
from tests.motion.retarget import hostile

LIMBS = ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")


def check(joints: hostile.Tree, folder: Path, scale: float = 100.0) -> ReadMotion:
    text, positions = hostile.bvh(joints, scale)
    path = folder / "a.bvh"
    path.write_text(text, encoding="utf-8")
    found = read_with_interpretation(path, ReadOptions())
    for side in ("left", "right"):
        for limb in LIMBS:
            got = found.clip.joints[:, JOINT_NAMES.index(f"{side}_{limb}")]
            np.testing.assert_allclose(
                got, positions[f"{limb}_{side[0]}"], atol=2e-3, err_msg=f"{side} {limb}"
            )
    return found


@pytest.mark.parametrize("case", hostile.NAMED)
def test_names(tmp_path, case) -> None:
    check(hostile.tree(*hostile.NAMED[case]), tmp_path)


@pytest.mark.parametrize("case", hostile.MISSING)
def test_joints_that_are_not_there(tmp_path, case) -> None:
    check(hostile.tree(hostile.PLAIN, hostile.WORDS, hostile.MISSING[case]), tmp_path)


@pytest.mark.parametrize("case", hostile.ADDED)
def test_joints_that_are_there_besides(tmp_path, case) -> None:
    joints = hostile.tree(hostile.PLAIN, hostile.WORDS)
    hostile.ADDED[case](joints)
    check(joints, tmp_path)


@pytest.mark.parametrize("scale", [1.0, 10.0, 100.0, 1000.0, 100 / 2.54])
def test_units(tmp_path, scale) -> None:
    check(hostile.tree(hostile.PLAIN, hostile.WORDS), tmp_path, scale)


@pytest.mark.parametrize(
    "case",
    [
        "German with umlauts",
        "Russian",
        "Dutch",
        "Portuguese",
        "Chinese",
        "Japanese anatomy",
        "OpenSim",
        "anatomy",
    ]
    + ["a helper's word on every joint", "Japanese with underscores"],
)
def test_words_of_the_table_leave_no_doubt(tmp_path, case) -> None:
    found = check(hostile.tree(*hostile.NAMED[case]), tmp_path)
    assert not found.interpretation.warnings


def test_names_that_say_nothing_are_doubted(tmp_path) -> None:
    found = check(hostile.tree(*hostile.NAMED["letters"]), tmp_path)
    assert "chosen by the shape of the skeleton" in found.interpretation.warnings[0]


def test_wings_instead_of_arms_are_an_animals(tmp_path) -> None:
    names = hostile.PLAIN | {"shoulder": "{s}Wing1", "elbow": "{s}Wing2", "wrist": "{s}Wing3"}
    with pytest.raises(MotionFileError, match="an animal's"):
        check(hostile.tree(names, hostile.WORDS), tmp_path)
