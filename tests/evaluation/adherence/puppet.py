"""A jointed figure moved by hand: joint positions of motions whose facts are known in closed form.

T frames at 20 per second; metres; the figure faces +Z and its left is +X.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from bimotion.motion.skeleton import JOINT_NAMES

THIGH, SHANK, UPPER_ARM, FOREARM = 0.40, 0.42, 0.26, 0.25
HIP_OUT, HIP_DOWN, ANKLE_UP = 0.09, 0.07, 0.06
STANDING = THIGH + SHANK + HIP_DOWN + ANKLE_UP
SHOULDER_OUT, SHOULDER_UP = 0.17, 0.48
HANGING = (0.06, -0.48, 0.08)


def ramp(*points: tuple[float, float], seconds: float) -> np.ndarray:
    """A series that runs straight between (second, value) points."""
    times, values = zip(*points, strict=True)
    return np.interp(np.arange(round(seconds * 20)) / 20, times, values)


@dataclass
class Puppet:
    """What moves; everything else stands still."""

    seconds: float
    pelvis: dict[str, np.ndarray] = field(default_factory=dict)
    """`x`, `y`, `z` of the pelvis."""
    yaw_deg: np.ndarray | float = 0.0
    lean_deg: np.ndarray | float = 0.0
    """Forward lean of the trunk."""
    lean_left_deg: np.ndarray | float = 0.0
    hands: dict[str, np.ndarray] = field(default_factory=dict)
    """`left`, `right`: wrist from its shoulder in the body's frame, x outward, (T, 3)."""
    feet: dict[str, np.ndarray] = field(default_factory=dict)
    """`left`, `right`: ankles in space, (T, 3); below the hips where not given, turning with the body."""
    on_toes: bool = False
    """Heels up: the balls of the feet stay at the floor."""
    flight: np.ndarray | float = 0.0
    """Height added to everything."""

    def joints(self) -> np.ndarray:
        """The positions, (T, 22, 3)."""
        count = round(self.seconds * 20)
        p = np.zeros((count, 22, 3))
        yaw = np.radians(np.broadcast_to(self.yaw_deg, count))
        left = np.stack([np.cos(yaw), np.zeros(count), -np.sin(yaw)], -1)
        ahead = np.stack([np.sin(yaw), np.zeros(count), np.cos(yaw)], -1)
        up = np.array([0.0, 1.0, 0.0])
        pelvis = np.zeros((count, 3)) + [0, STANDING, 0]
        for axis, name in enumerate("xyz"):
            if name in self.pelvis:
                pelvis[:, axis] = self.pelvis[name]
        lean, side = (
            np.radians(np.broadcast_to(each, count))[:, None] for each in (self.lean_deg, self.lean_left_deg)
        )
        trunk = up * np.cos(lean) * np.cos(side) + ahead * np.sin(lean) * np.cos(side) + left * np.sin(side)

        def put(name: str, points: np.ndarray) -> None:
            p[:, JOINT_NAMES.index(name)] = points

        for name, height in (
            ("pelvis", 0),
            ("spine1", 0.12),
            ("spine2", 0.25),
            ("spine3", 0.31),
            ("neck", 0.52),
        ):
            put(name, pelvis + height * trunk)
        put("head", pelvis + 0.62 * trunk)
        for name, sign in (("left", 1), ("right", -1)):
            hip = pelvis + sign * HIP_OUT * left - HIP_DOWN * up
            put(f"{name}_hip", hip)
            ankle = self.feet.get(name)
            if ankle is None:
                ankle = hip * [1, 0, 1] + ANKLE_UP * up
            ankle = _within(hip, ankle, THIGH + SHANK)
            put(f"{name}_knee", _hinge(hip, ankle, THIGH, SHANK, ahead))
            put(f"{name}_ankle", ankle)
            ball = ankle + 0.12 * ahead - 0.05 * up
            put(f"{name}_foot", ball - (0.07 * up if self.on_toes else 0.0))
            put(f"{name}_collar", pelvis + 0.42 * trunk + sign * 0.08 * left)
            shoulder = pelvis + SHOULDER_UP * trunk + sign * SHOULDER_OUT * left
            put(f"{name}_shoulder", shoulder)
            hand = np.broadcast_to(np.asarray(self.hands.get(name, HANGING), float), (count, 3))
            wrist = shoulder + sign * hand[:, :1] * left + hand[:, 1:2] * up + hand[:, 2:] * ahead
            wrist = _within(shoulder, wrist, UPPER_ARM + FOREARM)
            put(f"{name}_elbow", _hinge(shoulder, wrist, UPPER_ARM, FOREARM, -ahead))
            put(f"{name}_wrist", wrist)
        return p + np.broadcast_to(self.flight, count)[:, None, None] * up


