"""Motion files by their suffix."""

from pathlib import Path

from bimotion.motion.clip import Clip
from bimotion.motion.formats.acclaim import read_acclaim
from bimotion.motion.formats.bvh import read_bvh
from bimotion.motion.retarget import motion_to_clip


def read_motion(
    path: str | Path,
    *,
    skeleton: str | Path | None = None,
    joint_map: str | Path | None = None,
    unit: str | None = None,
    body_model: str | Path | None = None,
) -> Clip:
    """The clip in a motion file."""
    path = Path(path)
    source = read_bvh(path) if path.suffix.lower() == ".bvh" else read_acclaim(path, skeleton)
    return motion_to_clip(source, where=str(path), name=path.stem, unit=unit)
