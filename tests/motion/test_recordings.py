"""What real recordings look like after reading; they stay outside the repository."""

import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest

from bimotion.motion.clip import facing
from bimotion.motion.formats import read_motion, write_motion
from bimotion.motion.skeleton import JOINT_NAMES


@pytest.fixture(scope="module")
def recordings(shared, tmp_path_factory):
    """The first recordings of some archives, by a part of their name."""
    target = {
        "bandai-namco-part1.tar.xz": ("bow_active_001.bvh", "bye_musical_001.bvh"),
        "cmu-asfamc-subjects-01-03.tar.xz": ("02.asf", "02_01.amc"),
        "cmu-8-actions-bvh.tar.xz": ("test_walking_1.bvh",),
        "cmu-dance-martial-basketball-bvh.tar.xz": ("007_01.bvh", "007_10.bvh"),
    }
    folder = tmp_path_factory.mktemp("recordings")
    found: dict[str, Path] = {}
    for archive, names in target.items():
        with tarfile.open(shared / "data" / archive, "r|xz") as stream:
            left = set(names)
            for member in stream:
                name = next((n for n in left if member.name.endswith(n)), None)
                if name is not None:
                    found[name] = folder / Path(member.name).name
                    found[name].write_bytes(stream.extractfile(member).read())
                    left.remove(name)
                if not left:
                    break
    return found


@pytest.fixture(scope="module")
def prototype(shared):
    sys.path.insert(0, str(shared / "data" / "prototype"))
    try:
        import joints22
        import mocap_io
    finally:
        sys.path.pop(0)
    return mocap_io, joints22


def test_bandai_namco_agrees_with_the_checked_prototype(recordings, prototype) -> None:
    mocap_io, joints22 = prototype
    for name in ("bow_active_001.bvh", "bye_musical_001.bvh"):
        expected = joints22.bn_to22(mocap_io.read_bvh(recordings[name]))
        np.testing.assert_allclose(read_motion(recordings[name]).joints, expected, atol=1e-5)


def test_cmu_agrees_with_the_checked_prototype(recordings, prototype) -> None:
    mocap_io, joints22 = prototype
    asf = mocap_io.read_asf(recordings["02.asf"])
    expected = joints22.cmu_to22(mocap_io.read_amc(recordings["02_01.amc"], asf), asf)
    clip = read_motion(recordings["02_01.amc"])
    assert clip.fps == 120
    np.testing.assert_allclose(clip.joints, expected, atol=1e-5)


def test_reading_and_resampling_gives_the_reference_joints(recordings, shared) -> None:
    reference = np.load(shared / "data" / "reference_features.npz")["bn1_bye_musical_001#0/joints"]
    clip = read_motion(recordings["bye_musical_001.bvh"]).resample(20)
    np.testing.assert_allclose(clip.joints[: len(reference)], reference, atol=1e-5)


@pytest.mark.parametrize("name", ["02_01.amc", "test_walking_1.bvh", "007_01.bvh", "007_10.bvh"])
def test_walkers_walk_ahead_upright_on_the_floor(recordings, name) -> None:
    # the first frames of some are a rest pose elsewhere
    joints = read_motion(recordings[name]).joints[5:].astype(float)
    column = {joint: joints[:, i] for i, joint in enumerate(JOINT_NAMES)}
    way = joints[-1, 0] - joints[0, 0]
    assert facing(joints).mean(0) @ way / np.linalg.norm(way) > 0.9
    assert 0.85 < np.median(column["pelvis"][:, 1]) < 1.2
    assert 1.35 < np.median(column["head"][:, 1]) < 1.75
    lowest = joints[:, [7, 8, 10, 11], 1].min(1)
    assert -0.05 < np.median(lowest) < 0.12
    forward = facing(joints)
    left = np.cross([0, 1, 0], forward)
    assert ((column["left_hip"] - column["right_hip"]) * left).sum(-1).min() > 0.1
    # knees bend ahead of the line from hip to ankle
    middle = (column["left_hip"] + column["left_ankle"]) / 2
    assert ((column["left_knee"] - middle) * forward).sum(-1).mean() > 0.02
    trunk = column["neck"] - column["pelvis"]
    lean = np.degrees(np.arctan2((trunk * forward).sum(-1), trunk[:, 1])).mean()
    assert -10 < lean < 12


READING_SPEED = """
import sys, time
from bimotion.motion.formats import read_motion

def frames_per_second(path):
    start = time.process_time()
    return len(read_motion(path)) / (time.process_time() - start)

for path in sys.argv[1:]:
    print(max(frames_per_second(path) for _ in range(30)))
"""


def test_bvh_is_read_fast(recordings) -> None:
    # in a process of its own, without the checks of types that tests run under; other work on the machine makes it
    # slower, never faster
    paths = [str(recordings[name]) for name in ("bye_musical_001.bvh", "007_01.bvh")]
    done = subprocess.run(
        [sys.executable, "-c", READING_SPEED, *paths], capture_output=True, text=True, check=True
    )
    assert all(float(speed) > 3000 for speed in done.stdout.split())


def test_a_real_recording_survives_the_way_through_bvh(recordings, tmp_path) -> None:
    clip = read_motion(recordings["test_walking_1.bvh"])
    write_motion(clip, tmp_path / "a.bvh")
    back = read_motion(tmp_path / "a.bvh")
    assert back.fps == clip.fps == 60
    # the recorded shoulders move against the chest by some millimetres, which bones of constant length cannot
    assert np.linalg.norm(back.joints - clip.joints, axis=-1).max() < 0.008
    np.testing.assert_allclose(facing(back.joints), facing(clip.joints), atol=0.02)
