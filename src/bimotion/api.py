"""Loading models, reading and writing clips: the functions of `import bimotion`."""

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from bimotion.errors import ConfigError, ModelError, MotionFileError
from bimotion.models.choices import Precision
from bimotion.motion.clip import Clip
from bimotion.motion.formats.joint_names import NameSet
from bimotion.motion.formats.write_options import OutUnit, WriteOptions
from bimotion.storage.hub import HubReference, from_hub, hub_hint, is_hub_reference

if TYPE_CHECKING:
    import torch

    from bimotion.inference.model import MotionLanguageModel
    from bimotion.render.pictures import CameraMode

EMBEDDED = Path(__file__).parent / "embedded"
"""Folder of the bundled model."""

MODEL_FILES = (
    "config.json",
    "model.safetensors",
    "tokenizer.json",
    "training_words.json",
    "actions.json",
    "README.md",
)
"""Files of a model folder that are downloaded from the Hub."""

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
"""What `save_clip` writes, by suffix."""


@runtime_checkable
class Readable(Protocol):
    """A file object opened for reading bytes."""

    def read(self, size: int = ..., /) -> bytes:
        """At most `size` bytes."""


@runtime_checkable
class Writable(Protocol):
    """A file object opened for writing bytes."""

    def write(self, data: bytes, /) -> int:
        """Write the bytes."""


MAX_STREAM_BYTES = 1 << 30
"""Most that `read_clip` takes from a file object."""


def load(
    model: str | Path | None = None,
    device: "str | torch.device" = "cpu",
    precision: Precision = "fp32",
    *,
    revision: str | None = None,
) -> "MotionLanguageModel":
    """A model that turns text into motion and motion into text.

    `model` is a model folder, a run of `bimotion train` that holds one, or a Hugging Face Hub repository
    ("hf:owner/name" or "hf:owner/name@revision"; `revision` is a branch, tag or commit); None is the bundled model,
    unless the environment variable BIMOTION_MODEL names another. `precision` is the number format that the model
    computes in, whatever its weights are stored in: "fp32", "bf16", or "int8" for the transformer on a CPU
    (docs/performance.md).

    Raises:
        ModelError: the folder or repository is missing, is no model folder, or cannot be used like this.
        ConfigError: an argument of a wrong type or value.
    """
    from bimotion.inference.model import MotionLanguageModel

    folder = model_folder(model, revision=revision)
    return MotionLanguageModel.from_folder(folder, device=device, precision=precision)


def model_folder(model: str | Path | None = None, *, revision: str | None = None) -> Path:
    """The folder that `load` would read: `model` in a run of `bimotion train`; a Hub repository is downloaded.

    Raises:
        ModelError: there is no such folder or repository.
        ConfigError: an argument of a wrong type, or a revision of what is no Hub repository.
    """
    if not (model is None or isinstance(model, (str, Path))):
        raise ConfigError(
            f"model: expected a path or hf:OWNER/NAME, got a value of type {type(model).__name__}"
        )
    if not (revision is None or isinstance(revision, str)):
        raise ConfigError(f"revision: expected a string, got a value of type {type(revision).__name__}")
    model = model or os.environ.get("BIMOTION_MODEL") or None
    if model is not None and is_hub_reference(model):
        reference = HubReference.parse(str(model))
        return from_hub(reference if revision is None else replace(reference, revision=revision), MODEL_FILES)
    if revision is not None:
        raise ConfigError(
            f"revision: is for Hub repositories only (hf:OWNER/NAME), got the model {str(model)!r}"
        )
    if model is None:
        if not (EMBEDDED / "config.json").is_file():
            raise ModelError(
                "this installation has no bundled model (bimotion/embedded is missing); name a model folder"
            )
        return EMBEDDED
    folder = Path(model).expanduser()
    if folder.is_dir():
        trained = folder / "model"
        return trained if (trained / "config.json").is_file() else folder
    raise ModelError(
        f"{model}: expected a model folder (config.json, model.safetensors, tokenizer.json){hub_hint(model)}"
    )


