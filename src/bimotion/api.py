"""Loading models, reading and writing clips: the functions of `import bimotion`."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bimotion.errors import ConfigError, ModelError, MotionFileError
from bimotion.models.choices import Precision
from bimotion.motion.clip import Clip
from bimotion.motion.formats.joint_names import NameSet
from bimotion.motion.formats.write_options import OutUnit, WriteOptions
from bimotion.render.files import FORMATS, check_folder, write_file
from bimotion.storage.hub import HubReference, from_hub, hub_hint, is_hub_reference
from bimotion.storage.streams import Readable, Writable, read_stream, write_stream

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
    write = partial(write_file, clip, options=options, camera=camera, trail=trail, contacts=contacts)
    if not isinstance(path, (str, Path)):
        if sidecar:
            raise ConfigError("sidecar: not available for a file object, which is one file only")
        write_stream(path, _suffix(format), write)
        return
    _refuse_format(path, format)
    write(Path(path))
    if sidecar:
        from bimotion.motion.formats.sidecar import write_sidecar

        write_sidecar(clip, Path(path), options)


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
    check_folder(path)
    write_character(path, clips, character)


@contextmanager
def _as_input(path: "str | Path | Readable", format: str | None) -> Iterator[Path]:
    """A path to what is to be read; the contents of a file object are copied to a temporary file."""
    if isinstance(path, (str, Path)):
        _refuse_format(path, format)
        yield Path(path)
    else:
        with read_stream(path, _suffix(format)) as file:
            yield file


def _refuse_format(path: str | Path, format: str | None) -> None:
    if format is not None:
        raise ConfigError(f"format: is for file objects only; the suffix of {str(path)!r} chooses the format")


def _suffix(format: object) -> str:
    from bimotion.motion.formats import READS

    suffix = f".{format.lstrip('.').lower()}" if isinstance(format, str) else None
    if suffix not in {*FORMATS, *READS}:
        raise ConfigError(f"format: a file object needs one such as .bvh or .npz, got {format!r:.80}")
    return str(suffix)
