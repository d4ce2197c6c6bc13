"""Joint positions as NumPy arrays (.npy)."""

from pathlib import Path

import numpy as np

from bimotion.errors import MotionFileError
from bimotion.motion.clip import Clip
from bimotion.motion.formats.write_options import WriteOptions
from bimotion.storage.arrays import read_array
from bimotion.storage.atomic import atomic_path

DEFAULT_FPS = 20.0
"""Frames per second of an .npy file, which does not state its rate: HumanML3D's."""

_RECIPE = (
    "convert it where you trust it: python -c \"import numpy as np; d = np.load('results.npy', "
    "allow_pickle=True).item(); np.save('motion.npy', d['motion'][0])\""
)


def write_npy(clip: Clip, path: str | Path, options: WriteOptions | None = None) -> None:
    """Write the joints, float32 (T, 22, 3) in metres; the rate is not kept."""
    clip = (options or WriteOptions()).resampled(clip)
    with atomic_path(path) as partial, partial.open("wb") as file:
        np.save(file, clip.joints)


def load_npy(path: str | Path) -> np.ndarray:
    """The array in a file, of any shape.

    Raises:
        MotionFileError: not an array, or one that would have to be unpickled.
    """
    try:
        return read_array(Path(path), MotionFileError)
    except MotionFileError as error:
        if "Python objects" in str(error):
            raise MotionFileError(f"{error}; {_RECIPE}") from None
        raise
