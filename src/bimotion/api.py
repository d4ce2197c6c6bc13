"""Loading models, reading and writing clips: what `import bimotion` gives."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from bimotion.errors import ModelError, MotionFileError
from bimotion.motion.clip import Clip
from bimotion.motion.formats.joint_names import NameSet
from bimotion.motion.formats.write_options import OutUnit, WriteOptions

if TYPE_CHECKING:
    import torch

    from bimotion.inference.model import MotionLanguageModel

EMBEDDED = Path(__file__).parent / "embedded"
"""Folder of the model that comes with the package."""

MODEL_FILES = ("config.json", "model.safetensors", "tokenizer.json", "README.md")
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


def load(
    model: str | Path | None = None,
    device: "str | torch.device" = "cpu",
    precision: Literal["fp32", "bf16", "int8"] = "fp32",
) -> "MotionLanguageModel":
    """A model that turns text into motion and motion into text.

    `model` is a model folder, a run of `bimotion train` that holds one, or the id of a Hugging Face Hub repository
    ("owner/name"); None is the model that comes with the package, unless BIMOTION_MODEL in the environment names
    another. `precision` is what it computes in, whatever its weights are stored in: "fp32", "bf16", or "int8" for the
    transformer on a CPU (docs/performance.md).

    Raises:
        ModelError: the folder or repository is missing, is no model folder, or cannot be used so.
    """
    from bimotion.inference.model import MotionLanguageModel

    return MotionLanguageModel.from_folder(model_folder(model), device=device, precision=precision)


def model_folder(model: str | Path | None = None) -> Path:
    """The folder of a model that `load` would read: in a run of `bimotion train` its `model`; a Hub repository is
    downloaded.

    Raises:
        ModelError: there is no such folder or repository.
    """
    model = model or os.environ.get("BIMOTION_MODEL") or None
    if model is None:
        if not (EMBEDDED / "config.json").is_file():
            raise ModelError(
                "this installation has no embedded model (bimotion/embedded is missing); name a model folder"
            )
        return EMBEDDED
    folder = Path(model).expanduser()
    if folder.is_dir():
        trained = folder / "model"
        return trained if (trained / "config.json").is_file() else folder
    name = str(model)
    if folder.exists() or name.count("/") != 1 or name.startswith((".", "/", "~")) or "\\" in name:
        raise ModelError(f"{name}: expected a model folder (config.json, model.safetensors, tokenizer.json)")
    from bimotion.storage.hub import from_hub

    return from_hub(name, MODEL_FILES)


def read_clip(
    path: str | Path,
    *,
    skeleton: str | Path | None = None,
    joint_map: str | Path | None = None,
    unit: str | None = None,
    body_model: str | Path | None = None,
) -> Clip:
    """The motion in a file: BVH, AMC, NPY/NPZ joint positions, AMASS npz, or HumanML3D features (T, 263) as NPY.

    `skeleton` is the ASF of an AMC file (found beside it when not given), `joint_map` a file that maps joint names of
    a skeleton that bimotion does not know, `unit` one of "m", "cm", "inch", "mm" (found from the body's height when not
    given), `body_model` a folder of `smplx` body models (AMASS only).

    Raises:
        MotionFileError: the file is missing, broken, or has a skeleton that cannot be mapped.
    """
    path = Path(path)
    if not path.is_file():
        what = "is a folder, not a motion file" if path.is_dir() else "no such file"
        raise MotionFileError(f"{path}: {what}")
    from bimotion.features.files import read_any

    return read_any(path, skeleton=skeleton, joint_map=joint_map, unit=unit, body_model=body_model)


def save_clip(
    clip: Clip,
    path: str | Path,
    *,
    names: NameSet = "smpl",
    unit: OutUnit = "m",
    fps: float | None = None,
    in_place: bool = False,
    root_bone: bool = False,
    start: float | None = None,
    end: float | None = None,
    sidecar: bool = False,
) -> None:
    """Write the clip; the suffix chooses the format: .bvh .glb .npy .npz .html .mp4 .gif .png.

    The file is written beside and renamed: a failure leaves what was there.

    Args:
        clip: The motion.
        path: The file; its folder must exist.
        names: Joint names in .bvh and .glb: "smpl", "mixamo", "unreal", "unity" or "vrm".
        unit: Unit of lengths in .bvh: "m" suits Blender, "cm" Maya, MotionBuilder and Unreal.
        fps: Frames per second to resample to; .bvh, .glb and .npz interpolate rotations.
        in_place: Take the way along the floor out of the motion.
        root_bone: Add a bone on the floor that carries the way and the heading (.bvh, .glb).
        start: Second at which the file begins.
        end: Second at which the file ends.
        sidecar: Write caption, rate and length to a .json file of the same stem as well.

    Raises:
        MotionFileError: another suffix, or a folder that does not exist.
        ConfigError: an option outside its range, or one that the format cannot have.
    """
    path = Path(path)
    check_writable(path)
    options = WriteOptions(names, unit, fps, in_place, root_bone, start, end)
    options.check_suffix(path.suffix.lower())
    _WRITERS[path.suffix.lower()](clip, path, options)
    if sidecar:
        from bimotion.motion.formats.sidecar import write_sidecar

        write_sidecar(clip, path, options)


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
        raise MotionFileError(f"{path}: the folder {path.parent} does not exist; make it first")
    write_character(path, clips, character)


def check_writable(path: str | Path) -> None:
    """Say now what would go wrong when a clip is written to `path` later.

    Raises:
        MotionFileError: a suffix that nothing is written for, or a folder that does not exist.
    """
    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        got = f"the suffix {path.suffix!r}" if path.suffix else "no suffix"
        raise MotionFileError(f"{path}: expected one of {' '.join(FORMATS)}, got {got}")
    if path.is_dir():
        raise MotionFileError(f"{path}: is a folder; name a file in it")
    if not path.absolute().parent.is_dir():
        raise MotionFileError(f"{path}: the folder {path.parent} does not exist; make it first")


def _write_motion(clip: Clip, path: Path, options: WriteOptions) -> None:
    from bimotion.motion.formats import write_motion

    write_motion(clip, path, options)


def _write_page(clip: Clip, path: Path, options: WriteOptions) -> None:
    from bimotion.render.page import write_page

    write_page([options.resampled(clip)], path, title=clip.caption or clip.name or path.stem)


def _write_picture(clip: Clip, path: Path, options: WriteOptions) -> None:
    from bimotion.render.pictures import write_picture

    write_picture(options.resampled(clip), path)


def _write_video(clip: Clip, path: Path, options: WriteOptions) -> None:
    from bimotion.render.video import write_video

    write_video(options.resampled(clip), path)


_WRITERS: dict[str, Callable[[Clip, Path, WriteOptions], None]] = {
    ".bvh": _write_motion,
    ".glb": _write_motion,
    ".npy": _write_motion,
    ".npz": _write_motion,
    ".html": _write_page,
    ".mp4": _write_video,
    ".gif": _write_video,
    ".png": _write_picture,
}
