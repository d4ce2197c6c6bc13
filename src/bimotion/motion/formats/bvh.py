"""Reading Biovision hierarchies (.bvh), of any hierarchy, channel order and number of channels per joint.

A position channel replaces that component of the joint's offset; rotation channels apply in file order, each about an
axis turned by the previous ones. Common deviations from the format are accepted with a note: other frame counts and
frame times, decimal commas, comments, any case, any encoding.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float

from bimotion.errors import MotionFileError
from bimotion.motion.formats.frame_rate import Rate, check_rate, frame_time_rate
from bimotion.motion.formats.number_lines import NumberLines, decimal_points
from bimotion.motion.formats.text import printable, read_text
from bimotion.motion.retarget.source import SourceMotion, SourceSkeleton
from bimotion.motion.rotations import euler_to_quat

MAX_JOINTS = 5_000
"""A file with more joints is refused."""

_TOKEN = re.compile(
    r"""\s*+(?:
    (?P<brace>[{}])
    |(?P<comment>(?:\#|//|;)[^\n]*+)
    |(?:ROOT|JOINT)\b[ \t]*+(?P<name>[^\n{}]*+)
    |(?P<end>End(?:[ \t]*+Site)?\b[^\n{}]*+)
    |OFFSET\b(?P<offset>(?:\s++(?!(?:ROOT|JOINT|End|OFFSET|CHANNELS|MOTION)\b)[^\s{}]++)*+)
    |CHANNELS\b(?P<channels>(?:\s++(?!(?:ROOT|JOINT|End|OFFSET|CHANNELS|MOTION)\b)[^\s{}]++)*+)
    |(?P<motion>MOTION\b)
    |(?P<start>HIERARCHY\b)
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_FRAMES = re.compile(r"\s*+Frames[ \t]*+:?[ \t]*+([^\s:]*+)", re.IGNORECASE)
_FRAME_TIME = re.compile(r"\s*+Frame[ \t]*+Time[ \t]*+:?[ \t]*+([^\s:]*+)", re.IGNORECASE)
_CHANNELS = {f"{axis}{kind}": (kind, i) for i, axis in enumerate("xyz") for kind in ("position", "rotation")}


@dataclass
class _Joint:
    name: str
    parent: int
    offset: tuple[float, ...] = (0.0, 0.0, 0.0)
    channels: list[tuple[str, int]] = field(default_factory=list)
    first_channel: int = 0
    is_end: bool = False


def read_bvh(path: str | Path, rate: float | None = None) -> SourceMotion:
    """The motion of a BVH file, in the file's unit; `rate` replaces the rate that it states.

    Raises:
        MotionFileError: the file is not a BVH file, or a line of it cannot be read.
    """
    path = Path(path)
    text = read_text(path)
    joints, position = _Hierarchy(text, path).parse()
    num_channels = sum(len(joint.channels) for joint in joints)
    if num_channels == 0:
        raise MotionFileError(f"{path}: no joint has channels; expected CHANNELS lines")
    count, found, position = _header(text, position)
    found = found if rate is None else Rate(check_rate(rate, str(path)))
    frames = NumberLines(text, position, num_channels, path, count)
    poses = _Poses(joints, frames)
    skeleton = SourceSkeleton(
        names=tuple(joint.name for joint in joints),
        parents=tuple(joint.parent for joint in joints),
        offsets=np.array([joint.offset for joint in joints], dtype=np.float64),
        end_sites=frozenset(i for i, joint in enumerate(joints) if joint.is_end),
    )
    notes = tuple(line for line in (frames.note, found.note) if line)
    return SourceMotion(skeleton, len(frames), found.fps, poses, poses.moving, notes=notes)


class _Poses:
    """Local poses of joints from the values of their channels."""

    def __init__(self, joints: list[_Joint], frames: NumberLines) -> None:
        self.joints, self.frames = joints, frames
        self.moving = self._find_moving()

    def __call__(
        self, joints: Sequence[int]
    ) -> tuple[list[Float[np.ndarray, "*T 3"]], Float[np.ndarray, "K T 4"]]:
        chosen = [self.joints[joint] for joint in joints]
        positioned = [
            joint for i, joint in zip(joints, chosen, strict=True) if joint.parent < 0 or i in self.moving
        ]
        columns = sorted(
            {column for joint in chosen for _, column in _rotations(joint)}
            | {column for joint in positioned for _, column in _positions(joint)}
        )
        values = self.frames.columns(columns)
        row = {column: i for i, column in enumerate(columns)}
        translations = []
        for index, joint in zip(joints, chosen, strict=True):
            translation = np.array(joint.offset)
            if joint.parent < 0 or index in self.moving:
                translation = np.tile(translation, (len(self.frames), 1))
                for axis, column in _positions(joint):
                    translation[:, axis] = values[row[column]]
            translations.append(translation)
        rotations = np.empty((4, len(joints), len(self.frames)))
        by_order: dict[str, list[int]] = {}
        for i, joint in enumerate(chosen):
            by_order.setdefault("".join("xyz"[axis] for axis, _ in _rotations(joint)), []).append(i)
        for order, group in by_order.items():
            rows = [[row[column] for _, column in _rotations(chosen[i])] for i in group]
            angles = np.radians(
                values[np.array(rows, dtype=int).reshape(len(group), len(order))]
            )  # (K, A, T)
            rotations[:, group] = np.moveaxis(euler_to_quat(np.moveaxis(angles, 1, -1), order), -1, 0)
        return translations, np.moveaxis(rotations, 0, -1)

    def _find_moving(self) -> frozenset[int]:
        """Joints other than roots whose position channels change.

        Constant ones, by a sample of frames, become the joint's offset.
        """
        positioned = [
            (i, joint) for i, joint in enumerate(self.joints) if joint.parent >= 0 and _positions(joint)
        ]
        if not positioned:
            return frozenset()
        sample = self.frames.sample(9)
        moving = set()
        for index, joint in positioned:
            axes, columns = zip(*_positions(joint), strict=True)
            values = sample[:, list(columns)]
            if np.ptp(values, axis=0).max() > 1e-5 * (1e-3 + np.abs(values).max()):
                moving.add(index)
                continue
            offset = np.array(joint.offset)
            offset[list(axes)] = values[0]
            joint.offset = tuple(offset.tolist())
        return frozenset(moving)


def _positions(joint: _Joint) -> list[tuple[int, int]]:
    """Axis and column of each position channel."""
    columns = enumerate(joint.channels, joint.first_channel)
    return [(axis, column) for column, (kind, axis) in columns if kind == "position"]


def _rotations(joint: _Joint) -> list[tuple[int, int]]:
    """Axis and column of each rotation channel, in the order in which they apply."""
    columns = enumerate(joint.channels, joint.first_channel)
    return [(axis, column) for column, (kind, axis) in columns if kind == "rotation"]


class _Hierarchy:
    """Parser of the part before MOTION."""

    def __init__(self, text: str, path: Path) -> None:
        self.text, self.path = text, path
        self.joints: list[_Joint] = []
        self.open: list[int] = []
        self.current = -1
        self.num_channels = 0

    def parse(self) -> tuple[list[_Joint], int]:
        """The joints, and where the MOTION part begins."""
        position, started = 0, False
        while True:
            match = _TOKEN.match(self.text, position)
            if match is None:
                raise self._unreadable(position, started)
            position = match.end()
            if match["motion"]:
                break
            started = started or bool(match["start"]) or match["name"] is not None
            if not started and not match["comment"]:
                raise self._unreadable(match.start(), started)
            self._parse_match(match)
        if self.open or not self.joints:
            raise MotionFileError(
                f"{self.path}: line {self._line(position)}: the hierarchy is incomplete; "
                f"{len(self.open)} braces are not closed"
            )
        return self.joints, position

    def _parse_match(self, match: re.Match[str]) -> None:
        position = match.start(match.lastgroup) if match.lastgroup else match.start()
        if match["name"] is not None or match["end"] is not None:
            self._add_joint(match["name"], position)
        elif match["brace"] == "{":
            if self.current < 0 or self.current in self.open:
                raise self._error(position, "expected a joint before '{'")
            self.open.append(self.current)
        elif match["brace"] == "}":
            if not self.open:
                raise self._error(position, "unexpected '}'")
            self.open.pop()
        elif match["offset"] is not None:
            self._joint(position).offset = self._offset(match["offset"], position)
        elif match["channels"] is not None:
            self._add_channels(_without_comment(match["channels"]).split(), position)

    def _add_joint(self, name: str | None, position: int) -> None:
        if len(self.joints) >= MAX_JOINTS:
            raise self._error(position, f"more than {MAX_JOINTS} joints")
        parent = self.open[-1] if self.open else -1
        if name is None:
            if parent < 0:
                raise self._error(position, "an End Site outside of a joint")
            self.joints.append(_Joint(f"{self.joints[parent].name}_end", parent, is_end=True))
        else:
            self.joints.append(_Joint(" ".join(name.split()), parent))
        self.current = len(self.joints) - 1

    def _joint(self, position: int) -> _Joint:
        if not self.open:
            raise self._error(position, "expected a joint before this line")
        return self.joints[self.open[-1]]

    def _offset(self, words: str, position: int) -> tuple[float, ...]:
        fields = decimal_points(_without_comment(words)).split()
        try:
            offset = tuple(float(word) for word in fields)
        except ValueError:
            offset = ()
        if len(offset) != 3 or not np.isfinite(offset).all() or np.abs(offset).max() > 1e9:
            raise self._error(
                position, f"expected OFFSET and three numbers, got {printable(' '.join(words.split()))!r}"
            )
        return offset

    def _add_channels(self, words: list[str], position: int) -> None:
        joint = self._joint(position)
        if not words or words[0] != str(len(words) - 1):
            raise self._error(
                position,
                f"cannot read 'CHANNELS {printable(' '.join(words))}': expected a count and as many channels",
            )
        for word in words[1:]:
            if word.lower() not in _CHANNELS:
                raise self._error(
                    position, f"unknown channel {printable(word)!r}; expected e.g. Xposition, Zrotation"
                )
        if joint.channels:
            raise self._error(position, f"joint {printable(joint.name)!r} has CHANNELS twice")
        joint.channels = [_CHANNELS[word.lower()] for word in words[1:]]
        joint.first_channel = self.num_channels
        self.num_channels += len(joint.channels)

    def _line(self, position: int) -> int:
        return self.text.count("\n", 0, position) + 1

    def _error(self, position: int, message: str) -> MotionFileError:
        return MotionFileError(f"{self.path}: line {self._line(position)}: {message}")

    def _unreadable(self, position: int, started: bool) -> MotionFileError:
        rest = self.text[position:].lstrip()
        position = len(self.text) - len(rest)
        if not started:
            return MotionFileError(
                f"{self.path}: expected a BVH file, which starts with HIERARCHY, got {printable(rest, 20)!r}"
            )
        if not rest:
            return MotionFileError(f"{self.path}: no MOTION section; the file is cut off or has no frames")
        line = rest.partition("\n")[0]
        return self._error(position, f"cannot read {printable(line)!r} in the hierarchy")


def _header(text: str, position: int) -> tuple[int | None, Rate, int]:
    """The stated number of frames, the rate, and where the numbers begin."""
    count: int | None = None
    time: str | None = None
    for _ in range(2):
        if (match := _FRAME_TIME.match(text, position)) is not None:
            time = decimal_points(match[1]) or None
            position = match.end()
        elif (match := _FRAMES.match(text, position)) is not None:
            count = int(match[1]) if match[1].isdecimal() and len(match[1]) < 19 else None
            position = match.end()
    return count, frame_time_rate(time), position


def _without_comment(text: str) -> str:
    return re.split(r"#|//", text, maxsplit=1)[0]
