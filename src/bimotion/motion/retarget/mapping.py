"""Mapping from the joints of a file to the 22: by a joint map, by names, or by the shape of the skeleton."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float

from bimotion.errors import MotionFileError
from bimotion.motion.retarget.families import OTHER, Family, find_family, plain_name
from bimotion.motion.retarget.parts import (
    ARM,
    LEG,
    SURE,
    Chain,
    is_head,
    is_neck,
    joint_sides,
    role_scores,
    sided_limb,
)
from bimotion.motion.retarget.source import SourceMotion, SourceSkeleton
from bimotion.motion.retarget.structure import Pair, find_limbs, limb_roles, single_pair
from bimotion.motion.retarget.words import Side, split_name

LIMBS: tuple[str, ...] = tuple(
    f"{side}_{part}"
    for side in ("left", "right")
    for part in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
)
"""Without these joints a skeleton cannot be read; all others are placed where they are missing."""

_BY_SHAPE, _BY_WORD_IN_DOUBT = 0.6, 0.9
_FEW = 6
"""In so few names a shared word may be chance."""
_FIRST_WORD, _LAST_WORD = re.compile(r"^[^\W_]+[_ .:|-]+(?=\w)"), re.compile(r"(?<=\w)[_ .:|-]+[^\W_]+$")
_SIDES: tuple[Side, Side] = ("left", "right")


@dataclass
class JointMapping:
    """Joints of a file by our names."""

    joints: dict[str, int] = field(default_factory=dict)
    """Index of the joint in the file's skeleton."""
    confidence: dict[str, float] = field(default_factory=dict)
    """How sure each is: 1 for a joint map or an unambiguous name, 0.9 for a name in its chain, 0.6 for the shape."""
    from_user: set[str] = field(default_factory=set)
    """Joints given by the user, which are taken as they are."""
    family: Family = OTHER
    warnings: list[str] = field(default_factory=list)

    def add(self, joint: str, index: int, confidence: float) -> None:
        """Add a joint that is not there yet."""
        if joint not in self.joints:
            self.joints[joint], self.confidence[joint] = index, confidence


def map_joints(source: SourceMotion, where: str, joint_map: Mapping[str, str] | None = None) -> JointMapping:
    """The joints of a skeleton by our names; `joint_map` are those that the user named.

    Raises:
        MotionFileError: no person was found in the skeleton, or a given joint is not in it.
    """
    skeleton = source.skeleton
    mapping = JointMapping()
    source = replace(source, skeleton=replace(skeleton, names=without_shared_words(skeleton)))
    for joint, name in (joint_map or {}).items():
        mapping.add(joint, _mapped_joint(skeleton, where, joint, name), 1.0)
        mapping.from_user.add(joint)
    _limbs_by_name(source.skeleton, mapping)
    _limbs_by_shape(source, mapping)
    missing = [joint for joint in LIMBS if joint not in mapping.joints]
    if missing:
        raise MotionFileError(_missing(skeleton, where, mapping, missing))
    _one_person(skeleton, where, mapping)
    _trunk(source.skeleton, mapping)
    if not joint_map:
        _no_animal(source.skeleton, where, mapping)
    mapping.family = find_family(skeleton.names, mapping.joints)
    _family_joints(skeleton, mapping)
    if not mapping.family.complete:
        for joint in {"pelvis", "spine1", "spine2", "spine3"} - mapping.from_user:
            mapping.joints.pop(joint, None)
    doubtful = [j for j in LIMBS if mapping.confidence[j] <= _BY_SHAPE]
    if doubtful:
        found = ", ".join(f"{joint} = {skeleton.names[mapping.joints[joint]]}" for joint in doubtful)
        mapping.warnings.append(
            f"joint names are not clear; chosen by the shape of the skeleton: {found}; use --joint-map if that is wrong"
        )
    return mapping


def _of_limbs(skeleton: SourceSkeleton, mapping: JointMapping, joint: int) -> bool:
    """Whether a joint is part of the limbs: wings beside the arms of a person make no animal."""
    if min(mapping.confidence[limb] for limb in LIMBS) <= _BY_SHAPE:
        return True
    tops = {mapping.joints[f"{side}_{part}"] for side in _SIDES for part in ("hip", "shoulder")}
    if tops.intersection(skeleton.path(joint)):
        return True
    return any(joint in skeleton.path(mapping.joints[limb]) for limb in LIMBS)


def without_shared_words(skeleton: SourceSkeleton) -> tuple[str, ...]:
    """The names without a first and a last word that all share, such as `Ctrl_`, which tells nothing about a joint."""
    names = list(skeleton.names)
    for pattern in (_FIRST_WORD, _LAST_WORD):
        shared = {
            match[0] if (match := pattern.search(name)) else ""
            for joint, name in enumerate(names)
            if joint not in skeleton.end_sites
        }
        if len(shared) == 1 and len(names) > _FEW and "" not in shared:
            names = [pattern.sub("", name) for name in names]
    return tuple(names)


