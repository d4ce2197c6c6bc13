import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bimotion.motion.clip import Clip
from bimotion.motion.kinematics import (
    clip_to_pose,
    forward_kinematics,
    global_rotations,
    local_rotations,
    pose_to_clip,
    with_rotations,
)
from bimotion.motion.rotations import axis_angle_to_quat, quat_normalise, quat_to_axis_angle
from bimotion.motion.skeleton import JOINT_NAMES, PARENTS, REST_OFFSETS, TARGET_OFFSETS

LIMBS = {"left_knee": (1, 0, 0), "right_knee": (1, 0, 0), "left_elbow": (0, -1, 0), "right_elbow": (0, 1, 0)}


def random_bones(seed: int, num_frames: int = 6) -> Clip:
    """Bones of constant length in any directions: shoulders and hips are not rigid."""
    rng = np.random.default_rng(seed)
    directions = rng.normal(size=(num_frames, 22, 3))
    bones = directions / np.linalg.norm(directions, axis=-1, keepdims=True)
    bones *= np.linalg.norm(TARGET_OFFSETS, axis=-1)[:, None]
    joints = np.zeros((num_frames, 22, 3))
    joints[:, 0] = rng.normal(size=(num_frames, 3)) * 3
    for joint, parent in enumerate(PARENTS[1:], 1):
        joints[:, joint] = joints[:, parent] + bones[:, joint]
    return Clip(joints.astype(np.float32), 30)


def bent(joint: str, angles: np.ndarray, others: dict[str, tuple[float, float, float]] | None = None) -> Clip:
    """A T-pose with one joint bent about its hinge, others turned by fixed rotation vectors."""
    turns = np.zeros((len(angles), 22, 3))
    turns[:, JOINT_NAMES.index(joint)] = np.outer(angles, LIMBS[joint])
    for name, turn in (others or {}).items():
        turns[:, JOINT_NAMES.index(name)] = turn
    root = np.tile([0.0, 0.95, 0.0], (len(angles), 1))
    return Clip(forward_kinematics(axis_angle_to_quat(turns), root, REST_OFFSETS).astype(np.float32), 20)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_constant_bones_in_any_directions_are_met_exactly(seed) -> None:
    clip = random_bones(seed)
    np.testing.assert_allclose(clip_to_pose(clip).joints(), clip.joints, atol=1e-5)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_rotations_of_a_rigid_body_give_its_joints_without_shifts(seed) -> None:
    rng = np.random.default_rng(seed)
    rotations = axis_angle_to_quat(rng.normal(size=(8, 22, 3)))
    root = rng.normal(size=(8, 3))
    joints = forward_kinematics(rotations, root, TARGET_OFFSETS.astype(np.float64))
    pose = clip_to_pose(Clip(joints.astype(np.float32), 20))
    assert not pose.shifts
    np.testing.assert_allclose(pose.joints(), joints, atol=1e-4)


def test_world_and_local_rotations_are_inverse() -> None:
    local = quat_normalise(np.random.default_rng(0).normal(size=(4, 22, 4)))
    np.testing.assert_allclose(local_rotations(global_rotations(local)), local, atol=1e-12)


def test_the_t_pose_has_no_rotations() -> None:
    pose = clip_to_pose(bent("left_knee", np.zeros(2)))
    np.testing.assert_allclose(np.abs(pose.rotations[..., 0]), 1, atol=1e-6)
    np.testing.assert_allclose(pose.offsets, REST_OFFSETS, atol=1e-6)


@pytest.mark.parametrize("joint", LIMBS)
def test_a_bent_limb_turns_about_its_hinge_the_right_way(joint) -> None:
    side = joint.split("_")[0]
    upper = {"knee": "hip", "elbow": "shoulder"}[joint.split("_")[1]]
    angles = np.linspace(0.5, 2.2, 12)
    turn = {f"{side}_{upper}": (0.5, 0.3, -0.4)}
    pose = clip_to_pose(bent(joint, angles, turn))
    found = quat_to_axis_angle(pose.rotations)
    np.testing.assert_allclose(found[:, JOINT_NAMES.index(joint)], np.outer(angles, LIMBS[joint]), atol=1e-3)
    # with the plane of the limb known, the twist of the upper bone is known as well
    expected = np.tile(turn[f"{side}_{upper}"], (12, 1))
    np.testing.assert_allclose(found[:, JOINT_NAMES.index(f"{side}_{upper}")], expected, atol=1e-3)


@pytest.mark.parametrize("joint", LIMBS)
def test_twist_does_not_jump_while_a_limb_straightens_and_trembles(joint) -> None:
    rng = np.random.default_rng(0)
    angles = 1.2 * np.cos(np.linspace(0, 4 * np.pi, 120)) ** 2  # straight four times on the way
    clip = bent(joint, angles, {"left_shoulder": (0, 0.3, -0.8), "right_shoulder": (0, -0.3, 0.8)})
    noisy = Clip(clip.joints + rng.normal(size=clip.joints.shape).astype(np.float32) * 1e-3, 20)
    upper = PARENTS[JOINT_NAMES.index(joint)]
    rotations = clip_to_pose(noisy).rotations[:, upper]
    steps = np.degrees(2 * np.arccos(np.clip(np.abs((rotations[1:] * rotations[:-1]).sum(-1)), 0, 1)))
    assert steps.max() < 12


def test_bones_that_vary_get_their_mean_length(walk) -> None:
    stretch = 1 + 0.05 * np.sin(np.arange(len(walk)))[:, None, None]
    clip = Clip(((walk.joints - walk.joints[:, :1]) * stretch + walk.joints[:, :1]).astype(np.float32), 20)
    joints = clip_to_pose(clip).joints()
    bones = np.linalg.norm((joints - joints[:, list(PARENTS)])[:, 1:], axis=-1)
    assert np.ptp(bones, axis=0).max() < 1e-9
    np.testing.assert_allclose(joints[:, 0], clip.joints[:, 0], atol=1e-6)


def test_a_clips_own_rotations_are_kept(walk) -> None:
    clip = with_rotations(walk)
    pose = clip_to_pose(clip)
    # a twist of the forearm shows in no joint; it must survive
    wrist = JOINT_NAMES.index("left_wrist")
    pose.rotations[:, wrist] = axis_angle_to_quat(np.array([0.7, 0.0, 0.0]))
    twisted = pose_to_clip(pose, 20)
    np.testing.assert_allclose(twisted.joints, walk.joints, atol=1e-5)
    np.testing.assert_allclose(clip_to_pose(twisted).rotations[:, wrist], pose.rotations[:, wrist], atol=1e-5)


def test_quaternions_stay_on_one_side(walk) -> None:
    rotations = clip_to_pose(walk).rotations
    assert ((rotations[1:] * rotations[:-1]).sum(-1) > 0).all()
