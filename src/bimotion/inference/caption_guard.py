"""Captions that contradict measured facts are replaced or corrected; still poses are described as such.

Legend: T frames, J = 22 joints, F = 263 feature columns.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from bimotion.captions.claims import false_claims
from bimotion.captions.facts import MIN_FACT_FRAMES, MotionFacts, measure_facts
from bimotion.captions.mentions import content_of
from bimotion.captions.mirror import swap_sides
from bimotion.captions.phrases import Gait
from bimotion.features.clips import features_to_clip
from bimotion.motion.skeleton import joint_indices

STILL_PATH, STILL_TURN, STILL_HAND, STILL_FOOT = 0.15, 15.0, 0.12, 0.08
"""Limits below which a body is still: path, turn in degrees, extent of the wrists, rise of the ankles; metres."""

_LOW_POSTURES = re.compile(
    r"\b(?:sit|sits|sitting|seated|kneel\w*|crouch\w*|squat\w*|l(?:ies|ying)|crawl\w*)\b"
)
_REPEATED = re.compile(r"\b(?P<phrase>\w+(?: \w+){1,7}?)(?:,? (?:and |then |and then )?(?P=phrase)\b)+")
_ADVERBS = re.compile(
    r"^(?:slow|leisurely|unhurried|sluggish|brisk|quick|fast|at full speed|hurr|rush|forward|ahead|many times|"
    r"repeatedly|several times|a few times|deep|slight|in a straight line|straight ahead|in a circle|in a loop|"
    r"for a few steps|for several steps|for many steps|long|above the head|up high|over the head|head height|"
    r"level of the head|to shoulder height|up to the shoulder)"
)
_BEFORE_ADVERB = r",? (?:very |rather |quite |a little |for a |at a |up to |to the |with a )?"
_AFTER_ADVERB = r"\w*(?: pace| way| distance)?\b"
_GAITS: dict[str, Gait] = {
    "walk": "walk",
    "walk-back": "walk",
    "walk-side": "walk",
    "turn": "walk",
    "run": "run",
}


def nearest_that_holds(captions: Sequence[str], features: Float[np.ndarray, "T 263"]) -> str | None:
    """The first caption of other motions that the facts of this one do not contradict; None where all are contradicted.

    A pose that does not move is described as such.
    """
    if len(features) < MIN_FACT_FRAMES:
        return next(iter(captions), None)
    joints = features_to_clip(features).joints
    facts = measure_facts(joints)
    for caption in captions:
        if not contradictions(caption, facts):
            return still_caption(caption, joints, facts) if is_still(facts) else caption
    return None


@dataclass(frozen=True)
class GuardedCaption:
    """A caption, and what the facts of its motion say about it."""

    caption: str
    """The caption without repetitions; for a still pose, how the body stands."""
    facts: MotionFacts | None = None
    """Facts that contradict it; None: nothing does."""

    @classmethod
    def of(cls, caption: str, features: Float[np.ndarray, "T 263"]) -> "GuardedCaption":
        """The caption that the model gives a motion, checked."""
        caption = without_loops(caption)
        if len(features) < MIN_FACT_FRAMES:
            return cls(caption)
        joints = features_to_clip(features).joints
        facts = measure_facts(joints)
        if is_still(facts):
            return cls(still_caption(caption, joints, facts))
        return cls(caption, facts if contradictions(caption, facts) else None)

    def replaced(self, others: Sequence[str]) -> str:
        """The model's first other caption without contradictions, else this one without its false words."""
        if self.facts is None:
            return self.caption
        for other in map(without_loops, others):
            if other and not contradictions(other, self.facts):
                return other
        return corrected(self.caption, self.facts)


def contradictions(caption: str, facts: MotionFacts) -> list[str]:
    """The words of a caption that facts contradict."""
    content = content_of(caption) or "other"
    return false_claims(caption, facts, content, _GAITS.get(content, "none"))


