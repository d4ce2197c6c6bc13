"""AMASS: SMPL parameters in npz files; they need a body model (`Reading.body_model`)."""

from pathlib import Path

from bimotion.data.sources import Found
from bimotion.data.sources.bvh_folder import find_files


def find_recordings(folder: Path) -> Found:
    """All npz files below a folder (except `shape.npz`), with captions as in a folder of own recordings.

    Raises:
        DataError: there is none.
    """
    return find_files(folder, (".npz",), "amass", skip="shape.npz")
