import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bimotion.features import features_to_joints, features_to_root, joints_to_features, layout
from bimotion.features.clip_encoding import encode_clip
from bimotion.features.mirror import mirror_features, symmetric_skeleton
from bimotion.motion.skeleton import MIRROR, RAW_OFFSETS
from tests.data.made_up import make_motion


def turned_about_y(joints: np.ndarray, angle: float) -> np.ndarray:
    c, s = np.cos(angle), np.sin(angle)
    x, y, z = np.moveaxis(joints, -1, 0)
    return np.stack([x * c + z * s, y, z * c - x * s], -1)


def twisting(frames: int = 90) -> np.ndarray:
    """A walk in which the shoulders turn against the hips."""
    joints = make_motion(frames, speed=1.0, turn_deg=120, hand="left", swings=3).astype(np.float64)
    for frame in range(frames):
        upper = [13, 14, 16, 17, 18, 19, 20, 21]
        twist = 0.6 * np.sin(frame / 5 + 1)
        joints[frame, upper] = joints[frame, [9]] + turned_about_y(
            joints[frame, upper] - joints[frame, [9]], twist
        )
    return joints.astype(np.float32)


def test_the_motion_is_that_of_the_published_features_but_for_where_it_faces() -> None:
    joints = twisting()
    found = features_to_joints(encode_clip(joints))
    expected = features_to_joints(joints_to_features(joints, uniform_skeleton=symmetric_skeleton()))
    across, target = (motion[0, 1] - motion[0, 2] for motion in (found, expected))
    angle = np.arctan2(across[2], across[0]) - np.arctan2(target[2], target[0])
    np.testing.assert_allclose(turned_about_y(found, angle), expected, atol=1e-4)


def test_rotations_and_velocities_agree_with_positions() -> None:
    joints = twisting()
    features = encode_clip(joints)
    decoded = features_to_joints(features)
    angle, _ = features_to_root(features)
    step = decoded[1:] - decoded[:-1]
    seen = np.stack([turned_about_y(v, -a) for v, a in zip(step, angle, strict=False)])
    np.testing.assert_allclose(features[:-1, layout.LOCAL_VEL].reshape(-1, 22, 3), seen, atol=1e-5)
    columns = features[:, layout.ROT6D].reshape(-1, 21, 2, 3)
    for joint, parent in ((1, 0), (2, 0), (3, 0), (13, 9), (14, 9)):
        first, second = columns[:, joint - 1, 0], columns[:, joint - 1, 1]
        local = np.stack([first, second, np.cross(first, second)], -1)
        bone = np.stack(
            [
                turned_about_y(v, -a)
                for v, a in zip(decoded[:, joint] - decoded[:, parent], angle, strict=True)
            ]
        )
        bone /= np.linalg.norm(bone, axis=-1, keepdims=True)
        np.testing.assert_allclose(local @ RAW_OFFSETS[joint], bone, atol=1e-4)


@pytest.mark.parametrize("turn", [0.0, 90.0, -170.0, 900.0])
def test_the_root_turns_as_the_body_does(turn: float) -> None:
    angle, _ = features_to_root(encode_clip(make_motion(160, turn_deg=turn)))
    assert np.degrees(angle[-1]) == pytest.approx(turn, abs=2 + 0.22 * abs(turn))
    steps = np.degrees(np.diff(angle))
    assert np.abs(np.diff(steps)).max() < 0.5  # no frame turns unlike its neighbours


def test_frame_0_is_like_any_other_although_the_shoulders_twist() -> None:
    turns = 2 * np.degrees(encode_clip(twisting())[:, 0])
    assert np.abs(np.diff(turns)).max() < 0.5
    published = 2 * np.degrees(joints_to_features(twisting(), uniform_skeleton=symmetric_skeleton())[:, 0])
    assert np.abs(published[1] - published[0]) > 5


@settings(max_examples=8, deadline=None)
@given(st.floats(-400, 400), st.floats(0, 2), st.sampled_from(["left", "right"]))
def test_the_mirror_image_has_mirrored_features(turn: float, speed: float, hand: str) -> None:
    joints = make_motion(60, turn_deg=turn, speed=speed, hand=hand, swings=3)
    image = joints[:, MIRROR] * np.array([-1, 1, 1], np.float32)
    np.testing.assert_allclose(mirror_features(encode_clip(joints)), encode_clip(image), atol=2e-5)
