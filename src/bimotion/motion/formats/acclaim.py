"""Reading Acclaim skeletons (.asf) and motion (.amc).

The skeleton of an AMC file is beside it: the .asf with the longest stem that is a prefix of the AMC's stem (CMU:
02_01.amc and 02.asf; HDM05: HDM_bd_01-01_01_120.amc and HDM_bd.asf), or the only .asf of the folder. Bones are named by
the joint they start in, as in a BVH file.

Source: Acclaim's description of the file formats as published by the CMU Graphics Lab.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float

from bimotion.errors import MotionFileError
from bimotion.motion.formats.frame_rate import check_rate
from bimotion.motion.formats.text import printable, read_text
from bimotion.motion.retarget.source import SourceMotion, SourceSkeleton
from bimotion.motion.rotations import (
    euler_to_quat,
    quat_conjugate,
    quat_multiply,
)

_AXES = "xyz"
_INCH = 0.0254


@dataclass
class _Bone:
    """A bone of an ASF file; `frame` is its axis rotation as a quaternion, `vector` leads from its start to its end."""

    name: str
    vector: np.ndarray = field(default_factory=lambda: np.zeros(3))
    frame: np.ndarray = field(default_factory=lambda: np.array([1.0, 0.0, 0.0, 0.0]))
    channels: tuple[str, ...] = ()


@dataclass(frozen=True)
class AcclaimSkeleton:
    """A skeleton with the channels and axes that an AMC file refers to."""

    skeleton: SourceSkeleton
    bones: tuple[_Bone, ...]
    metres: float
    """Metres in a unit: the unit is 1 / `length` inches (Vicon; CMU: 0.45)."""
    degrees: bool


CMU_RATE = 120.0
"""Frames per second of most AMC files, which do not state their rate; a fifth of CMU's are 60."""


def read_acclaim(
    path: str | Path, skeleton: str | Path | None = None, rate: float | None = None
) -> SourceMotion:
    """The motion of an AMC file; without `rate` at 120 frames per second.

    Raises:
        MotionFileError: either file is missing or malformed, or they do not fit together.
    """
    path = Path(path)
    asf = read_asf(skeleton if skeleton is not None else _find_skeleton(path))
    frames = _parse_amc(read_text(path), path)
    moved = _channel_values(frames, asf, path)
    fps = CMU_RATE if rate is None else check_rate(rate, str(path))

    def local_pose(joint: int) -> tuple[Float[np.ndarray, "*T 3"], Float[np.ndarray, "T 4"]]:
        bone = asf.bones[joint]
        translation = asf.skeleton.offsets[joint]
        angles = np.zeros((len(frames), 3))
        order = "".join(c[1] for c in bone.channels if c[0] == "r")
        for channel, column in zip(bone.channels, moved[joint].T, strict=True) if joint in moved else ():
            if channel[0] == "t":
                if translation.ndim == 1:
                    translation = np.tile(translation, (len(frames), 1))
                translation[:, _AXES.index(channel[1])] = column
            elif channel[0] == "r":
                angles[:, order.index(channel[1])] = np.radians(column) if asf.degrees else column
        # the first channel turns first, about a fixed axis: intrinsic in the reverse order
        turn = euler_to_quat(angles[:, : len(order)][:, ::-1], order[::-1])
        return translation, quat_multiply(quat_multiply(bone.frame, turn), quat_conjugate(bone.frame))

    def local_poses(
        joints: Sequence[int],
    ) -> tuple[list[Float[np.ndarray, "*T 3"]], Float[np.ndarray, "K T 4"]]:
        poses = [local_pose(joint) for joint in joints]
        return [translation for translation, _ in poses], np.stack([rotation for _, rotation in poses])

    moving = frozenset(
        i for i, bone in enumerate(asf.bones) if i > 0 and any(channel[0] == "t" for channel in bone.channels)
    )
    return SourceMotion(asf.skeleton, len(frames), fps, local_poses, moving, asf.metres)


def _channel_values(
    frames: list[dict[str, list[str]]], asf: AcclaimSkeleton, path: Path
) -> dict[int, Float[np.ndarray, "T C"]]:
    """Values of each bone's channels by the bone's index."""
    index = {bone.name: i for i, bone in enumerate(asf.bones)}
    moved: dict[int, np.ndarray] = {}
    for name in {name for frame in frames for name in frame}:
        if name not in index:
            raise MotionFileError(
                f"{path}: bone {printable(name)!r} is not in the skeleton; give another with --skeleton"
            )
        width = len(asf.bones[index[name]].channels)
        try:
            values = np.array([frame[name] for frame in frames], dtype=np.float64)
        except (KeyError, ValueError):
            values = np.empty(0)
        if values.shape != (len(frames), width) or not np.isfinite(values).all():
            raise MotionFileError(
                f"{path}: bone {printable(name)!r} needs {width} values in each of {len(frames)} frames"
            )
        moved[index[name]] = values
    return moved


def _find_skeleton(path: Path) -> Path:
    beside = sorted(found for found in path.parent.glob("*") if found.suffix.lower() == ".asf")
    fitting = [found for found in beside if path.stem.lower().startswith(found.stem.lower())]
    if fitting:
        return max(fitting, key=lambda found: len(found.stem))
    if len(beside) == 1:
        return beside[0]
    raise MotionFileError(
        f"{path}: an AMC file needs its skeleton; none of the {len(beside)} .asf files beside it has a name with which "
        f"{path.stem!r} begins: give one with --skeleton"
    )


