"""One motion on skeletons whose rest pose is turned, posed, random or zero gives one clip; twist is kept."""

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from bimotion.motion.formats import read_motion, write_motion
from bimotion.motion.formats.bvh import read_bvh
from bimotion.motion.rotations import quat_between, quat_conjugate, quat_multiply, quat_to_matrix
from bimotion.motion.skeleton import JOINT_NAMES

CASE = Path(__file__).parents[1] / "cases" / "04-names-of-tools" / "Mixamo_prefix.bvh"
LIMBS = [
    i
    for i, name in enumerate(JOINT_NAMES)
    if name.endswith(("hip", "knee", "ankle", "shoulder", "elbow", "wrist"))
]
SOURCE = read_bvh(CASE)
COUNT, FRAMES = len(SOURCE.skeleton.names), SOURCE.num_frames
PARENTS = SOURCE.skeleton.parents
POSITIONS = np.stack([SOURCE.world(i)[0] for i in range(COUNT)], axis=1)
ROTATIONS = np.stack([quat_to_matrix(SOURCE.world(i)[1]) for i in range(COUNT)], axis=1)


def write(
    path: Path,
    positions: np.ndarray,
    rotations: np.ndarray,
    offsets: np.ndarray | None = None,
    *,
    locations: bool = False,
    turns: bool = True,
) -> Path:
    """A BVH file of world poses; with `locations` bones lie in position channels, without `turns` nothing rotates."""
    local, turned = positions.copy(), rotations.copy()
    for i, parent in enumerate(PARENTS):
        if parent >= 0:
            local[:, i] = np.einsum(
                "tji,tj->ti", rotations[:, parent], positions[:, i] - positions[:, parent]
            )
            turned[:, i] = rotations[:, parent].transpose(0, 2, 1) @ rotations[:, i]
    rest = local[0] * (np.arange(COUNT) > 0)[:, None] if offsets is None else offsets
    lines: list[str] = []
    columns: list[np.ndarray] = []

    def describe(i: int) -> None:
        end = i in SOURCE.skeleton.end_sites
        lines.append("End Site" if end else f"{'JOINT' if i else 'ROOT'} {SOURCE.skeleton.names[i]}")
        lines.append("{\nOFFSET " + " ".join(f"{x:.6f}" for x in rest[i]))
        if not end:
            channels = []
            if locations or i == 0:
                channels += ["Xposition", "Yposition", "Zposition"]
                columns.append(local[:, i])
            if turns:
                channels += ["Zrotation", "Xrotation", "Yrotation"]
                euler = Rotation.from_matrix(turned[:, i])
                columns.append(euler.as_euler("ZXY", degrees=True, suppress_warnings=True))
            lines.append(f"CHANNELS {len(channels)} {' '.join(channels)}")
            for child in (c for c in range(COUNT) if PARENTS[c] == i):
                describe(child)
        lines.append("}")

    describe(0)
    rows = "\n".join(" ".join(f"{x:.6f}" for x in row) for row in np.concatenate(columns, axis=1))
    path.write_text(
        "HIERARCHY\n" + "\n".join(lines) + f"\nMOTION\nFrames: {FRAMES}\nFrame Time: 0.033333\n{rows}\n"
    )
    return path


def turned_by(*turn: float) -> np.ndarray:
    return np.tile(Rotation.from_rotvec(turn).as_matrix(), (COUNT, 1, 1))


RESTS = {
    "turned": turned_by(0, 0, 0.65),
    "lying": turned_by(-np.pi / 2, 0, 0),
    "upside down": turned_by(np.pi, 0, 0),
    "along X": turned_by(0, 0, np.pi / 2),
    "facing back": turned_by(0, np.pi, 0),
    "facing aside": turned_by(0, 0.5, 0),
}


@pytest.mark.parametrize("rest", RESTS)
def test_a_turned_rest_pose_changes_nothing(tmp_path, rest) -> None:
    path = write(tmp_path / "a.bvh", POSITIONS, ROTATIONS @ RESTS[rest])
    np.testing.assert_allclose(read_motion(path).joints, read_motion(CASE).joints, atol=2e-3)