def read_clip(
    path: "str | Path | Readable",
    *,
    format: str | None = None,
    skeleton: str | Path | None = None,
    joint_map: str | Path | None = None,
    unit: str | None = None,
    up: str | None = None,
    rate: float | None = None,
    body_model: str | Path | None = None,
    animation: str | None = None,
) -> Clip:
    """The motion in a file: BVH, AMC, FBX, glTF, VRM, NPY/NPZ joint positions, AMASS npz, or HumanML3D features as NPY.

    `path` may be a binary file object; `format` is then its suffix, such as ".bvh". What had to be assumed, such as an
    unlikely unit, is logged as a warning.

    Args:
        path: The file.
        format: Suffix of a file object.
        skeleton: The ASF of an AMC file; by default the one beside it.
        joint_map: JSON object from our joint names to the file's, for joints that detection gets wrong.
        unit: "m", "dm", "cm", "inch" or "mm"; by default from the size of the body.
        up: The up axis, "y" or "z"; by default from the rest pose.
        rate: True frame rate of a file that states none or a wrong one; nothing is resampled.
        body_model: Folder of `smplx` body models (AMASS only); without it, SMPL's mean skeleton is used.
        animation: Name or index (from 0) of the animation of a glTF or FBX file; the first that moves a joint.

    Raises:
        MotionFileError: the file is missing, broken, or its skeleton is not a person's.
        ConfigError: an argument of a wrong type or value.
    """
    from bimotion.features.files import read_any
    from bimotion.motion.formats import ReadOptions

    for name, value in (("skeleton", skeleton), ("joint_map", joint_map), ("body_model", body_model)):
        if not (value is None or isinstance(value, (str, Path))):
            raise ConfigError(f"{name}: expected a path, got a value of type {type(value).__name__}")
    options = ReadOptions(skeleton, joint_map, unit, up, rate, body_model, animation)
    with _as_input(path, format) as file:
        if not file.is_file():
            what = "is a folder, not a motion file" if file.is_dir() else "no such file"
            raise MotionFileError(f"{file}: {what}")
        return read_any(file, options)


def save_clip(
    clip: Clip,
    path: "str | Path | Writable",
    *,
    format: str | None = None,
    names: NameSet = "smpl",
    unit: OutUnit = "m",
    fps: float | None = None,
    in_place: bool = False,
    root_bone: bool = False,
    start: float | None = None,
    end: float | None = None,
    sidecar: bool = False,
    camera: "CameraMode" = "follow",
    trail: bool = False,
    contacts: bool = False,
) -> None:
    """Write the clip; the suffix chooses the format: .bvh .glb .npy .npz .html .mp4 .gif .png.

    The file is written beside `path` and renamed, so that a failure leaves an existing file unchanged.

    Args:
        clip: The motion.
        path: The file, whose folder must exist, or a binary file object.
        format: Suffix of the format where `path` is a file object.
        names: Joint names in .bvh and .glb: "smpl", "mixamo", "unreal", "unity" or "vrm".
        unit: Unit of lengths in .bvh: "m" suits Blender, "cm" Maya, MotionBuilder and Unreal.
        fps: Frames per second to resample to; .bvh, .glb and .npz interpolate rotations.
        in_place: Remove horizontal root translation.
        root_bone: Add a root bone on the floor with the path and heading (.bvh, .glb).
        start: Start of the written part, seconds.
        end: End of the written part, seconds.
        sidecar: Also write a .json file of the same stem with caption, frame rate and length.
        camera: Camera of .mp4 and .gif: "follow", "fixed", "front", "side" or "top".
        trail: Draw the path on the floor in .mp4 and .gif.
        contacts: Highlight feet that touch the floor in .mp4 and .gif.

    Raises:
        MotionFileError: another suffix, or a folder that does not exist.
        ConfigError: an option outside its range, or one that the format does not support.
    """
    if not isinstance(clip, Clip):
        raise ConfigError(f"clip: expected a Clip, got a value of type {type(clip).__name__}")
    options = WriteOptions(names, unit, fps, in_place, root_bone, start, end)
    film = (camera, trail, contacts)
    if not isinstance(path, (str, Path)):
        if sidecar:
            raise ConfigError("sidecar: not available for a file object, which is one file only")
        _write_stream(clip, path, format, options, film)
        return
    if format is not None:
        raise ConfigError(f"format: is for file objects only; the suffix of {str(path)!r} chooses the format")
    _write(clip, Path(path), options, film)
    if sidecar:
        from bimotion.motion.formats.sidecar import write_sidecar

        write_sidecar(clip, Path(path), options)


