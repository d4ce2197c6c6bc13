"""Writing clips as motion files, pages, pictures and videos: the suffix of the path chooses the format."""

from pathlib import Path
from typing import TYPE_CHECKING

from bimotion.errors import MotionFileError
from bimotion.motion.clip import Clip
from bimotion.motion.formats.write_options import WriteOptions

if TYPE_CHECKING:
    from bimotion.render.pictures import CameraMode

FORMATS = {
    ".bvh": "Biovision hierarchy, for Blender, Maya and MotionBuilder",
    ".glb": "glTF binary, a skinned figure with its animation",
    ".npy": "joint positions (T, 22, 3)",
    ".npz": "AMASS-style poses, trans and mocap_framerate",
    ".html": "a page that plays the motion in 3D, without a network",
    ".mp4": "video",
    ".gif": "animated picture",
    ".png": "strip of key poses",
}
"""What `write_file` writes, by suffix."""


def write_file(
    clip: Clip,
    path: Path,
    options: WriteOptions,
    *,
    camera: "CameraMode" = "follow",
    trail: bool = False,
    contacts: bool = False,
) -> None:
    """Write a clip; `camera`, `trail` and `contacts` are for .mp4 and .gif.

    Raises:
        MotionFileError: another suffix, or a folder that does not exist.
        ConfigError: an option that the format does not support.
    """
    check_writable(path)
    suffix = path.suffix.lower()
    options.check_suffix(suffix)
    if suffix in (".mp4", ".gif"):
        from bimotion.render.pictures import VideoStyle
        from bimotion.render.video import write_video

        write_video(options.resampled(clip), path, style=VideoStyle(camera, trail, contacts))
    elif suffix == ".png":
        from bimotion.render.pictures import write_picture

        write_picture(options.resampled(clip), path)
    elif suffix == ".html":
        from bimotion.render.page import write_page

        write_page([options.resampled(clip)], path, title=clip.caption or clip.name or path.stem)
    else:
        from bimotion.motion.formats import write_motion

        write_motion(clip, path, options)


def check_writable(path: str | Path) -> None:
    """Fail now where writing a clip to `path` would fail later.

    Raises:
        MotionFileError: a suffix that is not in `FORMATS`, or a folder that does not exist.
    """
    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        got = f"the suffix {path.suffix!r}" if path.suffix else "no suffix"
        raise MotionFileError(f"{path}: expected one of {' '.join(FORMATS)}, got {got}")
    if path.is_dir():
        raise MotionFileError(f"{path}: is a folder; expected a file name")
    check_folder(path)


def check_folder(path: Path) -> None:
    """Fail now where the folder of a file to write is missing.

    Raises:
        MotionFileError: it does not exist.
    """
    if not path.absolute().parent.is_dir():
        raise MotionFileError(f"{path}: the folder {path.parent} does not exist; create it first")
