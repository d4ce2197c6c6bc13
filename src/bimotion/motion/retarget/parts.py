"""The joint of the body that the words of a name mean, with a confidence.

Words alone are ambiguous: `LeftLeg` is the shin in Mixamo and the thigh in NVIDIA's SOMA, `LeftShoulder` a collar or
the shoulder, `L_Foot` an ankle or the ball of the foot. A part therefore has a score for each role, and the
best-scoring chain of joints from trunk to tip is chosen.
"""

from dataclasses import dataclass
from functools import lru_cache

from bimotion.motion.retarget.source import SourceSkeleton
from bimotion.motion.retarget.words import NameWords, Side, split_name

LEG: tuple[str, ...] = ("hip", "knee", "ankle", "foot")
"""Roles along a leg; the last may be missing."""

ARM: tuple[str, ...] = ("collar", "shoulder", "elbow", "wrist")
"""Roles along an arm; the first may be missing."""

_PARTS: tuple[tuple[frozenset[str], dict[str, float]], ...] = tuple(
    (frozenset(words.split()), scores)
    for words, scores in (
        ("thigh", {"hip": 3.0}),
        ("upper leg", {"hip": 3.0}),
        ("shin", {"knee": 3.0}),
        ("lower leg", {"knee": 3.0}),
        ("knee", {"knee": 3.0}),
        ("ball", {"foot": 3.0}),
        ("toe", {"foot": 3.0}),
        ("fore foot", {"foot": 2.5}),
        ("ankle", {"ankle": 3.0}),
        ("foot", {"ankle": 2.5, "foot": 1.5}),
        ("leg", {"hip": 1.4, "knee": 1.6}),
        ("legfoot", {"hip": 1.4, "knee": 1.2, "ankle": 1.6}),
        ("hip", {"hip": 2.0}),
        ("hips", {"hip": 1.0}),
        ("collar", {"collar": 3.0}),
        ("upperarm", {"shoulder": 3.0}),
        ("upper arm", {"shoulder": 3.0}),
        ("forearm", {"elbow": 3.0}),
        ("fore arm", {"elbow": 3.0}),
        ("lower arm", {"elbow": 3.0}),
        ("elbow", {"elbow": 3.0}),
        ("hand", {"wrist": 3.0}),
        ("wrist", {"wrist": 3.0}),
        ("shldr", {"collar": 1.0, "shoulder": 2.5}),
        ("arm", {"shoulder": 2.0}),
        ("shoulder", {"collar": 2.0, "shoulder": 1.6}),
    )
)
"""Roles of sided parts: the first whose words are all in the name counts."""

_OTHER_THAN_LIMBS = {"twist", "helper", "finger", "face", "tail", "animal"}
SURE = 2.5
"""A score from which on the words leave no doubt."""


@dataclass(frozen=True)
class Chain:
    """Joints of one limb by role, and the sum of their scores."""

    joints: dict[str, int]
    score: float


def role_scores(words: NameWords) -> dict[str, float]:
    """Score of each role that a sided name may mean; empty for helpers, fingers and unknown names."""
    if words.words & _OTHER_THAN_LIMBS:
        return {}
    for part, scores in _PARTS:
        if part <= words.words:
            return {role: score - 0.02 * words.unknown for role, score in scores.items()}
    return {}


def is_head(words: NameWords) -> bool:
    """Whether the name is that of a head, not of its end or of a part of the face."""
    return "head" in words.words and not words.words & (_OTHER_THAN_LIMBS | {"neck"})


def is_neck(words: NameWords) -> bool:
    """Whether the name is that of a neck; some programs call it a twist bone."""
    return "neck" in words.words and not words.words & {"helper", "finger", "face", "tail"}


def joint_sides(skeleton: SourceSkeleton) -> list[Side | None]:
    """The side in each joint's name, or in the name of its nearest ancestor that has one."""
    sides: list[Side | None] = []
    for joint, parent in enumerate(skeleton.parents):
        side = split_name(skeleton.names[joint]).side
        sides.append(side if side is not None or parent < 0 else sides[parent])
    return sides


@lru_cache(maxsize=256)
def best_chain(
    names: tuple[str, ...], parents: tuple[int, ...], roles: tuple[str, ...], usable: tuple[bool, ...]
) -> Chain | None:
    """The chain of usable joints, each below the one before, with the best sum of scores for the roles.

    Collar and foot may be missing. None if no chain has all other roles. Kept for the next file of the same skeleton.
    """
    optional_start, optional_end = roles[0] == "collar", roles[-1] == "foot"
    # best[joint][k]: the best chain that ends in the joint with role k
    best: list[dict[int, Chain]] = []
    above: list[dict[int, Chain]] = []  # the same over the joint's ancestors
    complete: Chain | None = None
    for joint, parent in enumerate(parents):
        inherited = above[parent] if parent >= 0 else {}
        here: dict[int, Chain] = {}
        scores = role_scores(split_name(names[joint])) if usable[joint] else {}
        for k, role in enumerate(roles):
            if role not in scores:
                continue
            before = inherited.get(k - 1)
            if before is not None:
                here[k] = Chain(before.joints | {role: joint}, before.score + scores[role])
            if k == 0 or (k == 1 and optional_start and before is None):
                here[k] = Chain({role: joint}, scores[role])
        best.append(here)
        merged = dict(inherited)
        for k, chain in here.items():
            # of equal joints the topmost counts: copies and twist bones hang below
            if k not in merged or chain.score > merged[k].score + 1e-6:
                merged[k] = chain
        above.append(merged)
        for k in {len(roles) - 1, len(roles) - 2 if optional_end else len(roles) - 1}:
            chain_here = here.get(k)
            if chain_here is not None and (complete is None or chain_here.score > complete.score + 1e-6):
                complete = chain_here
    return complete


def sided_limb(
    skeleton: SourceSkeleton, roles: tuple[str, ...], side: Side, sides: list[Side | None]
) -> Chain | None:
    """The limb of a side by the names, None where the names do not decide."""
    return best_chain(skeleton.names, skeleton.parents, roles, tuple(found == side for found in sides))
