"""Files that were once read wrongly, refused or turned; `expected.json` beside them says what is right."""

import json
from pathlib import Path

import numpy as np
import pytest

import bimotion
from bimotion.errors import MotionFileError
from bimotion.features import features_to_joints
from bimotion.features.files import interpret_file
from bimotion.motion.clip import Clip
from bimotion.motion.formats import ReadOptions
from bimotion.motion.skeleton import JOINT_NAMES

CASES = Path(__file__).parent / "cases"
LIMB_CASES = [
    (folder.name, name, facts)
    for folder in sorted(CASES.iterdir())
    for name, facts in json.loads((folder / "expected.json").read_text("utf-8")).items()
    if isinstance(facts, dict) and "limbs" in facts and (folder / name).is_file()
]


def read(case: str, name: str, **options) -> tuple[Clip, tuple[str, ...]]:
    """The clip of a case and the warnings of its reading."""
    found = interpret_file(CASES / case / name, ReadOptions(**options))
    return found.clip, found.interpretation.warnings


def test_the_cases_are_there() -> None:
    assert len(LIMB_CASES) >= 60


@pytest.mark.parametrize(("case", "name", "facts"), LIMB_CASES, ids=[name for _, name, _ in LIMB_CASES])
def test_limbs_are_where_the_file_has_them(case, name, facts) -> None:
    clip, _ = read(case, name)
    truth = np.load(CASES / case / facts["limbs"])
    frames = min(len(clip), len(truth["left_hip"]))
    assert frames >= 7
    for joint in truth.files:
        found = clip.joints[:frames, JOINT_NAMES.index(joint)]
        np.testing.assert_allclose(
            found, truth[joint][:frames], atol=facts["tolerance_mm"] / 1000, err_msg=joint
        )


@pytest.mark.parametrize(
    ("name", "frames", "warning"),
    [
        ("one_more_line.bvh", 9, "the header says 8 frames, the file has 9, which are read"),
        ("one_less_line.bvh", 8, "the header says 9 frames, the file has 8, which are read"),
        ("header_zero.bvh", 8, "the header says 0 frames, the file has 8, which are read"),
        ("last_line_cut.bvh", 7, "line 142 is cut off"),
    ],
)
def test_the_frames_that_are_there_are_read_with_a_warning(name, frames, warning) -> None:
    clip, warnings = read("05-frame-count", name)
    assert len(clip) == frames
    assert len(warnings) == 1
    assert warning in warnings[0]


@pytest.mark.parametrize(
    ("name", "fps", "warned"),
    [
        ("fps_in_frame_time.bvh", 30, True),
        ("milliseconds.bvh", 30, True),
        ("zero.bvh", 30, True),
        ("rounded_0.0083.bvh", 120, False),
        ("rounded_0.017.bvh", 60, False),
    ],
)
def test_rates_are_those_that_were_meant(name, fps, warned) -> None:
    clip, warnings = read("12-frame-time", name)
    assert clip.fps == fps
    assert bool(warnings) == warned
    assert read("12-frame-time", name, rate=50.0)[0].fps == 50


def test_takes_of_one_tool_have_one_unit_and_a_doubt_is_said() -> None:
    thighs = []
    for name in ("same_tool_take_a.bvh", "same_tool_take_b_shorter_actor.bvh"):
        found = interpret_file(CASES / "11-units" / name)
        assert any("--unit" in warning for warning in found.interpretation.warnings)
        thighs.append(found.interpretation.unit.metres)
    assert thighs[0] == thighs[1]
    assert "dm is assumed" in read("11-units", "decimetres_makehuman.bvh")[1][0]


def test_a_missing_space_is_named_with_its_line() -> None:
    with pytest.raises(
        MotionFileError, match="line 135: '0.000000-0.000000' is not a number; a space is missing"
    ):
        read("13-text-forms", "missing_space_before_minus.bvh")


ARRAYS = CASES / "15-array-layouts"


@pytest.mark.parametrize(
    "name",
    [
        "batch_1_T_22_3.npy",
        "smpl_T_24_3.npy",
        "flat_T_66.npy",
        "mdm_22_3_T.npy",
        "smplh_T_52_3.npy",
        "posed_joints.npz",
    ],
)
def test_layouts_of_arrays_give_the_reference(name) -> None:
    reference = bimotion.read_clip(ARRAYS / "reference_T_22_3.npy")
    np.testing.assert_array_equal(bimotion.read_clip(ARRAYS / name).joints, reference.joints)


def test_a_batch_of_features_is_features() -> None:
    features = np.load(ARRAYS / "features_1_T_263.npy")[0]
    joints = bimotion.read_clip(ARRAYS / "features_1_T_263.npy").joints
    np.testing.assert_allclose(joints, features_to_joints(features), atol=1e-6)


def test_normalised_features_are_refused_with_what_to_do() -> None:
    with pytest.raises(MotionFileError, match="normalised.*Std.*Mean"):
        bimotion.read_clip(ARRAYS / "features_normalised.npy")


def test_positions_along_z_are_turned_and_said() -> None:
    reference = bimotion.read_clip(ARRAYS / "reference_T_22_3.npy")
    clip, warnings = read("15-array-layouts", "zup_T_22_3.npy")
    np.testing.assert_allclose(clip.joints, reference.joints, atol=1e-6)
    assert "stands along Z" in warnings[0]
    same, _ = read("15-array-layouts", "zup_T_22_3.npy", up="y")
    np.testing.assert_array_equal(same.joints, np.load(ARRAYS / "zup_T_22_3.npy"))