def _mapped_joint(skeleton: SourceSkeleton, where: str, joint: str, name: str) -> int:
    if name in skeleton.names:
        return skeleton.names.index(name)
    plain = [plain_name(candidate) for candidate in skeleton.names]
    if plain_name(name) in plain and plain_name(name):
        return plain.index(plain_name(name))
    raise MotionFileError(
        f"{where}: {name!r} (joint map: {joint}) is not in the file, which has {listed(skeleton)}"
    )


def listed(skeleton: SourceSkeleton) -> str:
    """The names of a skeleton's joints for a message, at most 60."""
    names = [
        "".join(c if c.isprintable() else "?" for c in name)
        for joint, name in enumerate(skeleton.names)
        if joint not in skeleton.end_sites
    ]
    return ", ".join(names[:60]) + (f" and {len(names) - 60} more" if len(names) > 60 else "")


def _missing(skeleton: SourceSkeleton, where: str, mapping: JointMapping, missing: list[str]) -> str:
    found = ", ".join(f"{joint} = {skeleton.names[index]}" for joint, index in mapping.joints.items())
    return (
        f"{where}: no person found: no joint for {', '.join(missing)}; found {found or 'none'}; the file has "
        f"{listed(skeleton)}. Name the missing joints with --joint-map (docs/formats.md)"
    )


def _limbs_by_name(skeleton: SourceSkeleton, mapping: JointMapping) -> None:
    sides = joint_sides(skeleton)
    for side in _SIDES:
        for roles in (LEG, ARM):
            if all(f"{side}_{role}" in mapping.joints for role in roles):
                continue
            chain = sided_limb(skeleton, roles, side, sides)
            if chain is not None:
                _add_chain(skeleton, mapping, side, chain)


def _add_chain(skeleton: SourceSkeleton, mapping: JointMapping, side: Side, chain: Chain) -> None:
    for role, joint in chain.joints.items():
        score = role_scores(split_name(skeleton.names[joint])).get(role, 0.0)
        mapping.add(f"{side}_{role}", joint, 1.0 if score >= SURE - 0.2 else _BY_WORD_IN_DOUBT)


def _limbs_by_shape(source: SourceMotion, mapping: JointMapping) -> None:
    """Adds the limbs that names left open, from pairs of like chains."""
    if all(joint in mapping.joints for joint in LIMBS):
        return
    skeleton = source.skeleton
    rest = skeleton.rest_positions()
    has = {
        roles: [all(f"{side}_{role}" in mapping.joints for role in roles[1:3]) for side in _SIDES]
        for roles in (LEG, ARM)
    }
    pairs: dict[tuple[str, ...], Pair | None] = {LEG: None, ARM: None}
    if any(has[LEG]) == any(has[ARM]):
        limbs = find_limbs(skeleton, rest, set())
        pairs = {LEG: limbs.legs, ARM: limbs.arms}
    else:
        known, open_roles = (LEG, ARM) if any(has[LEG]) else (ARM, LEG)
        tops = [mapping.joints[f"{s}_{known[1]}"] for s in _SIDES if f"{s}_{known[1]}" in mapping.joints]
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
            for side, limb in zip(_SIDES, found, strict=True)
        ]
        other = [
            sum(known.get(f"{side}_{role}") == joint for role, joint in limb.items())
            for side, limb in zip(_SIDES, found[::-1], strict=True)
        ]
        swapped = (
            sum(other) > sum(overlap) if sum(other) + sum(overlap) else not _first_is_left(source, found)
        )
    for side, limb in zip(_SIDES, found[::-1] if swapped else found, strict=True):
        for role, joint in limb.items():
            mapping.add(f"{side}_{role}", joint, _BY_SHAPE)


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


def _one_person(skeleton: SourceSkeleton, where: str, mapping: JointMapping) -> None:
    """Checks that all limbs hang on one trunk and use each joint once."""
    if len({mapping.joints[joint] for joint in LIMBS}) < len(LIMBS):
        repeated = [
            joint for joint in LIMBS if list(mapping.joints.values()).count(mapping.joints[joint]) > 1
        ]
        raise MotionFileError(
            f"{where}: {', '.join(repeated)} are the same joint of the file; correct the joint map"
        )
    hips = skeleton.common_ancestor([mapping.joints["left_hip"], mapping.joints["right_hip"]])
    shoulders = skeleton.common_ancestor([mapping.joints["left_shoulder"], mapping.joints["right_shoulder"]])
    if hips < 0 or shoulders < 0 or skeleton.common_ancestor([hips, shoulders]) < 0:
        raise MotionFileError(
            f"{where}: legs and arms have different roots; expected one skeleton, whose hips and shoulders are "
            "connected by a spine"
        )
    if skeleton.parents.count(-1) > 1:
        others = [
            skeleton.names[i]
            for i, p in enumerate(skeleton.parents)
            if p < 0 and i not in skeleton.path(hips)
        ]
        if others:
            mapping.warnings.append(
                f"the file has {len(others) + 1} skeletons; the one of {skeleton.names[skeleton.path(hips)[0]]} is "
                "read"
            )


