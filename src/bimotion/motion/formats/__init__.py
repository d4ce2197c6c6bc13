"""Motion files: the suffix of a path chooses the format."""

import json
from pathlib import Path

from bimotion.errors import MotionFileError
from bimotion.motion.clip import Clip
from bimotion.motion.formats.write_options import WriteOptions
from bimotion.motion.skeleton import JOINT_NAMES

READS: tuple[str, ...] = (".bvh", ".amc", ".npy", ".npz")
"""Suffixes of files that `read_motion` reads."""

WRITES: tuple[str, ...] = (".bvh", ".glb", ".npy", ".npz")
"""Suffixes of files that `write_motion` writes."""


def read_motion(
    path: str | Path,
    *,
    skeleton: str | Path | None = None,
    joint_map: str | Path | None = None,
    unit: str | None = None,
    body_model: str | Path | None = None,
) -> Clip:
    """The clip in a motion file, in metres and Y up, at the file's rate and where it stands in the file's world.

    `skeleton` is the .asf of an .amc; `joint_map` a JSON object from our joint names to the file's; `unit` one of
    m, cm, inch and mm, found from the body's height where None; `body_model` a folder of `smplx` models for AMASS.

    Raises:
        MotionFileError: the file is missing or cannot be used; the message says why and what to do.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in READS:
        hint = "; name the .amc, which finds its skeleton" if suffix == ".asf" else ""
        raise MotionFileError(f"{path}: expected a file that ends in {', '.join(READS)}{hint}")
    if not path.is_file():
        raise MotionFileError(f"{path}: is a folder" if path.is_dir() else f"{path}: no such file")
    if suffix in (".npy", ".npz"):
        return _read_arrays(path, unit, body_model)
    from bimotion.motion.formats.acclaim import read_acclaim
    from bimotion.motion.formats.bvh import read_bvh
    from bimotion.motion.retarget.to_joints import motion_to_clip

    source = read_bvh(path) if suffix == ".bvh" else read_acclaim(path, skeleton)
    names = None if joint_map is None else read_joint_map(joint_map)
    return motion_to_clip(source, where=str(path), name=path.stem, joint_map=names, unit=unit)


def _read_arrays(path: Path, unit: str | None, body_model: str | Path | None) -> Clip:
    from dataclasses import replace

    from bimotion.motion.formats.amass import read_npz
    from bimotion.motion.formats.npy import DEFAULT_FPS, read_npy
    from bimotion.motion.retarget.to_joints import body_length
    from bimotion.motion.retarget.units import metres_per_unit

    in_metres = False
    if path.suffix.lower() == ".npz":
        clip, in_metres = read_npz(path, body_model)
    else:
        clip = Clip(read_npy(path).astype("float32"), DEFAULT_FPS, name=path.stem)
    if in_metres and unit is None:
        return clip
    metres = metres_per_unit(body_length(clip.joints), unit, str(path))
    return clip if metres == 1 else replace(clip, joints=clip.joints * metres)


def read_joint_map(path: str | Path) -> dict[str, str]:
    """Names of the file's joints by ours.

    Raises:
        MotionFileError: not a JSON object of names, or a joint that is none of ours.
    """
    try:
        names = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise MotionFileError(f"{path}: not a readable JSON file: {error}") from None
    if not isinstance(names, dict) or not all(isinstance(name, str) for name in names.values()):
        raise MotionFileError(f'{path}: expected a JSON object such as {{"left_hip": "LeftUpLeg", ...}}')
    for joint in names:
        if joint not in JOINT_NAMES:
            raise MotionFileError(f"{path}: {joint!r} is no joint of ours; expected {', '.join(JOINT_NAMES)}")
    return names


def write_motion(clip: Clip, path: str | Path, options: WriteOptions | None = None) -> None:
    """Write the clip; a failure leaves what stood at `path`.

    Raises:
        MotionFileError: another suffix, or the file cannot be written.
        ConfigError: an option that the format cannot have.
    """
    path = Path(path)
    options = options or WriteOptions()
    suffix = path.suffix.lower()
    if suffix not in WRITES:
        raise MotionFileError(f"{path}: expected a name that ends in {', '.join(WRITES)}")
    options.check_suffix(suffix)
    from bimotion.motion.formats.amass import write_npz
    from bimotion.motion.formats.bvh_writer import write_bvh
    from bimotion.motion.formats.gltf import write_glb
    from bimotion.motion.formats.npy import write_npy

    writers = {".bvh": write_bvh, ".glb": write_glb, ".npy": write_npy, ".npz": write_npz}
    try:
        writers[suffix](clip, path, options)
    except OSError as error:
        raise MotionFileError(f"{path}: cannot be written: {error.strerror or error}") from None


def motion_files(folder: Path) -> list[Path]:
    """Every motion file in a folder and the folders in it, sorted; hidden ones are left out."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in READS
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )
