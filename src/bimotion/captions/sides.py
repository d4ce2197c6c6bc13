"""Left and right: which side a motion measurably uses."""

from bimotion.captions.contents import Side
from bimotion.captions.facts import LimbFacts, MotionFacts

# Share of the left wrist's range in both wrists' ranges. Raising and waving the left hand: 1st percentile
# 0.76; the right hand: 99th percentile 0.21; both: 0.49 to 0.53. There is nothing between.
_ONE_HAND_SHARE = 0.70
_BOTH_SHARE = 0.40
_HAND_RANGE = 0.20  # a wrist that fills less has not moved

_RAISED = -0.2  # wrist over shoulder; an arm that hangs down reaches -0.4
_KICK_HEIGHT = 0.45
_KICK_MARGIN = 0.15


def other_side(side: Side) -> Side:
    """Left for right and right for left; both and none stay."""
    return "left" if side == "right" else "right" if side == "left" else side


def moving_hand(facts: MotionFacts) -> Side:
    """The hand that moves; `none` if no hand does, or the measurement is not clear."""
    left, right = facts.left.hand_range, facts.right.hand_range
    if max(left, right) < _HAND_RANGE:
        return "none"
    share = left / (left + right)
    if share >= _ONE_HAND_SHARE:
        return "left"
    if share <= 1 - _ONE_HAND_SHARE:
        return "right"
    return "both" if _BOTH_SHARE <= share <= 1 - _BOTH_SHARE else "none"


def raised_hand(facts: MotionFacts) -> Side:
    """The hand that comes near the shoulder or higher, for gestures that hardly move it."""
    left, right = (side.hand_over_shoulder > _RAISED for side in (facts.left, facts.right))
    return "both" if left and right else "left" if left else "right" if right else "none"


def busier_hand(facts: MotionFacts) -> Side:
    """The hand that moves clearly more than the other, which may move as well."""
    left, right = facts.left.hand_range, facts.right.hand_range
    if max(left, right) < _HAND_RANGE or max(left, right) < 1.25 * min(left, right):
        return "none"
    return "left" if left > right else "right"


def kicking_foot(facts: MotionFacts) -> Side:
    """The foot that rises as in a kick; `none` where neither does, `both` where both do."""
    left, right = facts.left.foot_height, facts.right.foot_height
    if max(left, right) < _KICK_HEIGHT:
        return "none"
    if abs(left - right) < _KICK_MARGIN:
        return "both"
    return "left" if left > right else "right"


def turning_side(degrees: float) -> Side:
    """The side of a turn: positive is left."""
    return "left" if degrees > 0 else "right"


def limb(facts: MotionFacts, side: Side) -> LimbFacts:
    """The facts of the limbs of a side; for `both`, each value is the lesser of the two."""
    if side == "left":
        return facts.left
    if side == "right":
        return facts.right
    pairs = {
        name: min(getattr(facts.left, name), getattr(facts.right, name))
        for name in LimbFacts.__dataclass_fields__
    }
    return LimbFacts(**pairs)