def corrected(caption: str, facts: MotionFacts) -> str:
    """The caption with sides swapped and adverbs left out where that makes it true; else a caption of the facts
    alone.
    """
    swapped = swap_sides(caption)
    if swapped != caption and not contradictions(swapped, facts):
        return swapped
    text = caption
    for words in contradictions(caption, facts):
        if _ADVERBS.match(words):
            text = re.sub(_BEFORE_ADVERB + re.escape(words) + _AFTER_ADVERB, "", text, count=1)
    if not contradictions(text, facts):
        return text
    return measured_caption(facts)


def measured_caption(facts: MotionFacts) -> str:
    """A plain caption of what is measured: travel, turning, jumping, hands."""
    side = "left" if facts.turn > 0 else "right"
    if facts.airborne and not facts.steps:
        return "a person jumps."
    if facts.path > 0.6:
        verb = "runs" if facts.speed > 2.2 else "walks"
        along = abs(facts.forward_share) >= abs(facts.leftward_share)
        direction = "forward" if facts.forward > 0 else "backward"
        sideways = "to the left" if facts.leftward > 0 else "to the right"
        turn = f" and turns to the {side}" if abs(facts.turn) > 45 else ""
        return f"a person {verb} {direction if along else sideways}{turn}."
    if abs(facts.turn) > 45:
        return f"a person turns to the {side}."
    if facts.bend > 40:
        return "a person bends forward."
    left, right = facts.left.hand_range, facts.right.hand_range
    if max(left, right) > 0.2:
        hands = "both arms" if min(left, right) > 0.5 * max(left, right) else None
        return f"a person moves {hands or ('the left arm' if left > right else 'the right arm')}."
    return "a person moves a little."


def is_still(facts: MotionFacts) -> bool:
    """Whether nothing moves: neither the body over the floor, nor a limb."""
    hands = max(facts.left.hand_range, facts.right.hand_range)
    feet = max(facts.left.foot_height, facts.right.foot_height)
    return (
        facts.path < STILL_PATH
        and facts.turn_most_left - facts.turn_most_right < STILL_TURN
        and hands < STILL_HAND
        and feet < STILL_FOOT
        and not facts.bends
        and not facts.airborne
    )


def still_caption(caption: str, joints: Float[np.ndarray, "T J 3"], facts: MotionFacts) -> str:
    """The caption of a pose that does not move: how the body stands and holds its arms."""
    if facts.root_lowest < 0.8:
        return caption if _LOW_POSTURES.search(caption) else "a person stays low without moving."
    pose = joints.mean(0)
    shoulders, wrists = (
        pose[list(joint_indices(f"left_{joint}", f"right_{joint}"))] for joint in ("shoulder", "wrist")
    )
    level = np.abs(wrists[:, 1] - shoulders[:, 1]) < 0.15
    if level.all() and np.linalg.norm((wrists[0] - wrists[1])[[0, 2]]) > 1.0:
        return "a person stands still with both arms stretched out to the sides."
    above = wrists[:, 1] > shoulders[:, 1]
    raised = [side for side, is_raised in zip(("left", "right"), above, strict=True) if is_raised]
    if raised:
        return f"a person stands still with {'both arms' if len(raised) == 2 else f'the {raised[0]} arm'} raised."
    return "a person stands still."


def without_loops(caption: str) -> str:
    """The caption with repeated phrases of two to eight words reduced to one."""
    while (shorter := _REPEATED.sub(r"\g<phrase>", caption)) != caption:
        caption = shorter
    return caption


def join_captions(captions: Sequence[str]) -> str:
    """The captions of a clip's parts as one sentence: repeated ones once, a common subject once."""
    kept: list[str] = []
    for caption in captions:
        plain = caption.strip().rstrip(".;,")
        if plain and plain not in kept[-1:]:
            kept.append(plain)
    if len(kept) < 2:
        return captions[0] if len(captions) == 1 else kept[0] if kept else ""
    subjects = {" ".join(caption.split()[:2]) for caption in kept}
    if len(subjects) == 1 and (subject := subjects.pop()) in ("a person", "a man", "a woman", "the person"):
        kept = [kept[0], *(caption.removeprefix(f"{subject} ") for caption in kept[1:])]
        return f"{', then '.join(kept)}."
    return "; then ".join(kept)
