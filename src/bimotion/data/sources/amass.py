"""AMASS: SMPL parameters in npz files; they need a body model (`Reading.body_model`)."""

from pathlib import Path

from bimotion.data.recording import Recording
from bimotion.data.sources.bvh_folder import find_files


def find_recordings(folder: Path) -> list[Recording]:
    """All npz files below a folder (but for `shape.npz`), with captions as in a folder of own recordings.

    Raises:
        DataError: there is none.
    """
    return [
        recording for recording in find_files(folder, (".npz",), "amass") if recording.path.stem != "shape"
    ]
