"""Motion files: the suffix of a path chooses the format."""

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from bimotion.errors import ConfigError, MotionFileError
from bimotion.motion.clip import Clip
from bimotion.motion.formats.frame_rate import FASTEST, SLOWEST
from bimotion.motion.formats.write_options import WriteOptions
from bimotion.motion.skeleton import JOINT_NAMES
from bimotion.storage.json_files import read_json

if TYPE_CHECKING:
    from bimotion.motion.formats.named_arrays import NamedMotion
    from bimotion.motion.retarget.source import SourceMotion
    from bimotion.motion.retarget.to_clip import Interpretation

logger = logging.getLogger(__name__)

READS: tuple[str, ...] = (".bvh", ".amc", ".npy", ".npz", ".glb", ".gltf", ".vrm", ".vrma", ".fbx")
"""Suffixes of files that `read_motion` reads."""

WRITES: tuple[str, ...] = (".bvh", ".glb", ".npy", ".npz")
"""Suffixes of files that `write_motion` writes."""

UNITS: tuple[str, ...] = ("m", "dm", "cm", "inch", "mm")
"""Units that a user may name."""


@dataclass(frozen=True)
class ReadOptions:
    """A user's statements about a file; whatever is None is found from the file."""

    skeleton: str | Path | None = None
    """The .asf of an .amc; None: the one beside it."""
    joint_map: str | Path | None = None
    """JSON object from our joint names to the file's, for joints that were not found or found wrongly."""
    unit: str | None = None
    """One of `UNITS`."""
    up: str | None = None
    """The axis that points up, "y" or "z"."""
    rate: float | None = None
    """The file's true frames per second, where it states none or a wrong one; the motion is not resampled."""
    body_model: str | Path | None = None
    """Folder of `smplx` body models for AMASS; None: SMPL's mean skeleton."""
    animation: str | None = None
    """Name or index (from 0) of the animation of a glTF or FBX file; None: the first that moves a joint."""

    def __post_init__(self) -> None:
        if self.unit not in (None, *UNITS):
            raise ConfigError(f"unit: expected one of {', '.join(UNITS)}, got {self.unit!r:.80}")
        if self.up not in (None, "y", "z"):
            raise ConfigError(f"up: expected y or z, got {self.up!r:.80}")
        if self.rate is not None and not (
            isinstance(self.rate, int | float) and SLOWEST <= self.rate <= FASTEST
        ):
            raise ConfigError(
                f"rate: expected {SLOWEST:g} to {FASTEST:g} frames per second, got {self.rate!r:.80}"
            )


@dataclass(frozen=True)
class ReadMotion:
    """A clip and how its file was understood."""

    clip: Clip
    interpretation: "Interpretation"


def read_motion(
    path: str | Path,
    *,
    skeleton: str | Path | None = None,
    joint_map: str | Path | None = None,
    unit: str | None = None,
    up: str | None = None,
    rate: float | None = None,
    body_model: str | Path | None = None,
    animation: str | None = None,
) -> Clip:
    """The clip in a motion file, in metres and Y up, at the file's rate and where it stands in the file's world.

    The arguments are the fields of `ReadOptions`. What had to be assumed is logged as warnings.

    Raises:
        MotionFileError: the file is missing or cannot be used; the message says why and what to do.
    """
    options = ReadOptions(skeleton, joint_map, unit, up, rate, body_model, animation)
    found = read_with_interpretation(path, options)
    for warning in found.interpretation.warnings:
        logger.warning("%s: %s", path, warning)
    return found.clip


