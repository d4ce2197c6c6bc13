"""The side that a sentence names, and the choice between a motion and its mirror image.

The training data contains every motion and its mirror image. Of a generated motion and its mirror image the one that
shows the named side more is kept.
"""

import re
from collections.abc import Callable
from typing import Literal

from bimotion.captions import vocabulary
from bimotion.captions.facts import MIN_FACT_FRAMES, MotionFacts, measure_facts
from bimotion.motion.clip import Clip

Part = Literal["hand", "leg", "support", "turn", "step"]
"""What the side belongs to; the support is the leg that somebody stands or hops on."""

_SIDE = re.compile(rf"\b(?:{vocabulary.SIDE})\b")
_RIGHTWARD = re.compile(vocabulary.RIGHTWARD)
_LIMB = r"\b{side}[- ](?:\w+ )?(?:{words})"
_HAND = rf"{vocabulary.UPPER_LIMB}|hook|jab|punch|uppercut"
_LEG = rf"{vocabulary.LOWER_LIMB}|kick"
_HANDLING = re.compile(
    rf"\b(?:{_HAND}|hands?|cross|box\w*|jabs?|punch\w*|throw\w*|toss\w*|wav\w+|rais\w+|point\w*|reach\w*|catch\w*|grab\w*)\b"
)
_SUPPORT = re.compile(r"\b(?:on|onto) (?:the|his|her|their|its|one)?\s*(?:left|right) (?:leg|foot)\b")
_TURN = re.compile(
    r"\b(?:turn|spin|rotat|pivot|twirl|circl|curv|veer|bear|swerv|wheel|loop|clockwise|anticlockwise|counter)"
)
_STEP = re.compile(r"\b(?:side-?step|sideways|step|shuffl|sidle|dodg|move|slide|shift|walk|go|lung|hop|jump)")


def sides_of(sentence: str) -> set[Literal[-1, 1]]:
    """The sides that a sentence names, 1 for left; counter-clockwise is left."""
    return {-1 if _RIGHTWARD.fullmatch(word) else 1 for word in _SIDE.findall(sentence.lower())}


def named_side(sentence: str) -> tuple[Part, Literal[-1, 1]] | None:
    """The part of the body or the action whose side a sentence names, and the side, 1 for left; None for no side or
    both.
    """
    sides = sides_of(sentence)
    if len(sides) != 1:
        return None
    text, sign = sentence.lower(), sides.pop()
    word = "left" if sign == 1 else "right"
    if _SUPPORT.search(text) and re.search(r"\b(?:stand|hop|balanc|stay)", text):
        return "support", sign
    if re.search(_LIMB.format(side=word, words=_LEG), text):
        return "leg", sign
    if re.search(_LIMB.format(side=word, words=_HAND), text):
        return "hand", sign
    if _TURN.search(text):
        return "turn", sign
    if re.search(rf"\b(?:{_LEG}|kick\w*)\b", text):
        return "leg", sign
    if _HANDLING.search(text):
        return "hand", sign
    return ("step", sign) if _STEP.search(text) else None


def leftness(facts: MotionFacts, part: Part) -> float:
    """How much more the left side shows the action than the right one; the mirror image has the opposite sign."""
    left, right = facts.left, facts.right
    if part == "hand":
        return left.hand_range - right.hand_range + left.hand_over_shoulder - right.hand_over_shoulder
    if part in ("leg", "support"):
        higher = left.foot_height - right.foot_height
        return higher if part == "leg" else -higher
    return facts.turn if part == "turn" else facts.leftward


def on_named_side(sentence: str, clip: Clip, mirrored: Callable[[], Clip]) -> Clip:
    """The clip, at 20 frames per second, or its mirror image where it shows the other side than the sentence names."""
    named = named_side(sentence)
    if named is None or len(clip) < MIN_FACT_FRAMES:
        return clip
    part, sign = named
    return clip if leftness(measure_facts(clip.joints), part) * sign >= 0 else mirrored()
