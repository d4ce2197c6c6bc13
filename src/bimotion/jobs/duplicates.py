"""The same take under several names: whole, cropped or mirrored.

Motions are compared as poses relative to the body at 20 frames per second, so that position, heading, rate, format and
body size do not count. Three poses, half a second apart, are one descriptor; nearest descriptors of other recordings
propose an offset, and the poses of the whole overlap decide.

Legend: T frames, 63 columns of joint positions relative to the body, D descriptor width.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.spatial import cKDTree

from bimotion.features.layout import FPS, RIC
from bimotion.features.mirror import mirror_features

SPAN = 10
"""Frames between the three poses of a descriptor."""

QUERY_STEP = 10
"""Frames between the descriptors that are looked up."""

NEIGHBOURS = 24
"""Nearest descriptors that propose an offset."""

TOLERANCE = 0.02
"""Root mean square distance of joints below which motions are the same, metres."""

MIN_SHARE = 0.8
"""Share of the shorter recording that has to be in the other one."""


@dataclass(frozen=True)
class Duplicate:
    """Two recordings of one take."""

    first: str
    """The longer one."""
    second: str
    """The one that is in it."""
    start: float
    """Time in the first recording at which the second begins, seconds; negative if it begins earlier."""
    mirrored: bool
    """Whether it is its mirror image."""
    distance: float
    """Root mean square distance of joints, metres."""


def find_duplicates(
    features: Mapping[str, Float[np.ndarray, "_ 263"]], track: Callable[[int, int], None] | None = None
) -> list[Duplicate]:
    """Pairs of recordings of which one is in the other, by name; recordings of less than 1.05 s are not compared."""
    names = [name for name, each in features.items() if len(each) > 2 * SPAN]
    if len(names) < 2:
        return []
    poses = [features[name][:, RIC] for name in names]
    tables = [_descriptors(each) for each in poses]
    owners = np.repeat(np.arange(len(names)), [len(table) for table in tables])
    firsts = np.cumsum([0, *(len(table) for table in tables)])
    tree = cKDTree(np.concatenate(tables))
    found: dict[tuple[int, int], Duplicate] = {}
    for index, name in enumerate(names):
        for mirrored in (False, True):
            own = mirror_features(features[name])[:, RIC] if mirrored else poses[index]
            queries = _descriptors(own)[::QUERY_STEP]
            _, rows = tree.query(queries, k=min(NEIGHBOURS, len(owners)))
            votes = Counter(
                (int(owners[row]), int(row - firsts[owners[row]]) - number * QUERY_STEP)
                for number, neighbours in enumerate(np.atleast_2d(rows.reshape(len(queries), -1)))
                for row in neighbours
                if owners[row] != index and len(poses[owners[row]]) >= len(own)
            )
            for (other, offset), _ in votes.most_common(5):
                pair = (min(index, other), max(index, other))
                distance = _distance(poses[other], own, offset)
                if distance is not None and distance <= TOLERANCE and pair not in found:
                    found[pair] = Duplicate(names[other], name, offset / FPS, mirrored, distance)
        if track is not None:
            track(index + 1, len(names))
    return sorted(found.values(), key=lambda duplicate: (duplicate.first, duplicate.second))


def _descriptors(poses: Float[np.ndarray, "T 63"]) -> Float[np.ndarray, "_ D"]:
    """Three poses each, projected onto a few fixed directions."""
    stacked = np.concatenate([poses[: -2 * SPAN], poses[SPAN:-SPAN], poses[2 * SPAN :]], axis=1)
    directions = np.random.default_rng(0).normal(size=(stacked.shape[1], 24)) / np.sqrt(24)
    return np.asarray(stacked @ directions)


def _distance(
    whole: Float[np.ndarray, "T 63"], part: Float[np.ndarray, "T2 63"], offset: int
) -> float | None:
    """Distance of a part from a motion where they overlap; None where they overlap too little."""
    start, stop = max(0, offset), min(len(whole), offset + len(part))
    if stop - start < MIN_SHARE * len(part):
        return None
    difference = whole[start:stop] - part[start - offset : stop - offset]
    return float(np.sqrt((difference**2).sum(1).mean() / (part.shape[1] / 3)))
