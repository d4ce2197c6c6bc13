"""Legs and arms of a file's skeleton, by their names and by the shape of the skeleton.

Legend: T frames.
"""

import numpy as np
from jaxtyping import Float

from bimotion.motion.retarget.joint_mapping import BY_SHAPE, BY_WORD_IN_DOUBT, LIMBS, SIDES, JointMapping
from bimotion.motion.retarget.parts import ARM, LEG, SURE, Chain, joint_sides, role_scores, sided_limb
from bimotion.motion.retarget.source import SourceMotion, SourceSkeleton
from bimotion.motion.retarget.structure import Pair, find_limbs, limb_roles, single_pair
from bimotion.motion.retarget.words import Side, split_name


def add_limbs_by_name(skeleton: SourceSkeleton, mapping: JointMapping) -> None:
    """Adds the limbs whose joints have names of limbs."""
    sides = joint_sides(skeleton)
    for side in SIDES:
        for roles in (LEG, ARM):
            if all(f"{side}_{role}" in mapping.joints for role in roles):
                continue
            chain = sided_limb(skeleton, roles, side, sides)
            if chain is not None:
                _add_chain(skeleton, mapping, side, chain)


def _add_chain(skeleton: SourceSkeleton, mapping: JointMapping, side: Side, chain: Chain) -> None:
    for role, joint in chain.joints.items():
        score = role_scores(split_name(skeleton.names[joint])).get(role, 0.0)
        mapping.add(f"{side}_{role}", joint, 1.0 if score >= SURE - 0.2 else BY_WORD_IN_DOUBT)


def add_limbs_by_shape(source: SourceMotion, mapping: JointMapping) -> None:
    """Adds the limbs that names left open, from pairs of similar chains."""
    if all(joint in mapping.joints for joint in LIMBS):
        return
    skeleton = source.skeleton
    rest = skeleton.rest_positions()
    has = {
        roles: [all(f"{side}_{role}" in mapping.joints for role in roles[1:3]) for side in SIDES]
        for roles in (LEG, ARM)
    }
    pairs: dict[tuple[str, ...], Pair | None] = {LEG: None, ARM: None}
    if any(has[LEG]) == any(has[ARM]):
        limbs = find_limbs(skeleton, rest, set())
        pairs = {LEG: limbs.legs, ARM: limbs.arms}
    else:
        known, open_roles = (LEG, ARM) if any(has[LEG]) else (ARM, LEG)
        tops = [mapping.joints[f"{s}_{known[1]}"] for s in SIDES if f"{s}_{known[1]}" in mapping.joints]
        taken = {joint for top in tops for joint in skeleton.path(top)[-2:]}
        pairs[open_roles] = single_pair(skeleton, rest, taken, skeleton.common_ancestor(tops))
    for roles, pair in pairs.items():
        if pair is not None:
            _add_pair(source, mapping, roles, pair)


def _add_pair(source: SourceMotion, mapping: JointMapping, roles: tuple[str, ...], pair: Pair) -> None:
    rest = source.skeleton.rest_positions()
    found = [limb_roles(source.skeleton, chain, rest, roles) for chain in pair.chains]
    sides = joint_sides(source.skeleton)
    named = [{sides[joint] for joint in limb.values()} for limb in found]
    swapped = "right" in named[0] or "left" in named[1]
    if not named[0] & {"left", "right"} and not named[1] & {"left", "right"}:
        known = {joint: index for joint, index in mapping.joints.items() if joint in LIMBS}
        overlap = [
            sum(known.get(f"{side}_{role}") == joint for role, joint in limb.items())
            for side, limb in zip(SIDES, found, strict=True)
        ]
        other = [
            sum(known.get(f"{side}_{role}") == joint for role, joint in limb.items())
            for side, limb in zip(SIDES, found[::-1], strict=True)
        ]
        swapped = (
            sum(other) > sum(overlap) if sum(other) + sum(overlap) else not _first_is_left(source, found)
        )
    for side, limb in zip(SIDES, found[::-1] if swapped else found, strict=True):
        for role, joint in limb.items():
            mapping.add(f"{side}_{role}", joint, BY_SHAPE)


def _first_is_left(source: SourceMotion, limbs: list[dict[str, int]]) -> bool:
    """Whether the first of two limbs is the left one: forward is where feet point, up is away from the legs."""
    skeleton = source.skeleton
    upper = "hip" if "hip" in limbs[0] else "shoulder"
    tips = [_tip(skeleton, limb) for limb in limbs]
    joints = {limb[role] for limb in limbs for role in limb} | {tip for tip in tips if tip is not None}
    frames = np.linspace(0, source.num_frames - 1, min(source.num_frames, 50)).astype(int)
    posed = {joint: source.world(joint)[0][frames] for joint in joints}
    rest_positions = skeleton.rest_positions()
    votes = 0.0
    for at in ({joint: rest_positions[joint][None] for joint in joints}, posed):
        across = at[limbs[0][upper]] - at[limbs[1][upper]]
        votes += float(np.sign(_handedness(at, limbs, tips, across)).sum()) / len(across)
    return votes >= 0


def _handedness(
    at: dict[int, Float[np.ndarray, "T 3"]],
    limbs: list[dict[str, int]],
    tips: list[int | None],
    across: Float[np.ndarray, "T 3"],
) -> Float[np.ndarray, "T"]:
    """Positive where `across` points to the person's left."""
    total = np.zeros(len(across))
    for limb, tip in zip(limbs, tips, strict=True):
        first, hinge, last = list(limb.values())[-4:][:3] if "foot" in limb else list(limb.values())[-3:]
        upper, lower = at[hinge] - at[first], at[last] - at[hinge]
        # knees bend back and forearms forward; toes point forward
        ahead = at[tip] - at[last] if tip is not None and "hip" in limb else np.zeros_like(upper)
        sign = -1.0 if "hip" in limb else 1.0
        down = upper + lower if "hip" in limb else np.zeros_like(upper)
        bend = lower - upper
        forward = ahead + 0.01 * sign * bend
        total += (np.cross(-down, forward) * across).sum(-1)
    return total


def _tip(skeleton: SourceSkeleton, limb: dict[str, int]) -> int | None:
    last = list(limb.values())[-1]
    if "foot" in limb:
        return limb["foot"]
    below = [child for child, parent in enumerate(skeleton.parents) if parent == last]
    return below[0] if below else None
