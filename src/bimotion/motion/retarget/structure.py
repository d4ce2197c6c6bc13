"""Limbs from the shape of a skeleton, for joints without meaningful names.

Legend: N joints of the file. Two similar chains below one joint are a pair of limbs; of the two largest pairs the legs
are nearer to the root, the arms at the far end of a spine.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float

from bimotion.motion.retarget.parts import ARM, LEG
from bimotion.motion.retarget.source import SourceSkeleton

_SIMILAR = 0.75
"""Ratio of the lengths of two chains from which on they count as a pair."""

_SHORTEST = 0.15
"""A limb reaches at least this share of the longest path of the skeleton."""


@dataclass(frozen=True)
class Pair:
    """Two limbs that leave the trunk at one joint, each as joints from the trunk to the tip."""

    branch: int
    chains: tuple[tuple[int, ...], tuple[int, ...]]
    reach: float
    """Mean length of the two chains."""


@dataclass(frozen=True)
class Limbs:
    """Legs and arms of a skeleton; which of two is left is not known yet."""

    legs: Pair | None
    arms: Pair | None


def find_limbs(skeleton: SourceSkeleton, rest: Float[np.ndarray, "N 3"], taken: set[int]) -> Limbs:
    """The pairs of limbs that do not use the joints in `taken`."""
    pairs = sorted(_pairs(skeleton, rest, taken), key=lambda pair: -pair.reach)
    best: tuple[float, Pair, Pair] | None = None
    for legs in pairs:
        for arms in pairs:
            if not _fit(skeleton, legs, arms):
                continue
            score = legs.reach + arms.reach
            if best is None or score > best[0]:
                best = score, legs, arms
    if best is not None:
        return Limbs(best[1], best[2])
    return Limbs(None, None)


def single_pair(
    skeleton: SourceSkeleton, rest: Float[np.ndarray, "N 3"], taken: set[int], trunk: int
) -> Pair | None:
    """The largest pair of limbs that does not leave the trunk at `trunk`, where the other limbs do."""
    pairs = [pair for pair in _pairs(skeleton, rest, taken) if pair.branch != trunk]
    return max(pairs, key=lambda pair: pair.reach, default=None)


def limb_roles(
    skeleton: SourceSkeleton, chain: tuple[int, ...], rest: Float[np.ndarray, "N 3"], roles: tuple[str, ...]
) -> dict[str, int]:
    """Joints of a chain by role: thigh and shin, or upper arm and forearm, are its two long bones of similar length."""
    lengths = [float(np.linalg.norm(rest[b] - rest[a])) for a, b in pairwise(chain)]
    first = max(
        range(len(lengths) - 1),
        key=lambda i: lengths[i] + lengths[i + 1] - 2 * abs(lengths[i] - lengths[i + 1]),
    )
    upper, hinge, lower = chain[first : first + 3]
    if roles == LEG:
        found = {"hip": upper, "knee": hinge, "ankle": lower}
        beyond = [joint for joint in chain[first + 3 :] if joint not in skeleton.end_sites]
        return found | ({"foot": beyond[0]} if beyond else {})
    found = {"shoulder": upper, "elbow": hinge, "wrist": lower}
    return ({"collar": chain[first - 1]} if first > 0 else {}) | found


def _pairs(skeleton: SourceSkeleton, rest: Float[np.ndarray, "N 3"], taken: set[int]) -> Iterator[Pair]:
    children = skeleton.children()
    reach = np.zeros(len(skeleton.names))
    deepest: list[int] = [-1] * len(skeleton.names)
    for joint in range(len(skeleton.names) - 1, -1, -1):
        for child in children[joint]:
            length = reach[child] + float(np.linalg.norm(rest[child] - rest[joint]))
            if length >= reach[joint]:
                reach[joint], deepest[joint] = length, child

    def chain(joint: int) -> tuple[int, ...]:
        joints = [joint]
        while deepest[joints[-1]] >= 0:
            joints.append(deepest[joints[-1]])
        return tuple(joints)

    longest = float(reach.max(initial=0.0))
    for branch, below in enumerate(children):
        limbs = [
            c for c in (chain(child) for child in below[:40]) if len(c) >= 3 and not taken.intersection(c)
        ]
        for i, left in enumerate(limbs):
            for right in limbs[i + 1 :]:
                a, b = reach[left[0]], reach[right[0]]
                if min(a, b) < max(_SIMILAR * max(a, b), _SHORTEST * longest) or min(a, b) <= 0:
                    continue
                yield Pair(branch, (left, right), float(a + b) / 2)


def _fit(skeleton: SourceSkeleton, legs: Pair, arms: Pair) -> bool:
    """Whether the arms leave a trunk that does not pass through the legs, farther from the root than the legs."""
    if legs.branch == arms.branch:
        return False
    path = skeleton.path(arms.branch)
    used = {joint for chain in (*legs.chains, *arms.chains) for joint in chain}
    if used.intersection(path) or used.intersection(skeleton.path(legs.branch)):
        return False
    if set(legs.chains[0] + legs.chains[1]) & set(arms.chains[0] + arms.chains[1]):
        return False
    return len(path) > len(skeleton.path(legs.branch))


__all__ = ["ARM", "LEG", "Limbs", "Pair", "find_limbs", "limb_roles", "single_pair"]
