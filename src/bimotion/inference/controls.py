"""Controls of a composed motion: a path on the floor, keys at times, a start pose, and looping.

Positions are metres in the world, Y up; a motion starts over the origin and faces +Z, or at the first waypoint and
faces along the path.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float

from bimotion.errors import ConfigError
from bimotion.features.files import read_any
from bimotion.inference.arguments import check_clip, check_flag, check_number
from bimotion.motion.clip import Clip
from bimotion.motion.skeleton import JOINT_NAMES
from bimotion.storage.json_files import read_json

MAX_POINTS = 1000
"""Bound of waypoints, and of keys."""

MAX_COORDINATE = 1000.0
"""Largest coordinate, metres."""

MAX_HEIGHT = 2.4
"""Highest position of a hand or foot, metres."""

LIMB_ENDS = {
    **{name: JOINT_NAMES.index(name) for name in ("left_wrist", "right_wrist", "left_ankle", "right_ankle")},
    **{name: JOINT_NAMES.index(name) for name in ("left_foot", "right_foot")},
    **{"left_hand": JOINT_NAMES.index("left_wrist"), "right_hand": JOINT_NAMES.index("right_wrist")},
}
"""Joints that can be led to positions; a hand is its wrist, a foot the ball of the foot."""


@dataclass(frozen=True, eq=False)
class Key:
    """A requirement at a time: a pose, or the position of a hand or foot."""

    time: float
    """Seconds from the start."""
    joint: str | None = None
    """Name of a hand or foot (`LIMB_ENDS`)."""
    position: Sequence[float] | None = None
    """Where it is, metres in the world."""
    pose: Clip | None = None
    """A clip whose first frame is the pose; its position and heading do not count."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "time", check_number(self.time, "key: time", 0, 1e6))
        where = f"key at {self.time:g} s"
        if (self.pose is None) == (self.joint is None) or (self.joint is None) != (self.position is None):
            raise ConfigError(f"{where}: expected either a pose, or a joint and its position")
        if self.pose is not None:
            check_clip(self.pose, f"{where}: pose")
            return
        if not isinstance(self.joint, str) or self.joint not in LIMB_ENDS:
            raise ConfigError(
                f"{where}: joint: expected one of {', '.join(LIMB_ENDS)}, got {self.joint!r:.40}"
            )
        object.__setattr__(self, "position", _position(self.position, where))


@dataclass(frozen=True, eq=False)
class Controls:
    """Requirements on a composed motion besides its phrases."""

    loop: bool = False
    """The end leads to the start in pose, speed and steps."""
    start_pose: Clip | None = None
    """A clip whose first frame is the first pose."""
    path: tuple[tuple[float, float], ...] = ()
    """Waypoints on the floor, x and z in metres."""
    keys: tuple[Key, ...] = field(default_factory=tuple)
    """Poses and positions of hands and feet at times."""

    def __bool__(self) -> bool:
        return self.loop or self.start_pose is not None or bool(self.path) or bool(self.keys)


def check_controls(loop: object, start_pose: object, path: object, keys: object) -> Controls:
    """Controls from the arguments of `compose`.

    Raises:
        ConfigError: one of a wrong type, or a path or keys that no motion can meet.
    """
    if keys is not None and (isinstance(keys, (str, bytes)) or not isinstance(keys, Iterable)):
        raise ConfigError("keys: expected a list of Key objects")
    listed = tuple(keys or ())
    for key in listed:
        if not isinstance(key, Key):
            raise ConfigError(f"keys: expected Key objects, got a value of type {type(key).__name__}")
    if len(listed) > MAX_POINTS:
        raise ConfigError(f"keys: expected at most {MAX_POINTS}, got {len(listed)}")
    seen = set()
    for key in listed:
        if (key.time, key.joint) in seen:
            raise ConfigError(f"keys: two of them set {key.joint or 'the pose'} at {key.time:g} s")
        seen.add((key.time, key.joint))
    return Controls(
        check_flag(loop, "loop"),
        None if start_pose is None else check_clip(start_pose, "start_pose"),
        () if path is None else check_path(path),
        tuple(sorted(listed, key=lambda key: key.time)),
    )


