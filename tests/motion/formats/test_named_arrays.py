"""Arrays of KIT-ML's, Human3.6M's and SOMA's joints give the limbs that stand in them."""

import numpy as np
import pytest

from bimotion.errors import MotionFileError
from bimotion.motion.formats import ReadOptions, read_motion, read_with_interpretation
from bimotion.motion.formats.named_arrays import LAYOUTS
from bimotion.motion.skeleton import JOINT_NAMES

KIT = {
    "BP": "spine1",
    "BT": "spine2",
    "BLN": "neck",
    "BUN": "head",
    **{f"{s}{k}": f"{side}_{joint}" for s, side in (("L", "left"), ("R", "right")) for k, joint in {
        "S": "shoulder", "E": "elbow", "W": "wrist", "H": "hip", "K": "knee", "A": "ankle", "Mrot": "foot",
    }.items()},
}  # fmt: skip
H36M = {
    "thorax": "neck",
    "nose": "head",
    **{f"{s}{k}": f"{side}_{joint}" for s, side in (("L", "left"), ("R", "right")) for k, joint in {
        "Shoulder": "shoulder", "Elbow": "elbow", "Wrist": "wrist", "Hip": "hip", "Knee": "knee", "Foot": "ankle",
    }.items()},
}  # fmt: skip
SOMA = {
    "Spine1": "spine1",
    "Spine2": "spine2",
    "Chest": "spine3",
    "Neck1": "neck",
    "Head": "head",
    **{f"{s}{k}": f"{s.lower()}_{joint}" for s in ("Left", "Right") for k, joint in {
        "Shoulder": "collar", "Arm": "shoulder", "ForeArm": "elbow", "Hand": "wrist",
        "Leg": "hip", "Shin": "knee", "Foot": "ankle", "ToeBase": "foot",
    }.items()},
}  # fmt: skip
LIMBS = [
    joint
    for joint, name in enumerate(JOINT_NAMES)
    if name.endswith(("hip", "knee", "ankle", "shoulder", "elbow", "wrist"))
]


def stored(joints: np.ndarray, num_joints: int) -> np.ndarray:
    """The joints of a clip in the order of a layout; those that a clip does not have stand near their parent."""
    layout = LAYOUTS[num_joints]
    names = {17: H36M, 21: KIT, 30: SOMA, 77: SOMA}[num_joints]
    out = np.zeros((len(joints), num_joints, 3))
    for joint, (name, parent) in enumerate(
        zip(layout.names[:num_joints], layout.parents[:num_joints], strict=True)
    ):
        if parent < 0:
            out[:, joint] = joints[:, [1, 2]].mean(1)
        elif name in names:
            out[:, joint] = joints[:, JOINT_NAMES.index(names[name])]
        else:
            out[:, joint] = out[:, parent] + [0.0, 0.03, 0.0]
    return out


@pytest.mark.parametrize(("num_joints", "fps"), [(17, 50), (21, 12.5), (30, 30), (77, 30)])
@pytest.mark.parametrize("batch", [False, True])
def test_the_limbs_are_those_of_the_array(tmp_path, walk, num_joints, fps, batch) -> None:
    array = stored(walk.joints, num_joints)
    np.save(tmp_path / "a.npy", array[None] if batch else array)
    found = read_with_interpretation(tmp_path / "a.npy", ReadOptions())
    np.testing.assert_allclose(found.clip.joints[:, LIMBS], walk.joints[:, LIMBS], atol=2e-3)
    assert found.clip.fps == fps
    assert LAYOUTS[num_joints].name in found.interpretation.family
    assert "frames per second are assumed" in found.interpretation.warnings[1]
    assert read_motion(tmp_path / "a.npy", rate=25).fps == 25


@pytest.mark.parametrize("num_joints", [17, 21, 30, 77])
def test_what_an_array_has_not_is_placed_where_a_person_has_it(tmp_path, num_joints) -> None:
    from bimotion.cli.demo import RECORDED

    recorded = read_motion(RECORDED).joints
    np.save(tmp_path / "a.npy", stored(recorded, num_joints))
    off = np.linalg.norm(read_motion(tmp_path / "a.npy").joints - recorded, axis=-1)
    assert off.mean(0).max() < 0.12  # a head joint may be at the skull's base or in its middle
    assert off.mean() < 0.04
    feet = [JOINT_NAMES.index(f"{side}_foot") for side in ("left", "right")]
    assert off[:, feet].mean() < (0.07 if num_joints == 17 else 0.01)  # Human3.6M has no feet


def test_kits_millimetres_and_its_mirrored_data_are_understood(tmp_path, walk) -> None:
    mirrored = walk.joints * [-1, 1, 1]
    np.save(tmp_path / "a.npy", 1000 * stored(mirrored, 21))
    found = read_with_interpretation(tmp_path / "a.npy", ReadOptions())
    assert found.interpretation.unit.name == "mm"
    swap = [JOINT_NAMES.index(
        name.replace("left", "-").replace("right", "left").replace("-", "right")) for name in JOINT_NAMES]  # fmt: skip
    np.testing.assert_allclose(found.clip.joints[:, LIMBS], mirrored[:, swap][:, LIMBS], atol=2e-3)


def test_an_archive_states_its_rate(tmp_path, walk) -> None:
    np.savez(tmp_path / "a.npz", posed_joints=stored(walk.joints, 77), fps=24)
    found = read_with_interpretation(tmp_path / "a.npz", ReadOptions())
    assert found.clip.fps == 24
    assert len(found.interpretation.warnings) == 1


def test_coco_is_not_taken_for_human36m(tmp_path, walk) -> None:
    array = stored(walk.joints, 17)
    array[:, 0] = array[:, 10]  # a nose stands first
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(MotionFileError, match="17 joints of which the first is not between the hips"):
        read_motion(tmp_path / "a.npy")


def test_numbers_that_are_not_finite_are_refused(tmp_path, walk) -> None:
    array = stored(walk.joints, 21)
    array[3, 4] = np.nan
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(MotionFileError, match="finite"):
        read_motion(tmp_path / "a.npy")


@pytest.mark.parametrize("number", [np.nan, np.inf, 1e300])
def test_a_number_that_is_no_place_is_refused(tmp_path, walk, number) -> None:
    array = stored(walk.joints, 17)
    array[3, 4, 1] = number
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(MotionFileError, match="finite"):
        read_motion(tmp_path / "a.npy")
