"""The path of a composed motion: where the pelvis has to be and where the body faces, frame by frame.

Positions are in the coordinates of the motion, which starts over the origin and faces +Z; `PathPlan.world` leads to the
world.

Legend: T frames, J = 22 joints.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float

from bimotion.captions.mentions import content_of
from bimotion.errors import ConfigError
from bimotion.features.clips import FloorTransform
from bimotion.features.layout import FPS
from bimotion.inference.constraints import Constraint, Waypoints
from bimotion.inference.controls import path_length
from bimotion.inference.timeline import Phrase

MAX_SPEED = 4.0
"""Highest mean speed along a path, m/s."""

SHIFT_LIMIT = 0.6
"""Largest distance from a waypoint that is corrected, metres; a motion that misses it by more does not follow it."""

WAYPOINT_TOLERANCE = 0.05
"""Distance within which a waypoint is met, metres."""

WAYPOINT_UNIT, GUIDE_UNIT, FACING_UNIT, YAW_UNIT = 0.05, 0.25, 1.0, 1.0
"""Errors that count as one in guidance: metres at waypoints, between them, and there with a heading; radians."""

GUIDE_FRAMES = 5
"""Distance of the guided points between waypoints, frames."""

MOVING = ("walk", "walk-back", "walk-side", "run", "turn")
"""Content groups of phrases that go along a path; during the others the body stays where it is."""

HEADING = {"walk": 0.0, "run": 0.0, "turn": 0.0, "walk-back": np.pi}
"""Where the body faces relative to its path, radians; free for other content groups."""


class GuidePoint(NamedTuple):
    """A point of the path between waypoints."""

    x: float
    z: float
    yaw: float | None
    """Heading, radians; None where the body may face anywhere."""


@dataclass(frozen=True)
class PathPlan:
    """Waypoints and the points between them, by frame; empty where there is no path."""

    world: FloorTransform = field(default_factory=lambda: FloorTransform(0.0, (0.0, 0.0)))
    """From the motion's coordinates to the world's."""
    waypoints: dict[int, tuple[float, float]] = field(default_factory=dict)
    """Frames at which the pelvis is over a waypoint (x, z)."""
    guides: dict[int, GuidePoint] = field(default_factory=dict)
    """Frames between waypoints that are guided."""

    @classmethod
    def of(
        cls, path: Sequence[tuple[float, float]], phrases: Sequence[Phrase], lengths: Sequence[int]
    ) -> "PathPlan":
        """The plan of a path in the world that phrases of `lengths` frames follow at constant speed while they move.

        Raises:
            ConfigError: the path needs more than `MAX_SPEED`.
        """
        if not path:
            return cls()
        points = np.asarray(path, dtype=np.float64)
        start = points[1] - points[0]
        world = FloorTransform(
            float(np.arctan2(start[0], start[1])), (float(points[0, 0]), float(points[0, 1]))
        )
        local = world.to_local(np.stack([points[:, 0], 0 * points[:, 0], points[:, 1]], -1))[:, [0, 2]]
        contents = [content_of(phrase.text) for phrase in phrases]
        marks = path_length(path)
        reached = _distance_by_frame(float(marks[-1]), contents, lengths)
        waypoints = {
            int(np.argmin(np.abs(reached - mark))): (float(point[0]), float(point[1]))
            for mark, point in list(zip(marks, local, strict=True))[1:]
        }
        course = np.stack([np.interp(reached, marks, local[:, axis]) for axis in range(2)], -1)
        offsets = np.repeat([HEADING.get(str(content), np.nan) for content in contents], lengths)
        yaw = _direction(course) + offsets
        guides = {
            frame: GuidePoint(
                float(course[frame, 0]),
                float(course[frame, 1]),
                None if np.isnan(yaw[frame]) else float(yaw[frame]),
            )
            for frame in range(GUIDE_FRAMES, len(course), GUIDE_FRAMES)
        }
        return cls(world, waypoints, guides)

    def constraints(self, first: int, count: int, local: FloorTransform) -> list[Constraint]:
        """Constraints on a piece of `count` frames from frame `first`; `local` leads from its coordinates."""
        found: list[Constraint] = []
        frames = range(first, first + count)
        if points := {frame: xz for frame, xz in self.waypoints.items() if frame in frames}:
            found.append(_near(points, first, local, WAYPOINT_UNIT))
        if guides := {frame: guide for frame, guide in self.guides.items() if frame in frames}:
            found.append(
                _near(
                    {frame: (guide.x, guide.z) for frame, guide in guides.items()}, first, local, GUIDE_UNIT
                )
            )
        if facing := {frame: guide for frame, guide in guides.items() if guide.yaw is not None}:
            found.append(_facing(facing, first, local))
        return found

    def corrected(
        self, joints: Float[np.ndarray, "T 22 3"], first: int, fixed: int
    ) -> Float[np.ndarray, "T 22 3"]:
        """The frames moved smoothly along the floor so that they pass the waypoints; the first `fixed` ones stay.

        Raises:
            ConfigError: a waypoint is missed by more than `SHIFT_LIMIT`.
        """
        if not self.waypoints:
            return joints
        start = np.zeros(2) if fixed else -joints[0, 0, [0, 2]]
        at, shifts = [max(fixed - 1, 0)], [start]
        for frame, xz in sorted(self.waypoints.items()):
            row = frame - first
            if at[-1] < row < len(joints):
                shift = np.asarray(xz) - joints[row, 0, [0, 2]]
                if np.linalg.norm(shift) > SHIFT_LIMIT:
                    x, _, z = self.world.to_world(np.array([xz[0], 0.0, xz[1]]))
                    raise ConfigError(
                        f"path: the motion misses the waypoint ({x:g}, {z:g}) by {np.linalg.norm(shift):.2f} m; "
                        "give the path more or less time, or phrases that walk"
                    )
                at.append(row)
                shifts.append(shift)
        if at[-1] < len(joints) - 1:
            at.append(len(joints) - 1)
            shifts.append(shifts[-1])
        from scipy.interpolate import PchipInterpolator  # a tenth of the time until a server is ready

        rows = np.arange(at[0], len(joints))
        out = joints.astype(np.float64)
        out[at[0] :, :, [0, 2]] += PchipInterpolator(at, np.array(shifts))(rows)[:, None]
        return out.astype(np.float32)

    def check(self, joints: Float[np.ndarray, "T 22 3"], first: int) -> None:
        """Refuse a motion that misses a waypoint.

        Raises:
            ConfigError: it misses one within these frames by more than `WAYPOINT_TOLERANCE`.
        """
        for frame, xz in self.waypoints.items():
            if 0 <= frame - first < len(joints):
                miss = float(np.linalg.norm(joints[frame - first, 0, [0, 2]] - xz))
                if miss > WAYPOINT_TOLERANCE:
                    raise ConfigError(
                        f"path: the waypoint at {frame / FPS:g} s is missed by {100 * miss:.0f} cm"
                    )


def _distance_by_frame(
    total: float, contents: Sequence[str | None], lengths: Sequence[int]
) -> Float[np.ndarray, " T"]:
    """Distance along the path at each frame, metres: constant speed during phrases that move, else during all.

    Raises:
        ConfigError: the speed exceeds `MAX_SPEED`.
    """
    moves = [content in MOVING for content in contents]
    rate = np.repeat(np.array(moves if any(moves) else [True] * len(moves), float), lengths)
    rate[-1] = 0  # the last frame is the end
    needed = total / (rate.sum() / FPS)
    if needed > MAX_SPEED:
        raise ConfigError(
            f"path: {total:.1f} m in {rate.sum() / FPS:g} s of moving need {needed:.1f} m/s; at most {MAX_SPEED:g} "
            "are possible"
        )
    return np.concatenate([[0.0], np.cumsum(rate / rate.sum() * total)[:-1]])


def _direction(course: Float[np.ndarray, "T 2"]) -> Float[np.ndarray, " T"]:
    """Direction of the path, over a second around each frame: radians about +Y, unwrapped."""
    ahead = np.minimum(np.arange(len(course)) + FPS // 2, len(course) - 1)
    behind = np.maximum(np.arange(len(course)) - FPS // 2, 0)
    direction = course[ahead] - course[behind]
    return np.unwrap(np.arctan2(direction[:, 0], direction[:, 1]))


def _near(
    points: Mapping[int, tuple[float, float]], first: int, local: FloorTransform, unit: float
) -> Constraint:
    """The pelvis over points (x, z) at their frames."""
    tolerance = torch.full((len(points),), unit)
    return Waypoints(tuple(frame - first for frame in points), _to_piece(points.values(), local), tolerance)


def _facing(guides: Mapping[int, GuidePoint], first: int, local: FloorTransform) -> Constraint:
    """The body facing along the path, loosely near its points."""
    yaw = np.array([guide.yaw for guide in guides.values()], dtype=np.float64) - local.yaw
    yaw -= 2 * np.pi * np.round(yaw[0] / (2 * np.pi))
    return Waypoints(
        tuple(frame - first for frame in guides),
        _to_piece([(guide.x, guide.z) for guide in guides.values()], local),
        torch.full((len(guides),), FACING_UNIT),
        torch.from_numpy(yaw.astype(np.float32)),
        YAW_UNIT,
    )


def _to_piece(points: Iterable[tuple[float, float]], local: FloorTransform) -> Float[torch.Tensor, "K 2"]:
    """Points (x, z) in the coordinates of a piece."""
    at = np.array([[x, 0.0, z] for x, z in points])
    return torch.from_numpy(local.to_local(at)[:, [0, 2]].astype(np.float32))
