"""Truth of captions: words with a measurable meaning are checked against the measured facts of the window."""

import re
from collections.abc import Callable

from bimotion.captions import phrases, vocabulary
from bimotion.captions.facts import MotionFacts
from bimotion.captions.phrases import Gait
from bimotion.captions.sides import busier_hand, kicking_foot, limb, moving_hand

_EPS = 1e-3  # stored facts are rounded to four places

Check = Callable[[MotionFacts, "Claim"], bool]


class Claim:
    """Context of a caption: its content group and gait decide how its words are understood."""

    def __init__(self, content: str, gait: Gait) -> None:
        """`content` is a content group; `gait` is `none` for what is not locomotion."""
        self.content = content
        self.gait = gait
        self.is_wave = content == "wave"
        self.is_turn = gait != "none" or content == "basketball"


def _uses(hand: str) -> Check:
    def check(facts: MotionFacts, claim: Claim) -> bool:
        other = "right" if hand == "left" else "left"
        return other not in (moving_hand(facts), busier_hand(facts))

    return check


def _kicks(foot: str) -> Check:
    return lambda facts, claim: kicking_foot(facts) in (foot, "both" if claim.content == "soccer" else foot)


def _goes(sign: int) -> Check:
    def check(facts: MotionFacts, claim: Claim) -> bool:
        if not claim.is_turn and claim.content != "walk-side":
            return True
        if claim.content == "walk-side":
            return sign * facts.leftward > 0
        turned = (facts.turn, facts.travel_turn, facts.turn_most_left if sign > 0 else facts.turn_most_right)
        return any(sign * angle > phrases.STRAIGHT - _EPS for angle in turned)

    return check


def _slow(facts: MotionFacts, claim: Claim) -> bool:
    if claim.gait == "walk":
        return facts.speed < 1.0 + _EPS
    if claim.gait == "run":
        return facts.speed < 2.5 + _EPS
    if claim.is_wave:
        hand = max(facts.left, facts.right, key=lambda side: side.hand_range)
        return hand.swings / max(hand.hand_up_seconds, 0.5) < 1.25
    return True


def _fast(facts: MotionFacts, claim: Claim) -> bool:
    if claim.gait == "walk":
        return facts.speed > 1.2 - _EPS
    if claim.gait == "run":
        return facts.speed > phrases.SLOW_RUN - _EPS
    return True


def _both(facts: MotionFacts, claim: Claim) -> bool:
    left, right = facts.left.hand_range, facts.right.hand_range
    return min(left, right) > 0.4 * max(left, right) or claim.content in ("call", "sword", "signals", "wash")


def _hand_height(facts: MotionFacts, low: float, high: float = 9.0) -> bool:
    side = moving_hand(facts)
    return side == "none" or low - _EPS <= limb(facts, side).hand_over_head < high + _EPS


def _swings(low: float) -> Check:
    def check(facts: MotionFacts, claim: Claim) -> bool:
        side = moving_hand(facts)
        return not claim.is_wave or (side != "none" and limb(facts, side).swings >= low)

    return check


def _locomotion(holds: Callable[[MotionFacts], bool]) -> Check:
    return lambda facts, claim: claim.gait == "none" or holds(facts)