def read_with_interpretation(path: str | Path, options: ReadOptions) -> ReadMotion:
    """The clip in a motion file, and the joints, unit, up axis and warnings of its reading.

    Raises:
        MotionFileError: the file is missing or cannot be used; the message says why and what to do.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in READS:
        hint = "; name the .amc, whose skeleton is found beside it" if suffix == ".asf" else ""
        hint = (
            "; convert it with Blender (docs/formats.md)"
            if suffix in (".dae", ".usd", ".usda", ".usdc", ".blend")
            else hint
        )
        raise MotionFileError(f"{path}: expected a file that ends in {', '.join(READS)}{hint}")
    if not path.is_file():
        raise MotionFileError(f"{path}: is a folder" if path.is_dir() else f"{path}: no such file")
    if suffix in (".npy", ".npz"):
        return _read_arrays(path, options)
    from bimotion.motion.retarget.to_clip import motion_to_clip

    source = _read_source(path, suffix, options)
    names = None if options.joint_map is None else read_joint_map(options.joint_map)
    return ReadMotion(
        *motion_to_clip(
            source, where=str(path), name=path.stem, joint_map=names, unit=options.unit, up=options.up
        )
    )


def _read_source(path: Path, suffix: str, options: ReadOptions) -> "SourceMotion":
    if suffix == ".bvh":
        from bimotion.motion.formats.bvh import read_bvh

        return read_bvh(path, options.rate)
    if suffix == ".amc":
        from bimotion.motion.formats.acclaim import read_acclaim

        return read_acclaim(path, options.skeleton, options.rate)
    if suffix == ".fbx":
        from bimotion.motion.formats.fbx import read_fbx

        return read_fbx(path, options.rate, options.animation)
    from bimotion.motion.formats.gltf_reader import read_gltf

    return read_gltf(path, options.rate, options.animation)


def _read_arrays(path: Path, options: ReadOptions) -> ReadMotion:
    from bimotion.motion.formats.amass import ArrayMotion, read_npz
    from bimotion.motion.formats.frame_rate import check_rate
    from bimotion.motion.formats.layouts import positions_from_array
    from bimotion.motion.formats.named_arrays import NamedMotion, named_motion
    from bimotion.motion.formats.npy import DEFAULT_FPS, load_npy
    from bimotion.motion.retarget.arrays import settle_positions

    motion: ArrayMotion | NamedMotion | None
    if path.suffix.lower() == ".npz":
        motion = read_npz(path, options.body_model, options.rate)
    else:
        array = load_npy(path)
        rate = None if options.rate is None else check_rate(options.rate, str(path))
        motion = named_motion(array, rate, str(path))
        if motion is None:
            positions = positions_from_array(array, str(path)).astype("float32")
            motion = ArrayMotion(Clip(positions, rate or DEFAULT_FPS, name=path.stem), False)
    if isinstance(motion, NamedMotion):
        return _read_named(path, motion, options)
    return ReadMotion(
        *settle_positions(
            motion.clip,
            str(path),
            unit=options.unit,
            up=options.up,
            in_metres=motion.in_metres,
            notes=motion.notes,
        )
    )


def _read_named(path: Path, motion: "NamedMotion", options: ReadOptions) -> ReadMotion:
    from bimotion.motion.retarget.to_clip import motion_to_clip

    names = motion.joint_map | ({} if options.joint_map is None else read_joint_map(options.joint_map))
    clip, found = motion_to_clip(
        motion.source, where=str(path), name=path.stem, joint_map=names, unit=options.unit, up=options.up
    )
    return ReadMotion(clip, replace(found, family=f"{motion.layout.name}, joints by their order"))


def read_joint_map(path: str | Path) -> dict[str, str]:
    """Names of the file's joints by ours; a few are enough, the rest is found.

    Raises:
        MotionFileError: not a JSON object of names, or a joint that is not one of the 22.
    """
    names = read_json(Path(path), MotionFileError)
    if not isinstance(names, dict) or not all(isinstance(name, str) for name in names.values()):
        raise MotionFileError(f'{path}: expected a JSON object such as {{"left_hip": "LeftUpLeg", ...}}')
    for joint in names:
        if joint not in JOINT_NAMES:
            raise MotionFileError(
                f"{path}: {joint!r} is not one of our joints; expected {', '.join(JOINT_NAMES)}"
            )
    return names


def write_motion(clip: Clip, path: str | Path, options: WriteOptions | None = None) -> None:
    """Write the clip; a failure leaves an existing file unchanged.

    Raises:
        MotionFileError: another suffix, or the file cannot be written.
        ConfigError: an option that the format does not support.
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
