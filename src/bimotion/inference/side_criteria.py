"""Criteria of the side that a sentence names: what it names shows the action, and the other side does not."""

import re

from bimotion.captions.contents import Side
from bimotion.captions.facts import LimbFacts
from bimotion.captions.sides import limb
from bimotion.inference.criterion import Criterion, ramp
from bimotion.inference.named_side import leftness, named_side
from bimotion.inference.request import MotionRequest
from bimotion.inference.traits import Traits

_OTHER_HAND = {side: re.compile(rf"\b(?:{side}|other)\b(?! (?:leg|foot|knee))") for side in ("left", "right")}


def side_criteria(request: MotionRequest, names: list[str]) -> list[Criterion]:
    """Criteria of a sentence with the named actions; none if it names no side, or both."""
    named = named_side(request.prompt)
    if named is None:
        return []
    part, sign = named
    scale = {"hand": 0.25, "leg": 0.15, "support": 0.15, "turn": 40.0, "step": 0.3}[part]
    found = [Criterion("side", lambda traits: ramp(sign * leftness(traits.facts, part), -scale, scale), 2.0)]
    if part == "hand":
        other: Side = "right" if sign == 1 else "left"
        if any(_OTHER_HAND[other].search(phrase.lower()) for phrase in request.excluded):
            found.append(Criterion("other hand", lambda traits: _rests(limb(traits.facts, other))))
        elif {"wave", "raise"} & set(names):
            found.append(Criterion("other hand", lambda traits: _is_down(limb(traits.facts, other))))
        elif names:
            found.append(
                Criterion("other hand", lambda traits: ramp(_share_of_speed(traits, other), 0.6, 0.4))
            )
    elif part in ("leg", "support"):
        lifted = 0 if (sign == 1) == (part == "leg") else 1
        found.append(Criterion("other leg", lambda traits: ramp(_share_up(traits, lifted), 0.4, 0.8), 2.0))
    return found


def _share_up(traits: Traits, side: int) -> float:
    """Of the time with one foot up, the share in which it is this one; without any a half."""
    up, other = traits.foot_up_seconds[side], traits.foot_up_seconds[1 - side]
    return (up + 0.05) / (up + other + 0.1)


def _share_of_speed(traits: Traits, side: Side) -> float:
    """Highest speed of this hand as a share of the sum for both."""
    left, right = traits.facts.left.hand_speed, traits.facts.right.hand_speed
    return (left if side == "left" else right) / max(left + right, 1e-6)


def _rests(limb: LimbFacts) -> float:
    return ramp(limb.hand_range, 0.8, 0.35)


def _is_down(limb: LimbFacts) -> float:
    return ramp(limb.hand_over_shoulder, 0.1, -0.2)
