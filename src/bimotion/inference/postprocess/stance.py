"""When feet stand, and how high they swing: generated feet touch the floor too long and hardly leave it.

The contact columns of generated features are often near 1 all the time. Where a foot in contact would have to be moved
too far to stand still, it stands only while it is slow.

Legend: T frames, J = 22 joints; metres, Y up, frames at 20 per second.
"""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Float

from bimotion.features.layout import CONTACTS, FPS
from bimotion.motion.easing import smooth_step
from bimotion.motion.filters import gaussian_filter, maximum_filter

MAX_SHIFT = 0.35
"""A foot that would have to be moved further to stand still makes a step, metres."""

SLOW_SHARE, SLOWEST, FASTEST = 0.4, 0.25, 0.6
"""A foot is slow below this share of its highest speed nearby; always below `SLOWEST`, never above `FASTEST`, m/s."""

NEARBY_FRAMES = 12
"""Frames before and after within which the highest speed counts."""

MIN_CONTACT_FRAMES = 3
"""Shorter contacts are taken for noise, frames."""

CLEARANCE, CLEARANCE_SHARE = 0.06, 0.25
"""Least height of a swinging foot above its place on the floor, metres; at most this share of its way. In recordings
the median is 0.05."""

MIN_STEP = 0.08
"""A foot that goes less far is not lifted, metres."""

SWING_FRAMES = 3, 24
"""Fewest and most frames between two contacts of a step."""

UPRIGHT = 0.6
"""Height of the pelvis above which feet step, metres: those who crawl or lie drag them."""


def contacts(features: Float[np.ndarray, "T 263"]) -> Bool[np.ndarray, "T 2"]:
    """Whether heel or ball of each foot touches the floor, by the contact columns."""
    return np.asarray(features[:, CONTACTS].reshape(len(features), 2, 2).max(-1) > 0.5)


def standing(ball: Float[np.ndarray, "T 3"], touches: Bool[np.ndarray, "T"]) -> Bool[np.ndarray, "T"]:
    """Whether a foot stands still, from its way and its contacts."""
    floor_path = ball[:, [0, 2]]
    out = np.zeros(len(ball), dtype=bool)
    slow = None
    for start, stop in runs(touches):
        way = floor_path[start:stop]
        if np.linalg.norm(way - median(way), axis=-1).max() <= MAX_SHIFT:
            out[start:stop] = True
        else:
            slow = _slow(floor_path) if slow is None else slow
            out[start:stop] = slow[start:stop]
    for start, stop in runs(out):
        if stop - start < MIN_CONTACT_FRAMES:
            out[start:stop] = False
    return out


def median(points: Float[np.ndarray, "N C"]) -> Float[np.ndarray, "C"]:
    """The median of each coordinate; `np.median` takes four times as long for the frames of a step."""
    ordered, half = np.sort(points, axis=0), len(points) // 2
    return np.asarray(ordered[half] if len(points) % 2 else (ordered[half - 1] + ordered[half]) / 2)


def _slow(floor_path: Float[np.ndarray, "T 2"]) -> Bool[np.ndarray, "T"]:
    speed = np.linalg.norm(np.gradient(floor_path, axis=0), axis=-1) * FPS
    speed = gaussian_filter(speed, 1.0, "nearest")
    highest = maximum_filter(speed, NEARBY_FRAMES)
    return np.asarray(speed < np.clip(SLOW_SHARE * highest, SLOWEST, FASTEST))


def swing_lift(
    ball: Float[np.ndarray, "T 3"], stands: Bool[np.ndarray, "T"], pelvis: Float[np.ndarray, "T"]
) -> Float[np.ndarray, "T"]:
    """How far a foot is raised in each frame so that it leaves the floor between two places where it stands."""
    num, lift = len(ball), np.zeros(len(ball))
    shortest, longest = SWING_FRAMES
    for start, stop in runs(~stands):
        if start == 0 or stop == num:  # where the step comes from or leads to is not known
            continue
        before, after = start - 1, stop
        way = float(np.linalg.norm((ball[after] - ball[before])[[0, 2]]))
        if not shortest <= stop - start <= longest or way < MIN_STEP or pelvis[start:stop].min() < UPRIGHT:
            continue
        frames = np.arange(start, stop)
        ease = max(2.0, (stop - start) / 3)
        share = smooth_step((frames - before) / ease) * smooth_step((after - frames) / ease)
        ends = np.minimum(ball[[before, after], 1], CLEARANCE)
        least = np.interp(frames, [before, after], ends) + min(CLEARANCE, CLEARANCE_SHARE * way) * share
        lift[start:stop] = np.maximum(least - ball[start:stop, 1], 0)
    return np.asarray(gaussian_filter(lift, 0.7)) if lift.any() else lift


def runs(on: Bool[np.ndarray, "T"]) -> Iterator[tuple[int, int]]:
    """First frame, and frame after the last, of every run of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], on.astype(np.int8), [0]])))
    return zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