def read_asf(path: str | Path) -> AcclaimSkeleton:
    """The skeleton of an ASF file.

    Raises:
        MotionFileError: the file is missing or malformed.
    """
    path = Path(path)
    try:
        return _parse_asf(_sections(read_text(path)))
    except (KeyError, ValueError, IndexError, ArithmeticError) as error:
        raise MotionFileError(
            f"{path}: not a well-formed ASF skeleton: {type(error).__name__} {error}"
        ) from None


def _sections(text: str) -> dict[str, list[list[str]]]:
    sections: dict[str, list[list[str]]] = {}
    lines: list[list[str]] = []
    for line in text.splitlines():
        words = line.split("#")[0].split()
        if words and words[0].startswith(":"):
            lines = sections.setdefault(words[0][1:].lower(), [])
            words = words[1:]
        if words:
            lines.append(words)
    return sections


def _parse_asf(sections: dict[str, list[list[str]]]) -> AcclaimSkeleton:
    units = {words[0]: words[1] for words in sections["units"] if len(words) > 1}
    degrees = units.get("angle", "deg").startswith("deg")
    root = {words[0]: words[1:] for words in sections["root"]}
    order = tuple(channel.lower() for channel in root["order"])
    frame = _axis_frame(root.get("orientation", ["0"] * 3), root.get("axis", ["XYZ"])[0], degrees)
    bones = [_Bone("root", frame=frame, channels=_channels(order)), *_bones(sections["bonedata"], degrees)]
    parents = _parents(sections["hierarchy"], [bone.name for bone in bones])
    order_down = _parents_first(parents)
    bones = [bones[i] for i in order_down]
    parents = [order_down.index(parents[i]) if parents[i] >= 0 else -1 for i in order_down]
    offsets = np.array([bones[parent].vector if parent >= 0 else np.zeros(3) for parent in parents])
    names = tuple(bone.name for bone in bones)
    scale = _INCH / float(units.get("length", "1"))
    vectors = np.array([bone.vector for bone in bones])
    if not (np.isfinite(vectors).all() and np.isfinite(scale) and scale > 0):
        raise ValueError("a length is not a finite number")
    return AcclaimSkeleton(SourceSkeleton(names, tuple(parents), offsets), tuple(bones), scale, degrees)


def _bones(lines: list[list[str]], degrees: bool) -> list[_Bone]:
    """The bones of the section `bonedata`."""
    bones: list[_Bone] = []
    for words in lines:
        match words:
            case ["begin", *_]:
                bones.append(_Bone(""))
            case ["name", name]:
                bones[-1].name = name
            case ["direction", x, y, z]:
                direction = np.array([x, y, z], dtype=np.float64)
                if not np.abs(direction).max() < 1e6:
                    raise ValueError(f"the direction {x} {y} {z} of the bone {bones[-1].name}")
                bones[-1].vector = direction / max(float(np.linalg.norm(direction)), 1e-12)
            case ["length", length]:
                bones[-1].vector = bones[-1].vector * float(length)
            case ["axis", x, y, z, axes]:
                bones[-1].frame = _axis_frame([x, y, z], axes, degrees)
            case ["direction" | "length" | "axis" as field, *rest]:
                raise ValueError(f"{field} of the bone {bones[-1].name}: {' '.join(rest[:9])!r}")
            case ["dof", *channels]:
                bones[-1].channels = _channels(tuple(channel.lower() for channel in channels))
    return bones


def _channels(channels: tuple[str, ...]) -> tuple[str, ...]:
    for channel in channels:
        if channel not in ("tx", "ty", "tz", "rx", "ry", "rz", "l"):
            raise ValueError(f"unknown channel {channel!r}")
    if len(set(channels)) != len(channels):
        raise ValueError(f"a channel occurs twice in {channels}")
    return channels


def _axis_frame(angles: list[str], order: str, degrees: bool) -> Float[np.ndarray, "4"]:
    if len(angles) != 3:
        raise ValueError(f"expected three angles, got {' '.join(angles[:9]) or 'none'}")
    values = np.array(angles, dtype=np.float64)
    if sorted(order.lower()) != list(_AXES):
        raise ValueError(f"unknown axis order {order!r}")
    return euler_to_quat((np.radians(values) if degrees else values)[::-1], order[::-1])


def _parents(lines: list[list[str]], names: list[str]) -> list[int]:
    parents = [-1] * len(names)
    for parent, *children in lines:
        if parent in ("begin", "end"):
            continue
        for child in children:
            parents[names.index(child)] = names.index(parent)
    return parents


def _parents_first(parents: list[int]) -> list[int]:
    order = [0]
    for joint in order:
        order += [child for child, parent in enumerate(parents) if parent == joint]
        if len(order) > len(parents):
            raise ValueError("the hierarchy is not a tree")
    if len(order) != len(parents):
        raise ValueError("a bone in the hierarchy has no parent")
    return order


def _parse_amc(text: str, path: Path) -> list[dict[str, list[str]]]:
    frames: list[dict[str, list[str]]] = []
    for line in text.splitlines():
        words = line.split()
        if not words or words[0][0] in "#:":
            continue
        if len(words) == 1 and words[0].isdecimal():
            frames.append({})
        elif frames:
            frames[-1][words[0]] = words[1:]
        else:
            raise MotionFileError(
                f"{path}: expected an AMC file with numbered frames, got {line.strip()[:40]!r}"
            )
    if not frames:
        raise MotionFileError(f"{path}: no frames")
    return frames
