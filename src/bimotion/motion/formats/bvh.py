"""Reading Biovision hierarchies (.bvh), of any hierarchy, channel order and number of channels a joint.

A position channel replaces that component of the joint's offset; rotation channels apply in file order, each
about an axis that the ones before it have turned."""

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float

from bimotion.errors import MotionFileError
from bimotion.motion.formats.text import read_text
from bimotion.motion.retarget.source import SourceMotion, SourceSkeleton
from bimotion.motion.rotations import euler_to_matrix

_MOTION = re.compile(r"^\s*MOTION\b", re.MULTILINE | re.IGNORECASE)
_HEADER = re.compile(r"\s*Frames\s*:\s*(\S+)\s+Frame\s+Time\s*:\s*(\S+)", re.IGNORECASE)
_WORDS = re.compile(r"(?<=\s)(ROOT\s|JOINT\s|End\s+Site|OFFSET\s|CHANNELS\s)")
_CHANNELS = {f"{axis}{kind}": (kind, i) for i, axis in enumerate("xyz") for kind in ("position", "rotation")}


@dataclass
class _Joint:
    name: str
    parent: int
    offset: tuple[float, ...] = (0.0, 0.0, 0.0)
    channels: list[tuple[str, int]] = field(default_factory=list)
    first_channel: int = 0


def read_bvh(path: str | Path) -> SourceMotion:
    """The motion of a BVH file, in the file's unit.

    Raises:
        MotionFileError: the file is not a whole, well-formed BVH file.
    """
    path = Path(path)
    text = read_text(path)
    split = _MOTION.search(text)
    if not text.lstrip("\ufeff \t\r\n").upper().startswith("HIERARCHY"):
        raise MotionFileError(f"{path}: expected a BVH file that starts with HIERARCHY, got {text[:20]!r}")
    if split is None:
        raise MotionFileError(f"{path}: no MOTION section; the file is cut off or has no frames")
    joints = _parse_hierarchy(text[: split.start()], path)
    header = _HEADER.match(text, split.end())
    if header is None:
        raise MotionFileError(f"{path}: expected 'Frames: N' and 'Frame Time: S' after MOTION")
    num_frames, fps = _frame_count(header[1], path), _rate(header[2], path)
    num_channels = sum(len(joint.channels) for joint in joints)
    values = _parse_values(text[header.end() :], num_frames, num_channels, path)
    skeleton = SourceSkeleton(
        names=tuple(joint.name for joint in joints),
        parents=tuple(joint.parent for joint in joints),
        offsets=np.array([joint.offset for joint in joints], dtype=np.float64),
    )
    return SourceMotion(skeleton, num_frames, fps, lambda joint: _local_pose(joints[joint], values))


def _local_pose(
    joint: _Joint, values: Float[np.ndarray, "T C"]
) -> tuple[Float[np.ndarray, "T 3"], Float[np.ndarray, "T 3 3"]]:
    translation = np.tile(np.array(joint.offset), (len(values), 1))
    order, columns = "", []
    for column, (kind, axis) in enumerate(joint.channels, joint.first_channel):
        if kind == "position":
            translation[:, axis] = values[:, column]
        else:
            order += "xyz"[axis]
            columns.append(column)
    rotation = np.broadcast_to(np.eye(3), (len(values), 3, 3))
    for i in range(0, len(columns), 3):  # a joint may have one rotation channel, or two, or more than three
        angles = np.zeros((len(values), 3))
        part = columns[i : i + 3]
        angles[:, : len(part)] = np.radians(values[:, part])
        letters = order[i : i + 3]
        letters += next(letter for letter in "xyz" if letter != letters[-1]) * (3 - len(letters))
        rotation = rotation @ euler_to_matrix(angles, letters) if i else euler_to_matrix(angles, letters)
    return translation, rotation


def _parse_hierarchy(text: str, path: Path) -> list[_Joint]:
    joints: list[_Joint] = []
    open_joints: list[int] = []
    current, num_channels = -1, 0
    # several words may share a line; a name is all up to the next of them, for Biped's contain spaces
    for line in _WORDS.sub(r"\n\1", text.replace("{", "\n{\n").replace("}", "\n}\n")).splitlines():
        words = line.split()
        match words:
            case [] | ["HIERARCHY"]:
                pass
            case ["ROOT" | "JOINT", _, *_]:
                joints.append(_Joint(" ".join(words[1:]), open_joints[-1] if open_joints else -1))
                current = len(joints) - 1
            case ["End" | "END", *_] if open_joints:
                parent = open_joints[-1]
                joints.append(_Joint(f"{joints[parent].name}_end", parent))
                current = len(joints) - 1
            case ["{"] if current >= 0:
                open_joints.append(current)
            case ["}"] if open_joints:
                open_joints.pop()
            case ["OFFSET", *numbers] if open_joints:
                joints[open_joints[-1]].offset = _offset(numbers, line, path)
            case ["CHANNELS", count, *channels] if open_joints and count == str(len(channels)):
                joint = joints[open_joints[-1]]
                try:
                    joint.channels = [_CHANNELS[channel.lower()] for channel in channels]
                except KeyError:
                    raise MotionFileError(f"{path}: unknown channel in {line.strip()!r}") from None
                joint.first_channel = num_channels
                num_channels += len(channels)
            case _:
                raise MotionFileError(f"{path}: cannot read {line.strip()[:60]!r} in the hierarchy")
    if open_joints or not joints:
        raise MotionFileError(f"{path}: the hierarchy is cut off; {len(open_joints)} braces stay open")
    return joints


def _offset(words: list[str], line: str, path: Path) -> tuple[float, ...]:
    try:
        offset = tuple(float(word) for word in words)
    except ValueError:
        offset = ()
    if len(offset) != 3 or not np.isfinite(offset).all():
        raise MotionFileError(f"{path}: expected OFFSET and three numbers, got {line.strip()[:60]!r}")
    return offset


def _frame_count(word: str, path: Path) -> int:
    if not word.isdecimal() or int(word[:12]) == 0:
        raise MotionFileError(f"{path}: expected a number of frames above 0, got {word[:20]!r}")
    return int(word[:12])


def _rate(word: str, path: Path) -> float:
    try:
        seconds = float(word)
    except ValueError:
        seconds = np.nan
    if not 1e-5 <= seconds <= 100:
        raise MotionFileError(f"{path}: expected a frame time in seconds, got {word[:20]!r}")
    fps = 1 / seconds
    return float(round(fps)) if abs(fps - round(fps)) < 0.01 else round(fps, 6)


def _parse_values(text: str, num_frames: int, num_channels: int, path: Path) -> Float[np.ndarray, "T C"]:
    try:
        # numpy's C reader takes 17 million numbers a second, two and a half times what split() does
        values = np.loadtxt(text.splitlines(), comments=None, ndmin=2) if text.strip() else np.empty((0, 0))
    except ValueError:
        try:  # a frame may be broken into several lines
            values = np.array(text.split(), dtype=np.float64)
        except ValueError as error:
            raise MotionFileError(f"{path}: not a number among the frames: {error}") from None
    if values.size != num_frames * num_channels:
        raise MotionFileError(
            f"{path}: expected {num_frames} frames of {num_channels} numbers, got {values.size} numbers; "
            "the file is cut off or its header is wrong"
        )
    values = values.reshape(num_frames, num_channels)
    if not np.isfinite(values).all():
        frame = int(np.argwhere(~np.isfinite(values))[0, 0])
        raise MotionFileError(f"{path}: frame {frame} holds a number that is not finite")
    return values
