"""Joint positions as NumPy arrays (.npy, .npz), read without unpickling anything."""

import io
import math
import zipfile
import zlib
from pathlib import Path

import numpy as np
from jaxtyping import Float

from bimotion.errors import MotionFileError
from bimotion.motion.clip import Clip
from bimotion.motion.formats.text import MAX_BYTES
from bimotion.motion.formats.write_options import WriteOptions
from bimotion.motion.skeleton import NUM_JOINTS
from bimotion.storage.atomic import atomic_path

DEFAULT_FPS = 20.0
"""An .npy file does not say its rate; HumanML3D's arrays have this one."""


def write_npy(clip: Clip, path: str | Path, options: WriteOptions | None = None) -> None:
    """Write the joints, float32 (T, 22, 3) in metres; the rate is not kept."""
    clip = (options or WriteOptions()).resampled(clip)
    with atomic_path(path) as partial, partial.open("wb") as file:
        np.save(file, clip.joints)


def read_npy(path: str | Path) -> Float[np.ndarray, "T 22 3"]:
    """Joint positions in the file's unit, (T, 22, 3).

    Raises:
        MotionFileError: not such an array.
    """
    path = Path(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ValueError(f"it is larger than {MAX_BYTES >> 20} MiB")
        array = _load_array(path.read_bytes(), "its header")
    except (OSError, ValueError, EOFError, SyntaxError) as error:
        raise MotionFileError(f"{path}: not a readable .npy array: {_first_line(error)}") from None
    if array is None:
        raise MotionFileError(f"{path}: holds Python objects, which are not unpickled")
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
                array = _load_array(archive.read(member), member.filename)
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


def _load_array(data: bytes, name: str) -> np.ndarray | None:
    """The array that a .npy file holds; None if it holds Python objects."""
    file = io.BytesIO(data)
    form = np.lib.format
    version = form.read_magic(file)
    read_header = form.read_array_header_1_0 if version == (1, 0) else form.read_array_header_2_0
    shape, fortran_order, dtype = read_header(file)
    if dtype.hasobject:
        return None
    # numpy would make room for what the header promises before it looks for it
    count, offset = math.prod(shape), file.tell()
    if count * dtype.itemsize > len(data) - offset:
        raise ValueError(f"{name} promises more than it holds")
    array = np.frombuffer(data, dtype, count, offset) if count else np.empty(0, dtype)
    return array.reshape(shape, order="F" if fortran_order else "C")


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__
