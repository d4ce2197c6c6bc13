import io
import zipfile
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bimotion.errors import MotionFileError
from bimotion.motion.formats import read_motion, write_motion
from bimotion.storage.arrays import read_arrays


class Trap:
    """What must never be unpickled."""

    def __reduce__(self):
        return (exec, ("raise SystemExit('unpickled')",))


def npy_bytes(array: np.ndarray, **changes: str) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    data = file.getvalue()
    for old, new in changes.items():
        data = data.replace(old.encode(), new.encode())
    return data


def test_positions_come_back_bit_for_bit(tmp_path, walk) -> None:
    write_motion(walk, tmp_path / "a.npy")
    clip = read_motion(tmp_path / "a.npy")
    np.testing.assert_array_equal(clip.joints, walk.joints)
    assert (clip.fps, clip.name) == (20, "a")


def test_centimetres_become_metres(tmp_path, walk) -> None:
    np.save(tmp_path / "a.npy", walk.joints * 100)
    np.testing.assert_allclose(read_motion(tmp_path / "a.npy").joints, walk.joints, atol=1e-5)
    np.testing.assert_allclose(read_motion(tmp_path / "a.npy", unit="m").joints, walk.joints * 100)


def test_npz_positions_have_a_rate(tmp_path, walk) -> None:
    np.savez(tmp_path / "a.npz", joints=walk.joints.astype(np.float64), fps=25)
    clip = read_motion(tmp_path / "a.npz")
    np.testing.assert_array_equal(clip.joints, walk.joints)
    assert clip.fps == 25


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((5, 263)), r"got \(5, 263\).*features.*bimotion.read_clip"),
        (np.zeros((5, 25, 3)), r"\(frames, 22, 3\).*got \(5, 25, 3\): 25 joints \(OpenPose's or Kinect's\)"),
        (np.zeros((0, 22, 3)), "no frames"),
        (np.full((5, 22, 3), np.inf), "holds a number that is not finite"),
        (np.zeros((5, 22, 3), dtype=complex), "elements of complex128; expected numbers"),
        (np.array(["a"]), "expected numbers"),
        (np.zeros((5, 22, 3)), "the body has no size"),
    ],
)
def test_other_arrays_are_refused(tmp_path, array, message) -> None:
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(MotionFileError, match=message):
        read_motion(tmp_path / "a.npy")


def test_pickles_are_not_run(tmp_path) -> None:
    np.save(tmp_path / "a.npy", np.array([Trap()], dtype=object), allow_pickle=True)
    with pytest.raises(MotionFileError, match="Python objects, which are never read.*allow_pickle=True"):
        read_motion(tmp_path / "a.npy")
    np.savez(tmp_path / "a.npz", joints=np.array([Trap()], dtype=object), allow_pickle=True)
    with pytest.raises(MotionFileError, match="expected AMASS's"):
        read_motion(tmp_path / "a.npz")


def test_a_header_that_promises_too_much_takes_no_memory(tmp_path) -> None:
    data = npy_bytes(np.zeros((5, 22, 3)), **{"(5, 22, 3), }      ": "(5000000000, 22, 3), }"[:22]})
    data = data.replace(b"(5, 22, 3), }         ", b"(5000000000, 22, 3), }")
    (tmp_path / "a.npy").write_bytes(data)
    with pytest.raises(MotionFileError, match="damaged: its header declares 2,640,000,000,000 bytes"):
        read_motion(tmp_path / "a.npy")
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("joints.npy", data)
    with pytest.raises(MotionFileError, match="joints: damaged: its header declares"):
        read_motion(tmp_path / "a.npz")


def test_a_bomb_is_not_unpacked(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("bimotion.storage.archives.FREE_BYTES", 2**20)
    np.savez_compressed(tmp_path / "a.npz", joints=np.zeros(2**18))
    assert (tmp_path / "a.npz").stat().st_size < 5000
    with pytest.raises(MotionFileError, match="unpack to 2 MiB, which no recording does"):
        read_motion(tmp_path / "a.npz")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"hello", b"\x93NUMPY"])
@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_what_is_no_array_is_refused_in_one_line(tmp_path, suffix, content) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)
    with pytest.raises(MotionFileError) as error:
        read_motion(path)
    assert "\n" not in str(error.value)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1500), st.binary(min_size=1, max_size=4), st.booleans())
def test_damaged_archives_are_refused_or_read(tmp_path_factory, position, junk, cut) -> None:
    file = io.BytesIO()
    np.savez_compressed(file, joints=np.zeros((2, 22, 3)), fps=20)
    data = file.getvalue()
    position %= len(data)
    path = tmp_path_factory.getbasetemp() / "d.npz"
    path.write_bytes(data[:position] if cut else data[:position] + junk + data[position + len(junk) :])
    with suppress(MotionFileError):
        read_arrays(path, MotionFileError)
