"""The up axis of a file. Legend: T frames.

It is taken from the rest pose, as in Blender, since people in motion also lie, crawl and stand on their hands. The
motion is used only without a standing rest pose, or where it clearly contradicts the rest pose: a person who stands on
the floor along the other axis in nearly all frames, while no floor fits the rest pose's axis.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

_NAMES = ("left_ankle", "right_ankle", "left_wrist", "right_wrist", "left_hip", "right_hip")
_UPRIGHT, _MOST = 0.8, 0.8


@dataclass(frozen=True)
class UpAxis:
    """The axis that points up."""

    axis: str
    """"y" or "z"."""
    reason: str
    """Evidence for it."""
    doubt: str = ""
    """A warning where the evidence is not clear."""

    def vector(self) -> Float[np.ndarray, "3"]:
        """Unit vector along the axis."""
        return np.asarray(np.eye(3)["xyz".index(self.axis)])


def find_up(
    points: Mapping[str, Float[np.ndarray, "T 3"]],
    rest: Float[np.ndarray, "3"] | None,
    *,
    needs_floor: bool = False,
) -> UpAxis:
    """The axis that points up.

    `points` are positions of hips, ankles, wrists and `top` (neck or between the shoulders); `rest` is the up direction
    of a standing rest pose, None where there is none. Z is then taken where people stand along it; with `needs_floor`
    only if they stand on the floor.
    """
    y, z = _Evidence.of(points, 1), _Evidence.of(points, 2)
    resting = None
    if rest is not None:
        resting = next((axis for axis, i in (("y", 1), ("z", 2)) if rest[i] > 0.9), None)
    if resting is None:
        if z.stands or (z.along > _UPRIGHT and not y.floor and not needs_floor):
            return UpAxis("z", "the motion stands along Z")
        return UpAxis("y", "the motion" if y.stands else "the usual axis")
    other, preferred = (z, y) if resting == "y" else (y, z)
    name = "z" if resting == "y" else "y"
    if other.stands and not preferred.floor:
        return UpAxis(
            name,
            f"the motion stands along {name.upper()}",
            f"the rest pose stands along {resting.upper()} but the motion along {name.upper()}, which is taken as up; "
            f"if that is wrong, use --up {resting}",
        )
    doubt = ""
    if other.stands:
        doubt = (
            f"the body lies along {name.upper()} in nearly all frames; the rest pose's {resting.upper()} is taken as "
            f"up; if that is wrong, use --up {name}"
        )
    return UpAxis(resting, "the rest pose", doubt)


@dataclass(frozen=True)
class _Evidence:
    """Evidence of the motion for one axis."""

    along: float
    """Mean component of the body's direction, from the ankles up."""
    floor: bool
    """Whether the lowest joint's height fits a floor at 0."""
    stands: bool
    """Whether a person stands on that floor in most frames."""

    @classmethod
    def of(cls, points: Mapping[str, Float[np.ndarray, "T 3"]], axis: int) -> "_Evidence":
        ankles = (points["left_ankle"] + points["right_ankle"]) / 2
        hips = (points["left_hip"] + points["right_hip"]) / 2
        body = points["top"] - ankles
        along = body[:, axis] / np.maximum(np.linalg.norm(body, axis=-1), 1e-9)
        legs = float(np.median(np.linalg.norm(hips - ankles, axis=-1)))
        lowest = np.min([points[name][:, axis] for name in _NAMES], axis=0)
        low = float(np.percentile(lowest, 2))
        floor = -0.15 * legs <= low <= 0.3 * legs
        height = float(np.median(hips[:, axis]))
        upright = float((along > _UPRIGHT).mean()) >= _MOST
        return cls(float(along.mean()), floor, upright and floor and 0.7 * legs < height < 1.35 * legs)


def z_up_to_y_up(positions: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch 3"]:
    """The same points with Y up instead of Z, X kept."""
    return np.asarray(positions[..., [0, 2, 1]] * np.array([1, 1, -1], dtype=positions.dtype))
