import numpy as np
import pytest

from bimotion.errors import MotionFileError
from bimotion.motion.formats import read_motion, write_motion
from bimotion.motion.kinematics import clip_to_pose
from bimotion.motion.skeleton import PARENTS, REST_OFFSETS


def rest_joints() -> np.ndarray:
    joints = np.zeros((22, 3))
    for joint, parent in enumerate(PARENTS[1:], 1):
        joints[joint] = joints[parent] + REST_OFFSETS[joint]
    return joints + [0, -0.2, 0.03]


def body_model(path, joints: np.ndarray, num_joints: int = 52) -> None:
    """A body model whose vertices are its joints, and whose first shape makes everything 10 % larger a unit."""
    template = np.zeros((num_joints, 3))
    template[:22] = joints
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(
        path,
        v_template=template,
        J_regressor=np.eye(num_joints),
        shapedirs=np.stack([0.1 * template, np.zeros_like(template)], axis=-1),
        kintree_table=np.zeros((2, num_joints), dtype=np.int64),
    )


def amass_file(path, num_frames: int = 4, **more) -> None:
    rng = np.random.default_rng(0)
    poses = rng.normal(scale=0.3, size=(num_frames, 156))
    poses[:, :3] = [np.pi / 2, 0, 0]  # upright where Z is up
    arrays = {
        "poses": poses,
        "trans": np.tile([1.0, 2.0, 1.2], (num_frames, 1)),
        "mocap_framerate": np.array(120.0),
        "betas": np.zeros(16),
        "gender": np.array("female"),
    }
    np.savez(path, **(arrays | more))


def test_joints_come_from_the_body_model(tmp_path) -> None:
    body_model(tmp_path / "models" / "smplh" / "SMPLH_FEMALE.npz", rest_joints())
    amass_file(tmp_path / "a.npz", poses=np.zeros((2, 156)), trans=np.tile([1.0, 2.0, 3.0], (2, 1)))
    clip = read_motion(tmp_path / "a.npz", body_model=tmp_path / "models")
    # nothing turns: the rest pose where Z is up, seen with Y up
    expected = (rest_joints() + [1, 2, 3])[:, [0, 2, 1]] * [1, 1, -1]
    np.testing.assert_allclose(clip.joints[0], expected, atol=1e-6)
    assert clip.fps == 120


def test_the_pelvis_is_where_smpl_has_it_when_the_body_turns(tmp_path) -> None:
    body_model(tmp_path / "m" / "model.npz", rest_joints())
    amass_file(tmp_path / "a.npz")
    clip = read_motion(tmp_path / "a.npz", body_model=tmp_path / "m")
    # SMPL turns about the pelvis, so that it does not move with the rotation
    np.testing.assert_allclose(clip.joints[:, 0], np.tile([1.0, 1.23, -1.8], (4, 1)), atol=1e-6)
    assert clip.joints[0, 15, 1] > clip.joints[0, 0, 1]


def test_shape_makes_the_body_larger(tmp_path) -> None:
    body_model(tmp_path / "m" / "model.npz", rest_joints())
    amass_file(tmp_path / "a.npz")
    amass_file(tmp_path / "b.npz", betas=np.array([1.0] + [0.0] * 15))
    small, large = (read_motion(tmp_path / f"{n}.npz", body_model=tmp_path / "m").joints for n in "ab")
    np.testing.assert_allclose(large - large[:, :1], 1.1 * (small - small[:, :1]), atol=1e-5)


def test_the_model_of_the_files_kind_and_gender_is_taken(tmp_path) -> None:
    for kind, gender, size in [("smplx", "female", 2.0), ("smplh", "male", 3.0), ("smplh", "female", 1.0)]:
        body_model(tmp_path / "m" / kind / gender / "model.npz", rest_joints() * size)
    amass_file(tmp_path / "a.npz")
    joints = read_motion(tmp_path / "a.npz", body_model=tmp_path / "m").joints
    assert np.linalg.norm(joints[0, 4] - joints[0, 1]) == pytest.approx(0.386, abs=1e-5)


def test_rotations_of_an_amass_file_survive(tmp_path) -> None:
    body_model(tmp_path / "m" / "model.npz", rest_joints())
    amass_file(tmp_path / "a.npz")
    clip = read_motion(tmp_path / "a.npz", body_model=tmp_path / "m")
    np.testing.assert_allclose(clip_to_pose(clip).joints(), clip.joints, atol=1e-5)
    write_motion(clip, tmp_path / "b.npz")
    poses = [np.load(tmp_path / f"{n}.npz")["poses"][:, :66] for n in "ab"]
    np.testing.assert_allclose(poses[1], poses[0], atol=1e-5)


def test_without_a_body_model_the_mean_skeleton_stands_in(tmp_path, caplog) -> None:
    amass_file(tmp_path / "a.npz", poses=np.zeros((2, 156)), trans=np.zeros((2, 3)))
    clip = read_motion(tmp_path / "a.npz")
    assert "SMPL's mean skeleton is used" in caplog.text
    assert "--body-model" in caplog.text
    assert clip.rotations is not None
    legs = np.linalg.norm(np.diff(clip.joints[0, [1, 4, 7]], axis=0), axis=-1)
    np.testing.assert_allclose(legs, [0.377, 0.400], atol=0.005)


def test_other_lengths_than_metres_are_refused_or_converted(tmp_path) -> None:
    amass_file(tmp_path / "a.npz", trans=np.full((4, 3), 870.0))
    with pytest.raises(MotionFileError, match="trans reaches 870; expected metres"):
        read_motion(tmp_path / "a.npz")
    amass_file(tmp_path / "a.npz", rest_joints=1000 * rest_joints(), trans=np.full((4, 3), 870.0))
    joints = read_motion(tmp_path / "a.npz").joints
    assert np.linalg.norm(joints[0, 4] - joints[0, 1]) == pytest.approx(0.386, abs=1e-3)


def test_a_wrong_body_model_is_explained(tmp_path) -> None:
    amass_file(tmp_path / "a.npz")
    with pytest.raises(MotionFileError, match="no such folder of body models"):
        read_motion(tmp_path / "a.npz", body_model=tmp_path / "none")
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "SMPLH_FEMALE.pkl").write_bytes(b"x")
    with pytest.raises(MotionFileError, match="run code when they are read.*convert them to .npz"):
        read_motion(tmp_path / "a.npz", body_model=tmp_path / "m")
    np.savez(tmp_path / "m" / "model.npz", something=np.zeros(3))
    with pytest.raises(MotionFileError, match="not an smplx body model"):
        read_motion(tmp_path / "a.npz", body_model=tmp_path / "m")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"poses": np.zeros((4, 30))}, r"poses of shape \(frames, 66 or more\)"),
        ({"poses": np.zeros((3, 156))}, r"\(3, 156\) and \(4, 3\)"),
        ({"poses": np.full((4, 156), np.nan)}, "not finite"),
        ({"trans": np.zeros(4)}, "and trans"),
        ({"mocap_framerate": np.array(0.0)}, "mocap_framerate is 0; expected 1 to 2000 .* --rate"),
        ({"rest_joints": np.zeros((5, 3))}, "rest_joints must be"),
    ],
)
def test_wrong_arrays_are_explained(tmp_path, change, message) -> None:
    amass_file(tmp_path / "a.npz", **({"rest_joints": rest_joints()} | change))
    with pytest.raises(MotionFileError, match=message):
        read_motion(tmp_path / "a.npz")
