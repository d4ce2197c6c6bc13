from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bimotion.motion.clip import Clip
from bimotion.motion.kinematics import (
    clip_rotations,
    clip_to_pose,
    forward_kinematics,
    global_rotations,
    local_rotations,
)
from bimotion.motion.rotations import (
    axis_angle_to_quat,
    quat_between,
    quat_conjugate,
    quat_multiply,
    quat_normalise,
    quat_rotate,
    quat_to_axis_angle,
)
from bimotion.motion.skeleton import CHILDREN, JOINT_NAMES, PARENTS, REST_OFFSETS, TARGET_OFFSETS
from tests.motion.skeletons import with_rotations

LIMBS = {"left_knee": (1, 0, 0), "right_knee": (1, 0, 0), "left_elbow": (0, -1, 0), "right_elbow": (0, 1, 0)}


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
def test_rotations_of_a_rigid_body_give_its_joints(seed) -> None:
    rng = np.random.default_rng(seed)
    rotations = axis_angle_to_quat(rng.normal(size=(8, 22, 3)))
    root = rng.normal(size=(8, 3))
    joints = forward_kinematics(rotations, root, TARGET_OFFSETS.astype(np.float64))
    pose = clip_to_pose(Clip(joints.astype(np.float32), 20))
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
    np.testing.assert_allclose(joints, clip.joints, atol=0.05)  # 5 % of a leg
    np.testing.assert_allclose(joints[:, 0], clip.joints[:, 0], atol=2e-3)


def test_what_is_not_rigid_is_met_at_the_limbs(walk) -> None:
    """Hips and shoulders that shake by 5 mm against the trunk do not move knees, feet, elbows and hands."""
    rng = np.random.default_rng(0)
    joints = walk.joints.copy()
    joints[:, [1, 2, 3, 13, 14]] += rng.normal(scale=0.002, size=(len(walk), 5, 3)).astype(np.float32)
    missed = np.abs(clip_to_pose(Clip(joints, 20)).joints() - joints).max((0, 2))
    assert missed[[4, 5, 7, 8, 10, 11, 18, 19, 20, 21]].max() < 0.006
    assert missed.max() < 0.01


def twist_steps(clip: Clip) -> dict[str, np.ndarray]:
    """How far each bone turns about itself from frame to frame, beyond the shortest way, degrees."""
    pose = clip_to_pose(clip)
    world = global_rotations(pose.rotations)
    steps = {}
    for joint, children in enumerate(CHILDREN):
        if len(children) == 1:
            bone = quat_rotate(world[:, joint], pose.offsets[children[0]])
            turn = quat_multiply(world[1:, joint], quat_conjugate(world[:-1, joint]))
            twist = quat_multiply(quat_conjugate(quat_between(bone[:-1], bone[1:])), turn)
            steps[JOINT_NAMES[joint]] = np.degrees(2 * np.arccos(np.clip(np.abs(twist[:, 0]), 0, 1)))
    return steps


@pytest.mark.parametrize(
    "motion",
    [
        "knees that hyperextend by 20 degrees",
        "a leg kicked up past the head with a pointed foot",
        "an arm that swings all the way round, straight",
        "an elbow that folds flat and opens to the other side",
    ],
)
def test_no_limb_spins_about_itself(motion) -> None:
    t = np.linspace(0, 1, 60)
    turns = np.zeros((60, 22, 3))
    arm, leg = JOINT_NAMES.index("left_shoulder"), JOINT_NAMES.index("right_hip")
    if "knees" in motion:
        turns[:, [4, 5], 0] = (0.6 + 0.95 * np.cos(2 * np.pi * 3 * t))[:, None]
    elif "leg" in motion:
        turns[:, leg, 0] = -3.0 * np.sin(np.pi * t) ** 2
        turns[:, leg, 2] = 0.3 * np.sin(2 * np.pi * t)
        turns[:, JOINT_NAMES.index("right_ankle"), 0] = 1.1
    elif "round" in motion:
        turns[:, arm, 2] = 2 * np.pi * t
        turns[:, arm, 1] = 0.05
    else:
        turns[:, JOINT_NAMES.index("left_elbow"), 1] = -3.1 * np.sin(np.pi * t)
        turns[:, arm, 0] = 0.8 * np.sin(2 * np.pi * t)
    root = np.tile([0.0, 0.95, 0.0], (60, 1))
    clip = Clip(forward_kinematics(axis_angle_to_quat(turns), root, REST_OFFSETS).astype(np.float32), 20)
    for joint, steps in twist_steps(clip).items():
        assert steps.max() < 15, joint
    np.testing.assert_allclose(clip_to_pose(clip).joints(), clip.joints, atol=1e-3)