def walking(
    steps: int, length: float = 0.6, step_seconds: float = 0.6, direction: Sequence[float] = (0, 1)
) -> Puppet:
    """Planted feet that move in turn, the left first; the pelvis travels evenly between them."""
    wait = 0.5
    seconds = 2 * wait + steps * step_seconds
    time = np.arange(round(seconds * 20)) / 20
    way = np.array([direction[0], direction[1]], float)
    feet = {}
    ends = {}
    for foot, name in enumerate(("left", "right")):
        x = HIP_OUT * (1 - 2 * foot)
        position, lift = np.zeros(len(time)), np.zeros(len(time))
        at = 0.0
        for step in range(steps):
            if step % 2 != foot:
                continue
            goal = length * (step + 1)
            part = np.clip((time - wait - step * step_seconds) / step_seconds, 0, 1)
            position += (goal - at) * part
            lift += 0.08 * np.sin(np.pi * part)
            at = goal
        ends[name] = at
        feet[name] = np.stack([x + way[0] * position, ANKLE_UP + lift, way[1] * position], -1)
    middle = (feet["left"] + feet["right"])[:, ::2] / 2
    height = np.full(len(time), STANDING - 0.08)
    return Puppet(seconds, {"x": middle[:, 0], "y": height, "z": middle[:, 1]}, feet=feet)


def jumping(count: int, height: float = 0.3, pause: float = 1.0) -> Puppet:
    """Jumps straight up on a parabola, each after a pause."""
    flight_seconds = 2 * np.sqrt(2 * height / 9.81)
    seconds = pause + count * (flight_seconds + pause)
    time = np.arange(round(seconds * 20)) / 20
    lift = np.zeros(len(time))
    for jump in range(count):
        t = time - pause - jump * (flight_seconds + pause)
        lift += np.where((t > 0) & (t < flight_seconds), 9.81 * t * (flight_seconds - t) / 2, 0)
    return Puppet(round(seconds * 20) / 20, flight=lift)


def _within(start: np.ndarray, end: np.ndarray, reach: float) -> np.ndarray:
    """`end`, drawn nearer to `start` where it is out of reach."""
    way = end - start
    far = np.linalg.norm(way, axis=-1, keepdims=True)
    return start + way * np.minimum(1, 0.999 * reach / np.maximum(far, 1e-9))


def _hinge(start: np.ndarray, end: np.ndarray, upper: float, lower: float, bend: np.ndarray) -> np.ndarray:
    """The knee or elbow between two joints, bent towards `bend`."""
    way = end - start
    far = np.maximum(np.linalg.norm(way, axis=-1, keepdims=True), 1e-6)
    along = way / far
    part = (upper**2 - lower**2 + far**2) / (2 * far)
    out = bend - (bend * along).sum(-1, keepdims=True) * along
    out /= np.maximum(np.linalg.norm(out, axis=-1, keepdims=True), 1e-6)
    return start + part * along + np.sqrt(np.maximum(upper**2 - part**2, 0)) * out
