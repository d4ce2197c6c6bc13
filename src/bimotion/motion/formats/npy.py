"""Joint positions as NumPy arrays (.npy, .npz), read without unpickling anything."""

import math
import zipfile
import zlib
from pathlib import Path

import numpy as np
from jaxtyping import Float

from bimotion.errors import MotionFileError
from bimotion.motion.atomic import atomic_path
from bimotion.motion.clip import Clip
from bimotion.motion.formats.text import MAX_BYTES
from bimotion.motion.skeleton import NUM_JOINTS

DEFAULT_FPS = 20.0
"""An .npy file does not say its rate; HumanML3D's arrays have this one."""


def write_npy(clip: Clip, path: str | Path) -> None:
    """Write the joints, float32 (T, 22, 3) in metres; the rate is not kept."""
    with atomic_path(path) as partial, partial.open("wb") as file:
        np.save(file, clip.joints)


def read_npy(path: str | Path) -> Float[np.ndarray, "T 22 3"]:
    """Joint positions in the file's unit, (T, 22, 3).

    Raises:
        MotionFileError: not such an array.
    """
    path = Path(path)
    try:
        # a memory map fails on a header that promises more than the file holds, where a read would allocate it
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError, SyntaxError) as error:
        raise MotionFileError(f"{path}: not a readable .npy array: {_first_line(error)}") from None
    if not isinstance(array, np.ndarray):
        raise MotionFileError(f"{path}: an archive of arrays called .npy; call it .npz")
    return check_positions(array, path)


def check_positions(array: np.ndarray, path: Path) -> Float[np.ndarray, "T 22 3"]:
    """The array as float64 joint positions.

    Raises:
        MotionFileError: another shape or type.
    """
    if array.dtype.kind not in "fiu":
        raise MotionFileError(f"{path}: expected numbers, got an array of {array.dtype}")
    if array.ndim != 3 or array.shape[1:] != (NUM_JOINTS, 3):
        raise MotionFileError(
            f"{path}: expected joint positions of shape (frames, {NUM_JOINTS}, 3), got {array.shape}. "
            "HumanML3D features of shape (frames, 263) are read with `bimotion.read_clip`."
        )
    if not len(array):
        raise MotionFileError(f"{path}: the array has no frames")
    if array.size * 8 > MAX_BYTES:
        raise MotionFileError(f"{path}: {len(array)} frames are more than can be read at once")
    return np.asarray(array, dtype=np.float64)


def load_npz(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an archive; those of Python objects are left out.

    Raises:
        MotionFileError: not a readable archive, or one that unpacks to more than `MAX_BYTES`.
    """
    arrays = {}
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
            if unpacked > MAX_BYTES:
                size = f"{unpacked / 2**20:.0f} MiB"
                raise MotionFileError(f"{path}: unpacks to {size}; at most {MAX_BYTES >> 20} are read")
            for member in archive.infolist():
                array = _load_member(archive, member)
                if array is not None:
                    arrays[member.filename.removesuffix(".npy")] = array
    except (
        OSError,
        ValueError,
        EOFError,
        SyntaxError,
        RuntimeError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise MotionFileError(f"{path}: not a readable .npz archive: {_first_line(error)}") from None
    return arrays


def _load_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray | None:
    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        form = np.lib.format
        read_header = form.read_array_header_1_0 if version == (1, 0) else form.read_array_header_2_0
        shape, fortran_order, dtype = read_header(file)
        if dtype.hasobject:
            return None
        # what the header promises is checked before numpy makes room for it
        count = math.prod(shape)
        if count * dtype.itemsize > member.file_size:
            raise ValueError(f"{member.filename} promises more than it holds")
        data = file.read(count * dtype.itemsize)
    if len(data) != count * dtype.itemsize:
        raise ValueError(f"{member.filename} is cut off")
    return np.frombuffer(data, dtype=dtype).reshape(shape, order="F" if fortran_order else "C")


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__