def test_resampling_keeps_bones_and_passes_through_every_frame(walk) -> None:
    pose = clip_to_pose(walk)
    fine = pose.resample(20, 60)
    assert len(fine.root) == 121
    np.testing.assert_allclose(fine.joints()[::3], pose.joints(), atol=1e-6)
    bones = np.linalg.norm((fine.joints() - fine.joints()[:, list(PARENTS)])[:, 1:], axis=-1)
    assert np.ptp(bones, axis=0).max() < 1e-9
    # the walk's own formula, between its frames
    swing = 0.5 * np.sin(2 * np.pi * np.arange(121) / 60)
    thigh = fine.joints()[:, 4] - fine.joints()[:, 1]
    np.testing.assert_allclose(np.arctan2(-thigh[:, 2], -thigh[:, 1]), swing, atol=6e-3)


def test_a_clips_own_rotations_are_kept(walk) -> None:
    clip = with_rotations(walk)
    pose = clip_to_pose(clip)
    # a twist of the forearm shows in no joint; it must survive
    wrist = JOINT_NAMES.index("left_wrist")
    pose.rotations[:, wrist] = axis_angle_to_quat(np.array([0.7, 0.0, 0.0]))
    twisted = replace(walk, joints=pose.joints().astype(np.float32), rotations=clip_rotations(pose.rotations))
    np.testing.assert_allclose(twisted.joints, walk.joints, atol=1e-5)
    np.testing.assert_allclose(clip_to_pose(twisted).rotations[:, wrist], pose.rotations[:, wrist], atol=1e-5)


def test_quaternions_stay_on_one_side(walk) -> None:
    rotations = clip_to_pose(walk).rotations
    assert ((rotations[1:] * rotations[:-1]).sum(-1) > 0).all()


def test_limbs_follow_a_spin_and_spread_a_jerk(walk) -> None:
    """The trunk turns by 40 degrees in one frame: hanging arms take longer. It spins: they spin with it."""
    from bimotion.motion.kinematics import global_rotations
    from bimotion.motion.rotations import axis_angle_to_quat, quat_rotate
    from bimotion.motion.solve import _twist_steps, bone_vectors

    standing = np.repeat(walk.joints[:1], 41, axis=0).astype(np.float64)

    def twists(angles_deg: np.ndarray) -> np.ndarray:
        turn = axis_angle_to_quat(np.radians(angles_deg)[:, None] * np.array([0.0, 1.0, 0.0]))
        joints = quat_rotate(turn[:, None], standing)
        world = global_rotations(clip_to_pose(Clip(joints.astype(np.float32), 20.0)).rotations)
        bones = bone_vectors(joints)
        along = bones / np.maximum(np.linalg.norm(bones, axis=-1, keepdims=True), 1e-9)
        arms = [(16, 18), (17, 19), (18, 20), (19, 21)]
        return np.degrees([_twist_steps(along[:, child], world[:, joint]) for joint, child in arms])

    jerk = twists(np.where(np.arange(41) < 20, 0.0, 40.0))
    assert np.abs(jerk).max() < 25
    spin = twists(36.0 * np.arange(41))
    np.testing.assert_allclose(spin[:, 5:-5].sum(1) / 30, spin[:, 10:-10].mean(1), rtol=0.02)
    assert np.abs(spin[:, 5:-5] - spin[:, 5:-5].mean(1, keepdims=True)).max() < 2