def _trunk(skeleton: SourceSkeleton, mapping: JointMapping) -> None:
    """Adds neck and head, and the torso's joints where they are named like SMPL's."""
    joints = mapping.joints
    chest = skeleton.common_ancestor([joints["left_shoulder"], joints["right_shoulder"]])
    words = [split_name(name) for name in skeleton.names]
    above = [i for i in range(len(words)) if chest in skeleton.path(i)[:-1]]
    limb_joints = {index for joint, index in joints.items() if joint.startswith(("left_", "right_"))}
    free = [
        i for i in above if not limb_joints.intersection(skeleton.path(i)) and i not in skeleton.end_sites
    ]
    named_head = next((i for i in free if is_head(words[i])), None)
    neck = next((i for i in free if is_neck(words[i])), None)
    if neck is not None:
        mapping.add("neck", neck, 1.0)
    head = named_head
    if head is None:
        start = neck if neck is not None else chest
        head = _end_of_chain(skeleton, [i for i in free if start in skeleton.path(i)[:-1]], start)
    if head is not None and head != neck:
        path = skeleton.path(head)
        between = path[path.index(chest) + 1 : -1]
        if neck is None and between:
            mapping.add("neck", between[0], _BY_WORD_IN_DOUBT if named_head is not None else _BY_SHAPE)
        if named_head is None and neck is None and not between:
            mapping.add("neck", head, _BY_SHAPE)
        else:
            mapping.add("head", head, 1.0 if named_head is not None else _BY_SHAPE)
    if "neck" not in joints:
        mapping.warnings.append("no neck joint; neck and head are placed above the shoulders")
    _named_torso(skeleton, mapping)


def _end_of_chain(skeleton: SourceSkeleton, free: list[int], start: int) -> int | None:
    """The first joint after `start` of the chain with the most joints, the second where that chain has two."""
    deepest = max(free, key=lambda i: len(skeleton.path(i)), default=None)
    if deepest is None:
        return None
    path = skeleton.path(deepest)
    chain = path[path.index(start) + 1 :]
    return chain[-1] if len(chain) <= 2 else chain[1]


def _named_torso(skeleton: SourceSkeleton, mapping: JointMapping) -> None:
    """Adds pelvis and three spine joints that have SMPL's own names."""
    targets = {
        "pelvis": ("pelvis", None),
        "spine1": ("spine", 1),
        "spine2": ("spine", 2),
        "spine3": ("spine", 3),
    }
    neck = mapping.joints.get("neck", mapping.joints["left_shoulder"])
    path = skeleton.path(neck)
    for joint, (word, number) in targets.items():
        for index in path:
            words = split_name(skeleton.names[index])
            if words.words - {"root"} == {word} and (number is None or words.number == number):
                mapping.add(joint, index, 1.0)
                break


def _family_joints(skeleton: SourceSkeleton, mapping: JointMapping) -> None:
    """Takes the joints that the family's data sets use where several are possible."""
    plain = [plain_name(name) for name in skeleton.names]
    for joint, name in mapping.family.joints.items():
        if joint not in mapping.from_user and plain_name(name) in plain:
            mapping.joints[joint], mapping.confidence[joint] = plain.index(plain_name(name)), 1.0


def _no_animal(skeleton: SourceSkeleton, where: str, mapping: JointMapping) -> None:
    """Refuses four-legged animals and birds, which programs give the names of people.

    Raises:
        MotionFileError: the skeleton is an animal's.
    """
    animal_names = [
        name
        for i, name in enumerate(skeleton.names)
        if i not in skeleton.end_sites
        and "animal" in split_name(name).words
        and _of_limbs(skeleton, mapping, i)
    ]
    if len(animal_names) >= 2:
        raise MotionFileError(
            f"{where}: expected a person's skeleton, got an animal's ({', '.join(animal_names[:3])}); if it is a "
            "person, name its joints with --joint-map"
        )
    rest = skeleton.rest_positions()

    def at(*names: str) -> np.ndarray:
        return np.asarray(np.mean([rest[mapping.joints[name]] for name in names], axis=0))

    def direction(start: np.ndarray, end: np.ndarray) -> np.ndarray:
        return np.asarray((end - start) / max(float(np.linalg.norm(end - start)), 1e-9))

    hips, shoulders = at("left_hip", "right_hip"), at("left_shoulder", "right_shoulder")
    legs = direction(hips, at("left_ankle", "right_ankle"))
    arms = direction(shoulders, at("left_wrist", "right_wrist"))
    trunk = direction(hips, shoulders)
    # standing on hands and feet, trunk level: no program gives a person this rest pose
    if legs @ arms > 0.8 and abs(legs @ trunk) < 0.5 and abs(arms @ trunk) < 0.5:
        tail = next((n for n in skeleton.names if "tail" in split_name(n).words), None)
        raise MotionFileError(
            f"{where}: expected a person's skeleton, got one that stands on four legs in its rest pose"
            f"{f' and has a tail ({tail})' if tail else ''}; if it is a person, name its joints with --joint-map"
        )