def check_path(value: object) -> tuple[tuple[float, float], ...]:
    """Waypoints: a sequence of at least two (x, z) pairs that are not all one point.

    Raises:
        ConfigError: it is no such sequence.
    """
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        raise ConfigError("path: expected a list of (x, z) pairs in metres, such as [(0, 0), (2, 0)]")
    points = []
    for point in value:
        pair = tuple(point) if isinstance(point, Sequence) and not isinstance(point, str) else ()
        if len(pair) != 2:
            raise ConfigError(f"path: expected (x, z) pairs in metres, got {point!r:.60}")
        points.append(_pair(pair))
    if not 2 <= len(points) <= MAX_POINTS:
        raise ConfigError(f"path: expected 2 to {MAX_POINTS} waypoints, got {len(points)}")
    for first, second in zip(points[:-1], points[1:], strict=True):
        if math.dist(first, second) < 0.01:
            raise ConfigError(f"path: the waypoint ({second[0]:g}, {second[1]:g}) occurs twice in a row")
    return tuple(points)


def parse_path(text: str) -> tuple[tuple[float, float], ...]:
    """Waypoints as written on a command line: "0,0 2,0 2,3".

    Raises:
        ConfigError: it is written otherwise.
    """
    points = []
    for word in text.split():
        try:
            x, z = (float(number) for number in word.split(","))
        except ValueError:
            raise ConfigError(
                f"path: expected points x,z in metres such as '0,0 2,0 2,3', got {word!r:.60}"
            ) from None
        points.append((x, z))
    return check_path(points)


def read_keys(path: str | Path) -> tuple[Key, ...]:
    """Keys from a JSON file: a list of {"time", "joint", "position"} or {"time", "pose"}.

    `pose` is a motion file, relative to the JSON file, whose first frame counts.

    Raises:
        ConfigError: the file is missing or holds something else.
        MotionFileError: a pose cannot be read.
    """
    path = Path(path)
    rows = read_json(path, ConfigError)
    if not isinstance(rows, list) or not rows:
        raise ConfigError(
            f'{path}: expected a list such as [{{"time": 1, "joint": "left_hand", "position": [..]}}]'
        )
    return tuple(_key(row, f"{path}: entry {number}", path.parent) for number, row in enumerate(rows))


def _key(row: object, where: str, folder: Path) -> Key:
    fields = {"time", "joint", "position", "pose"}
    if not isinstance(row, Mapping) or "time" not in row or not set(row) <= fields:
        raise ConfigError(f"{where}: expected time, and joint with position or pose, got {row!r:.80}")
    pose, joint = row.get("pose"), row.get("joint")
    if joint is not None and not isinstance(joint, str):
        raise ConfigError(f"{where}: joint: expected one of {', '.join(LIMB_ENDS)}, got {joint!r:.40}")
    if pose is not None and not isinstance(pose, str):
        raise ConfigError(f"{where}: pose: expected the name of a motion file, got {pose!r:.40}")
    clip = None if pose is None else read_any(folder / pose)
    try:
        return Key(row["time"], joint, row.get("position"), clip)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None


def _pair(pair: tuple[object, ...]) -> tuple[float, float]:
    x, z = (check_number(each, "path", -MAX_COORDINATE, MAX_COORDINATE) for each in pair)
    return x, z


def _position(value: object, where: str) -> tuple[float, float, float]:
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if not isinstance(value, (list, tuple)) or len(value) != 3:
        raise ConfigError(f"{where}: position: expected [x, y, z] in metres, got {value!r:.60}")
    x, y, z = (check_number(each, f"{where}: position", -MAX_COORDINATE, MAX_COORDINATE) for each in value)
    if not 0 <= y <= MAX_HEIGHT:
        raise ConfigError(f"{where}: a hand or foot reaches heights of 0 to {MAX_HEIGHT:g} m, not {y:g}")
    return x, y, z


def path_length(points: Sequence[tuple[float, float]]) -> Float[np.ndarray, " n"]:
    """Length of the path up to each waypoint, metres."""
    steps = np.linalg.norm(np.diff(np.asarray(points, dtype=np.float64), axis=0), axis=-1)
    return np.concatenate([[0.0], np.cumsum(steps)])