def _write_stream(
    clip: Clip,
    file: object,
    format: str | None,
    options: WriteOptions,
    film: "tuple[CameraMode, bool, bool]",
) -> None:
    """Write the clip to a binary file object, by way of a temporary file."""
    write = getattr(file, "write", None)
    if not callable(write):
        raise ConfigError(
            f"path: expected a path or a binary file object, got a value of type {type(file).__name__}"
        )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"motion{_suffix(format)}"
        _write(clip, path, options, film)
        try:
            write(path.read_bytes())
        except TypeError as error:
            raise ConfigError(f"path: expected a file object opened for writing bytes ({error})") from None


def _write(clip: Clip, path: Path, options: WriteOptions, film: "tuple[CameraMode, bool, bool]") -> None:
    check_writable(path)
    suffix = path.suffix.lower()
    options.check_suffix(suffix)
    if suffix in (".mp4", ".gif"):
        from bimotion.render.pictures import VideoStyle
        from bimotion.render.video import write_video

        write_video(options.resampled(clip), path, style=VideoStyle(*film))
    else:
        _WRITERS[suffix](clip, path, options)


@contextmanager
def _as_input(path: "str | Path | Readable", format: str | None) -> Iterator[Path]:
    """A path to what is to be read; the contents of a file object are copied to a temporary file."""
    if isinstance(path, (str, Path)):
        if format is not None:
            raise ConfigError(
                f"format: is for file objects only; the suffix of {str(path)!r} chooses the format"
            )
        yield Path(path)
        return
    read = getattr(path, "read", None)
    if not callable(read):
        raise ConfigError(
            f"path: expected a path or a binary file object, got a value of type {type(path).__name__}"
        )
    contents = read(MAX_STREAM_BYTES + 1)
    if not isinstance(contents, bytes):
        raise ConfigError("path: expected a file object opened for reading bytes")
    if len(contents) > MAX_STREAM_BYTES:
        raise MotionFileError(f"the file object holds more than {MAX_STREAM_BYTES >> 20} MiB")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"motion{_suffix(format)}"
        file.write_bytes(contents)
        yield file


def _suffix(format: object) -> str:
    from bimotion.motion.formats import READS

    suffix = f".{format.lstrip('.').lower()}" if isinstance(format, str) else None
    if suffix not in {*FORMATS, *READS}:
        raise ConfigError(f"format: a file object needs one such as .bvh or .npz, got {format!r:.80}")
    return str(suffix)


def retarget(motions: Clip | Sequence[Clip], character: str | Path, path: str | Path) -> None:
    """Write a character that does what the clips do, each as an animation clip named by its caption or name.

    The character is a BVH, GLB, glTF or VRM file with a humanoid skeleton in any rest pose; its mesh and materials are
    kept. Limbs point as in the clip, hips are scaled to the character's legs, feet stand on its floor, arms stay clear
    of its body. A BVH takes one motion.

    Raises:
        MotionFileError: no humanoid in the character's file, a suffix that it cannot have, or a missing folder.
    """
    from bimotion.motion.formats.character_writer import write_character

    clips = [motions] if isinstance(motions, Clip) else list(motions)
    path = Path(path)
    if not path.absolute().parent.is_dir():
        raise MotionFileError(f"{path}: the folder {path.parent} does not exist; create it first")
    write_character(path, clips, character)


def check_writable(path: str | Path) -> None:
    """Fail now where writing a clip to `path` would fail later.

    Raises:
        MotionFileError: a suffix that nothing is written for, or a folder that does not exist.
    """
    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        got = f"the suffix {path.suffix!r}" if path.suffix else "no suffix"
        raise MotionFileError(f"{path}: expected one of {' '.join(FORMATS)}, got {got}")
    if path.is_dir():
        raise MotionFileError(f"{path}: is a folder; expected a file name")
    if not path.absolute().parent.is_dir():
        raise MotionFileError(f"{path}: the folder {path.parent} does not exist; create it first")


def _write_motion(clip: Clip, path: Path, options: WriteOptions) -> None:
    from bimotion.motion.formats import write_motion

    write_motion(clip, path, options)


def _write_page(clip: Clip, path: Path, options: WriteOptions) -> None:
    from bimotion.render.page import write_page

    write_page([options.resampled(clip)], path, title=clip.caption or clip.name or path.stem)


def _write_picture(clip: Clip, path: Path, options: WriteOptions) -> None:
    from bimotion.render.pictures import write_picture

    write_picture(options.resampled(clip), path)


_WRITERS: dict[str, Callable[[Clip, Path, WriteOptions], None]] = {
    ".bvh": _write_motion,
    ".glb": _write_motion,
    ".npy": _write_motion,
    ".npz": _write_motion,
    ".html": _write_page,
    ".png": _write_picture,
}
