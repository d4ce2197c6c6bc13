"""FBX is read like the BVH of the same motion, in a process of its own whose end is a clean error."""

import contextlib
import sys

import numpy as np
import pytest

from bimotion.errors import MotionFileError
from bimotion.motion.formats import ReadOptions, fbx, read_motion, read_with_interpretation
from bimotion.motion.formats.bvh import read_bvh
from tests.motion.formats.fbx_text import fbx_text
from tests.motion.skeletons import FAMILIES, record

pytest.importorskip("ufbx", reason="the extra fbx is not installed")


@pytest.fixture
def mixamo(tmp_path):
    """A BVH of Mixamo's names in centimetres, its path."""
    (tmp_path / "a.bvh").write_text(record(FAMILIES["mixamo"]).text)
    return tmp_path / "a.bvh"


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"pre_rotation": (-90.0, 0.0, 20.0)},
        {"scale": 100.0},
        {"stated": False},
    ],
    ids=["plain", "pre-rotated", "scaled-armature", "no-length"],
)
def test_the_joints_are_those_of_the_bvh(mixamo, options) -> None:
    source = read_bvh(mixamo)
    path = mixamo.with_suffix(".fbx")
    path.write_text(fbx_text(source, **options))
    found, expected = read_with_interpretation(path, ReadOptions()), read_motion(mixamo)
    np.testing.assert_allclose(found.clip.joints, expected.joints, atol=1e-3)
    assert found.clip.fps == pytest.approx(expected.fps)
    assert found.interpretation.family == "Mixamo"
    assert found.clip.rotations is not None


def test_the_unit_is_the_files_own(tmp_path) -> None:
    (tmp_path / "a.bvh").write_text(record(FAMILIES["mixamo"], scale=100 / 2.54).text)
    path = tmp_path / "a.fbx"
    path.write_text(fbx_text(read_bvh(tmp_path / "a.bvh"), unit=2.54))
    found = read_with_interpretation(path, ReadOptions())
    assert found.interpretation.unit.name == "0.0254 m, as the format says"
    np.testing.assert_allclose(found.clip.joints, read_motion(tmp_path / "a.bvh").joints, atol=1e-3)


def test_a_file_with_z_up_is_turned(tmp_path) -> None:
    (tmp_path / "z.bvh").write_text(record(FAMILIES["mixamo"], z_up=True).text)
    path = tmp_path / "z.fbx"
    path.write_text(fbx_text(read_bvh(tmp_path / "z.bvh"), z_up=True))
    np.testing.assert_allclose(read_motion(path).joints, read_motion(tmp_path / "z.bvh").joints, atol=1e-3)


def test_the_animation_that_moves_is_read_and_another_can_be_named(mixamo) -> None:
    path = mixamo.with_suffix(".fbx")
    path.write_text(fbx_text(read_bvh(mixamo), names=("Empty", "Dance")))
    found = read_with_interpretation(path, ReadOptions())
    assert np.ptp(found.clip.joints, axis=0).max() > 0.1
    assert not found.interpretation.warnings
    np.testing.assert_array_equal(read_motion(path, animation="Dance").joints, found.clip.joints)
    np.testing.assert_array_equal(read_motion(path, animation="1").joints, found.clip.joints)
    assert np.ptp(read_motion(path, animation="0").joints, axis=0).max() < 1e-6
    with pytest.raises(MotionFileError, match="no animation 'Jump'; it has Empty, Dance"):
        read_motion(path, animation="Jump")


def test_the_rate_can_be_given(mixamo) -> None:
    path = mixamo.with_suffix(".fbx")
    path.write_text(fbx_text(read_bvh(mixamo)))
    slow, plain = read_motion(path, rate=15), read_motion(path)
    assert slow.fps == 15
    assert slow.duration == pytest.approx(plain.duration, abs=1 / 15)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not a readable FBX file"),
        (b"Kaydara FBX Binary  \x00\x1a\x00\xe8\x1c\x00\x00" + b"\xff" * 200, "not a readable FBX file"),
        (b"; FBX 7.4.0 project file\nObjects: {\n}\n", "no animation"),
        (b"HIERARCHY\nROOT Hips\n", "not a readable FBX file"),
    ],
    ids=["empty", "cut", "nothing", "bvh"],
)
def test_a_broken_file_is_refused(tmp_path, content, reason) -> None:
    (tmp_path / "a.fbx").write_bytes(content)
    with pytest.raises(MotionFileError, match=reason):
        read_motion(tmp_path / "a.fbx")


def test_bytes_changed_at_random_never_end_the_program(mixamo) -> None:
    text = bytearray(fbx_text(read_bvh(mixamo)).encode())
    rng = np.random.default_rng(0)
    path = mixamo.with_suffix(".fbx")
    for _ in range(8):
        broken = text.copy()
        for position in rng.integers(0, len(broken), 40):
            broken[position] = rng.integers(256)
        path.write_bytes(broken)
        with contextlib.suppress(MotionFileError):  # any other error fails
            assert np.isfinite(read_motion(path).joints).all()


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("import os; os.abort()", r"ufbx failed on it \(exit code -6\)"),
        ("while True: pass", "takes longer than 2 s"),
    ],
    ids=["crash", "hang"],
)
def test_a_crash_or_a_hang_of_the_parser_is_an_error(mixamo, monkeypatch, program, reason) -> None:
    child = mixamo.with_name("child.py")
    child.write_text(program)
    path = mixamo.with_suffix(".fbx")
    path.write_text("x")
    monkeypatch.setattr(fbx, "_CHILD", child)
    monkeypatch.setattr(fbx, "TIME_LIMIT", 2.0)
    with pytest.raises(MotionFileError, match=reason):
        read_motion(path)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit of address space")
def test_the_parser_may_not_take_all_memory(tmp_path) -> None:
    import subprocess

    program = (
        "import runpy, resource; child = runpy.run_path(r'"
        + str(fbx._CHILD)
        + "'); child['_limit_memory']();"
        "print(resource.getrlimit(resource.RLIMIT_AS)[0] <= child['MEMORY_LIMIT'])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"


def test_without_ufbx_the_extra_is_named(mixamo, monkeypatch) -> None:
    path = mixamo.with_suffix(".fbx")
    path.write_text("x")
    monkeypatch.setattr(fbx.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MotionFileError, match=r"pip install 'bimotion\[fbx\]'"):
        read_motion(path)