_RULES: tuple[tuple[str, Check], ...] = (
    (rf"\bleft (?:{vocabulary.ARM}|fist|jabs|punch\w*|wave)", _uses("left")),
    (rf"\bright (?:{vocabulary.ARM}|fist|jabs|punch\w*|straight|wave)", _uses("right")),
    (rf"\bboth (?:\w+ )?(?:{vocabulary.ARMS})", _both),
    (rf"\bleft (?:{vocabulary.LEG})", _kicks("left")),
    (rf"\bright (?:{vocabulary.LEG})", _kicks("right")),
    (rf"\b(?:to (?:{vocabulary.OWNER}) left|left turn|turns? left|(?<!counter)anticlockwise)\b", _goes(1)),
    (rf"\b(?:to (?:{vocabulary.OWNER}) right|right turn|turns? right)\b", _goes(-1)),
    (rf"\b(?:{vocabulary.SLOW})", _slow),
    (rf"\b(?:{vocabulary.FAST}|{vocabulary.SPRINT}|{vocabulary.HURRY})\b", _fast),
    (rf"\b(?:{vocabulary.BACKWARD})\b", lambda facts, claim: facts.forward < 0),
    (rf"\b(?:{vocabulary.FORWARD})\b", _locomotion(lambda facts: facts.forward > 0)),
    (
        rf"\b(?:{vocabulary.STRAIGHT})\b",
        _locomotion(lambda facts: abs(facts.turn) < phrases.CURVE),
    ),
    (rf"\b(?:{vocabulary.CIRCLE})\b", lambda facts, claim: abs(facts.travel_turn) >= phrases.CIRCLE - _EPS),
    (r"\bfor a few steps\b", lambda facts, claim: 2 <= facts.steps <= 5),
    (r"\bfor several steps\b", lambda facts, claim: 6 <= facts.steps <= 9),
    (r"\bfor many steps\b", lambda facts, claim: facts.steps >= 12),
    (r"\blong (?:distance|way)\b", lambda facts, claim: facts.net > phrases.LONG_WAY - _EPS),
    (r"\babove the head\b|\bover the head\b", lambda facts, claim: _hand_height(facts, 0.15)),
    (
        r"\bup high\b",
        lambda facts, claim: claim.content in ("jump", "kick") or _hand_height(facts, 0.15),
    ),
    (r"\bhead height\b|\blevel of the head\b", lambda facts, claim: _hand_height(facts, -0.05, 0.22)),
    (
        r"\bto shoulder height\b|\bup to the shoulder\b",
        lambda facts, claim: _hand_height(facts, -0.25, -0.05),
    ),
    (rf"\b(?:{vocabulary.MANY_TIMES})\b", _swings(phrases.MANY_SWINGS)),
    (rf"\b(?:{vocabulary.SEVERAL_TIMES})\b", _swings(phrases.SOME_SWINGS)),
    (
        r"\bdeep|\bbows low\b",
        lambda facts, claim: claim.content != "bow" or facts.bend >= phrases.DEEP_BEND - _EPS,
    ),
    (
        r"\bslight|\bsmall bow\b",
        lambda facts, claim: claim.content != "bow" or facts.bend < phrases.SLIGHT_BEND + _EPS,
    ),
    (rf"\b(?:{vocabulary.TURN})\b", lambda facts, claim: facts.turn_most_left - facts.turn_most_right > 30),
    (
        r"\braised arms\b",
        lambda facts, claim: max(facts.left.hand_over_shoulder, facts.right.hand_over_shoulder) > 0,
    ),
    (rf"\b(?:{vocabulary.JUMP}|hop)", lambda facts, claim: facts.airborne > 0),
    (
        rf"\b(?:{vocabulary.KICK})",
        lambda facts, claim: claim.content == "soccer" or facts.left.kicks + facts.right.kicks > 0,
    ),
    (rf"\b(?:{vocabulary.STROLL})", lambda facts, claim: facts.speed <= 1.2 + _EPS),
    (rf"\b(?:{vocabulary.JOG})", lambda facts, claim: facts.speed <= 2.8 + _EPS),
    (rf"\b(?:{vocabulary.SPRINT})", lambda facts, claim: facts.speed >= 2.7 - _EPS),
)
_COMPILED = tuple((re.compile(pattern), check) for pattern, check in _RULES)


def false_claims(caption: str, facts: MotionFacts, content: str, gait: Gait) -> list[str]:
    """The words of a caption that the facts of its window contradict; empty where all is true.

    Sides, speed, direction, path, step counts, hand heights and repeats are checked; moods are not.
    """
    claim = Claim(content, gait)
    found = ((pattern.search(caption), check) for pattern, check in _COMPILED)
    return [match[0] for match, check in found if match and not check(facts, claim)]
