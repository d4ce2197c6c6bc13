"""The gates for zip files and NumPy arrays."""

import io
import resource
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bimotion.errors import DataError, MotionFileError
from bimotion.storage.arrays import map_array, open_arrays, read_array, read_arrays


def npy(header: str, data: bytes = b"", version: int = 1) -> bytes:
    text = header.encode() + b"\n"
    return b"\x93NUMPY" + bytes([version, 0]) + len(text).to_bytes(2, "little") + text + data


def zipped(members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_arrays_of_all_format_versions_read(tmp_path: Path, version: tuple[int, int]) -> None:
    array = np.asfortranarray(np.arange(12, dtype=">f8").reshape(3, 4))
    with (tmp_path / "a.npy").open("wb") as file:
        np.lib.format.write_array(file, array, version)
    np.testing.assert_array_equal(read_array(tmp_path / "a.npy"), array)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "not a readable .npy"),
        (npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2"), "not a readable .npy"),
        (npy("{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 2), }"), "cannot be"),
        (npy("{'descr': '<f4', 'fortran_order': False, 'shape': (True,), }", b"abcd"), "cannot be"),
        (
            npy(f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({10**30}, 3), }}"),
            "damaged: its header declares",
        ),
        (npy("{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", b"abcd" * 2), "declares 12 bytes"),
        (npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", b"abcd" * 2), "the file holds 8"),
        (npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", b"N."), "Python objects"),
        (
            npy("{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }", b"abcd" * 2),
            "elements of complex64",
        ),
        (
            npy("{'descr': '<M8[s]', 'fortran_order': False, 'shape': (1,), }", b"abcd" * 2),
            "elements of datetime64",
        ),
        (npy("{'descr': '<U1', 'fortran_order': False, 'shape': (1,), }", b"abcd"), "elements of <U1"),
        (npy("(" * 3000), "not a readable .npy"),
        (npy("{'descr': '<f4', 'fortran_order': False, 'shape': (0x,), }"), "not a readable .npy"),
        (b"\x93NUMPY\x07\x00" + bytes(100), "not a readable .npy"),
        (zipped({"joints.npy": b"x"}), "not a readable .npy"),
    ],
)
def test_malformed_arrays_are_refused(tmp_path: Path, data: bytes, why: str) -> None:
    path = tmp_path / "a.npy"
    path.write_bytes(data)
    with pytest.raises(MotionFileError, match=f"a.npy: .*{why}"):
        read_array(path, MotionFileError)
    with pytest.raises(MotionFileError, match="a.npy: "):
        map_array(path, MotionFileError, dtype=np.float32, columns=3)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_only_finite_numbers_are_read(tmp_path: Path, value: float) -> None:
    np.save(tmp_path / "a.npy", np.array([[1, value]]))
    np.savez(tmp_path / "a.npz", x=np.array([[1, value]]))
    with pytest.raises(DataError, match="not finite"):
        read_array(tmp_path / "a.npy")
    with pytest.raises(DataError, match="a.npz: x: .*not finite"):
        read_arrays(tmp_path / "a.npz")


def test_a_mapped_array_is_what_was_saved(tmp_path: Path) -> None:
    array = np.random.default_rng(0).normal(size=(7, 3)).astype(np.float32)
    np.save(tmp_path / "a.npy", array)
    np.testing.assert_array_equal(map_array(tmp_path / "a.npy", dtype=np.float32, columns=3), array)
    with pytest.raises(DataError, match=r"shape \(rows, 4\), got \(7, 3\)"):
        map_array(tmp_path / "a.npy", dtype=np.float32, columns=4)
    np.save(tmp_path / "none.npy", array[:0])
    assert map_array(tmp_path / "none.npy", dtype=np.float32, columns=3).shape == (0, 3)


def test_archives_give_arrays_and_texts(tmp_path: Path) -> None:
    path, objects = tmp_path / "a.npz", np.array([{"a": 1}], dtype=object)
    np.savez_compressed(path, x=np.arange(3), about=np.array("text"), odd=objects)
    assert set(read_arrays(path)) == {"x"}
    with open_arrays(path) as arrays:
        assert arrays.read_text("about") == "text"
        assert arrays.read("x").tolist() == [0, 1, 2]
        with pytest.raises(DataError, match="Python objects"):
            arrays.read("odd")
        with pytest.raises(DataError, match="expected an array 'y', got x, about, odd"):
            arrays.read("y")


def damaged(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]


WHOLE = zipped({"x.npy": npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", b"abcd" * 2)})


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "not a complete zip"),
        (WHOLE[:-10], "not a complete zip"),
        (damaged(WHOLE, 60), "damaged"),
        (zipped({"x.npy": b"x"}, zipfile.ZIP_LZMA), "other than deflate"),
        (zipped({"x.npy": b"x"}, zipfile.ZIP_BZIP2), "other than deflate"),
        (zipped({"x.npy": bytes(70 << 20)}, zipfile.ZIP_DEFLATED), "which no recording does"),
        (zipped({f"{i}.npy": b"x" for i in range(300)}), "300 members; at most 256"),
    ],
)
def test_malformed_archives_are_refused(tmp_path: Path, data: bytes, why: str) -> None:
    (tmp_path / "a.npz").write_bytes(data)
    with pytest.raises(DataError, match=f"a.npz: .*{why}"):
        read_arrays(tmp_path / "a.npz")


def test_a_member_twice_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", b"1")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("x.npy", b"2")
    with pytest.raises(DataError, match="'x.npy' twice"):
        read_arrays(tmp_path / "a.npz")


def test_lying_sizes_take_no_memory(tmp_path: Path) -> None:
    lying: dict[str, Any] = {"descr": "<f8", "fortran_order": False, "shape": (10**15, 22, 3)}
    header = npy(repr(lying))
    (tmp_path / "a.npy").write_bytes(header)
    (tmp_path / "a.npz").write_bytes(zipped({"joints.npy": header}))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for read, name in ((read_array, "a.npy"), (read_arrays, "a.npz")):
        with pytest.raises(DataError, match="declares 528,000,000,000,000,000 bytes"):
            read(tmp_path / name)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20 << 10
