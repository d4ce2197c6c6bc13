import numpy as np

from bimotion.features.clips import clip_to_features, features_to_clip
from bimotion.features.layout import CONTACTS, RIC
from bimotion.features.mirror import symmetric_skeleton
from bimotion.inference.postprocess.cleanup import clean_clip
from bimotion.inference.postprocess.feet import LEGS, plant_feet, steady_root
from bimotion.motion.clip import Clip
from bimotion.motion.skeleton import PARENTS


def features_with_left_foot_down(num: int, start: int, stop: int) -> np.ndarray:
    features = np.zeros((num, 263), dtype=np.float32)
    features[start:stop, CONTACTS.start : CONTACTS.start + 2] = 1
    return features


def sliding(walk: Clip) -> np.ndarray:
    """Somebody who stands still but slides ahead by 5 mm a frame, knees bent."""
    joints = np.repeat(walk.joints[:1], 30, axis=0).copy()
    joints[:, [4, 5], 2] += 0.05
    joints[..., 2] += 0.005 * np.arange(30, dtype=np.float32)[:, None]
    return joints


def test_a_foot_in_contact_stands_still_and_the_leg_keeps_its_lengths(walk: Clip) -> None:
    joints = sliding(walk)
    planted = plant_feet(joints, features_with_left_foot_down(30, 10, 20))
    hip, knee, ankle, ball = LEGS[0]
    assert np.abs(np.diff(planted[10:20, [ankle, ball]], axis=0)).max() < 1e-5
    for a, b in ((hip, knee), (knee, ankle), (ankle, ball)):
        before, after = (np.linalg.norm(x[:, b] - x[:, a], axis=-1) for x in (joints, planted))
        np.testing.assert_allclose(after, before, atol=1e-5)
    others = [joint for joint in range(22) if joint not in (knee, ankle, ball)]
    np.testing.assert_array_equal(planted[:, others], joints[:, others])


def test_a_planted_foot_is_led_to_and_from_its_place(walk: Clip) -> None:
    planted = plant_feet(sliding(walk), features_with_left_foot_down(30, 10, 20))
    np.testing.assert_array_equal(planted[:5], sliding(walk)[:5])
    assert np.abs(np.diff(planted[:, LEGS[0][3]], axis=0)).max() < 0.02


def test_without_contact_nothing_moves(walk: Clip) -> None:
    joints = sliding(walk)
    np.testing.assert_allclose(plant_feet(joints, np.zeros((30, 263), np.float32)), joints, atol=1e-6)


def test_the_foot_that_stands_carries_the_body(walk: Clip) -> None:
    joints = np.repeat(walk.joints[:1], 60, axis=0).copy()
    sway = 0.05 * np.sin(2 * np.pi * np.arange(60, dtype=np.float32) / 20)
    joints[..., 0] += sway[:, None]
    steady = steady_root(joints, features_with_left_foot_down(60, 0, 60))
    ball = LEGS[0][3]
    assert np.ptp(steady[10:50, ball, 0]) < 0.3 * np.ptp(joints[10:50, ball, 0])
    np.testing.assert_allclose(steady - steady[:, :1], joints - joints[:, :1], atol=1e-6)
    np.testing.assert_array_equal(steady[..., 1], joints[..., 1])


def test_contacts_that_are_wrongly_told_do_not_change_where_the_body_goes(walk: Clip) -> None:
    joints = np.repeat(walk.joints[:1], 100, axis=0).copy()
    joints[..., 0] += 0.05 * np.arange(100, dtype=np.float32)[:, None]  # sideways, a metre a second
    steady = steady_root(joints, features_with_left_foot_down(100, 30, 60))
    way = steady[-1, 0] - steady[0, 0]
    np.testing.assert_allclose(way, joints[-1, 0] - joints[0, 0], atol=0.05)


def test_a_body_without_contact_keeps_its_way(walk: Clip) -> None:
    joints = sliding(walk)
    np.testing.assert_array_equal(steady_root(joints, features_with_left_foot_down(30, 0, 0)), joints)


def test_a_cleaned_clip_has_the_bones_of_the_uniform_skeleton(walk: Clip) -> None:
    features = clip_to_features(walk)
    stretched = features.copy()
    stretched[:, RIC] *= 1.4
    clip = clean_clip(stretched, caption="walks")
    bones = np.linalg.norm(clip.joints[:, 1:] - clip.joints[:, PARENTS[1:]], axis=-1)
    lengths = np.linalg.norm(symmetric_skeleton()[1:], axis=-1)
    # planting a foot that is out of reach straightens the leg, and no more
    np.testing.assert_allclose(bones, np.broadcast_to(lengths, bones.shape), atol=1e-3)
    assert clip.caption == "walks"
    own, raw = clean_clip(features).joints, features_to_clip(features).joints
    np.testing.assert_allclose(own[:, 15] - own[:, 0], raw[:, 15] - raw[:, 0], atol=1e-3)