def test_bones_in_any_axes_and_a_posed_rest_keep_the_limbs(tmp_path) -> None:
    expected = read_motion(CASE).joints
    for turns in (Rotation.random(COUNT, random_state=0).as_matrix(), ROTATIONS[4].transpose(0, 2, 1)):
        joints = read_motion(write(tmp_path / "a.bvh", POSITIONS, ROTATIONS @ turns)).joints
        np.testing.assert_allclose(joints[:, LIMBS], expected[:, LIMBS], atol=1e-4)
        assert np.abs(joints - expected).max() < 0.06


@pytest.mark.parametrize("offset", [0.0, 3.0])
def test_bones_may_lie_in_position_channels(tmp_path, offset) -> None:
    path = write(tmp_path / "a.bvh", POSITIONS, ROTATIONS, np.full((COUNT, 3), offset), locations=True)
    np.testing.assert_allclose(read_motion(path).joints, read_motion(CASE).joints, atol=1e-4)


def test_positions_alone_are_enough(tmp_path) -> None:
    still = np.broadcast_to(np.eye(3), ROTATIONS.shape)
    path = write(tmp_path / "a.bvh", POSITIONS, still, np.zeros((COUNT, 3)), locations=True, turns=False)
    joints, expected = read_motion(path).joints, read_motion(CASE).joints
    np.testing.assert_allclose(joints[:, LIMBS], expected[:, LIMBS], atol=1e-4)
    assert np.abs(joints - expected).max() < 0.1


@pytest.mark.parametrize("rests_along_z", [True, False])
def test_z_up_files_are_turned(tmp_path, rests_along_z) -> None:
    up = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    rotations = up @ ROTATIONS @ (up.T if rests_along_z else np.eye(3))
    path = write(tmp_path / "a.bvh", POSITIONS @ up.T, rotations)
    np.testing.assert_allclose(read_motion(path).joints, read_motion(CASE).joints, atol=1e-4)
    lying = read_motion(path, up="y").joints
    assert np.ptp(lying[0, :, 1]) < 0.8


def twist_steps(path: Path, joint: str, end: str) -> np.ndarray:
    """Degrees by which a bone turns about itself from frame to frame, beyond its swing."""
    source = read_bvh(path)
    start, rotation = source.world(source.skeleton.names.index(joint))
    along = source.world(source.skeleton.names.index(end))[0] - start
    along /= np.linalg.norm(along, axis=-1, keepdims=True)
    moved = quat_multiply(rotation[1:], quat_conjugate(rotation[:-1]))
    twist = quat_multiply(quat_conjugate(quat_between(along[:-1], along[1:])), moved)
    return np.degrees(2 * np.arctan2((twist[:, 1:] * along[:-1]).sum(-1), twist[:, 0]))


def test_the_twist_of_the_files_bones_is_written_again(tmp_path) -> None:
    twisted = ROTATIONS.copy()
    forearm = SOURCE.skeleton.names.index("mixamorig:LeftForeArm")
    spin = Rotation.from_rotvec(np.linspace(0, 1.9, FRAMES)[:, None] * [1, 0, 0]).as_matrix()
    twisted[:, forearm] = twisted[:, forearm] @ spin
    source = write(tmp_path / "a.bvh", POSITIONS, twisted)
    write_motion(read_motion(source), tmp_path / "b.bvh")
    expected = twist_steps(source, "mixamorig:LeftForeArm", "mixamorig:LeftHand")
    assert np.abs(expected).min() > 10
    np.testing.assert_allclose(
        twist_steps(tmp_path / "b.bvh", "left_elbow", "left_wrist"), expected, atol=0.2
    )


def test_an_overstretched_knee_does_not_turn_the_thigh(tmp_path) -> None:
    case = CASE.parents[1] / "07-twist-flip" / "knee_hyperextends_20deg.bvh"
    write_motion(read_motion(case), tmp_path / "a.bvh")
    assert np.abs(twist_steps(tmp_path / "a.bvh", "right_hip", "right_knee")).max() < 1
