"""Phrases for measured facts: speed, path, amount, height, repetitions."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from bimotion.captions.contents import Side
from bimotion.captions.facts import MotionFacts
from bimotion.captions.sides import limb, turning_side

Gait = Literal["walk", "run", "none"]

# 818 walk-like windows: 5/25/50/75/95 % = 0.66/1.00/1.13/1.27/1.49 per second.
SLOW_WALK, FAST_WALK = 0.85, 1.35
# 353 run-like windows: 1.56/2.48/2.71/3.03/3.45.
SLOW_RUN, FAST_RUN = 2.3, 3.0
# |turn| of all windows: below 15 degrees 2728, 15 to 75 only 48, 75 to 105 473: 60 is a safe cut.
STRAIGHT, CURVE, TURN, TURN_AROUND, CIRCLE = 20.0, 35.0, 60.0, 140.0, 270.0
# Highest wrist over the head, medians of raised hands: youthful 0.40, normal 0.17, elderly 0.04,
# feminine -0.14.
OVER_HEAD, HEAD_HIGH, SHOULDER_HIGH = 0.22, -0.05, -0.25
# Swings, medians of waves: active 10.5 (2.0 a second), normal 8.5 (1.4), elderly 4 (0.7), feminine 0.5.
MANY_SWINGS, SOME_SWINGS, QUICK_SWINGS, SLOW_SWINGS = 8.0, 3.0, 1.6, 0.85
HELD_SECONDS, BRIEF_SECONDS = 2.2, 1.2
# Bows: 5/25/50/75/95 % = 25/36/46/51/64 degrees; walks bend 5 to 24.
DEEP_BEND, SLIGHT_BEND = 50.0, 38.0
LONG_WAY = 7.0

HEIGHT_PHRASES = {
    "over": ("high above the head", "up high", "over the head"),
    "head": ("up to head height", "to the level of the head"),
    "shoulder": ("up to the shoulder", "to shoulder height"),
}
_TIMES = {2: ("twice", "two times"), 3: ("three times",), 4: ("four times",), 5: ("five times",)}


def locomotion_phrases(facts: MotionFacts, gait: Gait, *, turns: bool) -> dict[str, tuple[str, ...]]:
    """Phrases for walks and runs by slot (speed, path, amount); `turns` where the verb names a turn."""
    slots = {"speed": speed_phrases(facts, gait)}
    turn, travel = abs(facts.turn), abs(facts.travel_turn)
    if turn < STRAIGHT and travel < 25 and facts.net > 0.97 * facts.path and abs(facts.leftward_share) < 0.25:
        slots["path"] = ("in a straight line",)
    elif 25 <= turn < TURN and not turns:
        slots["path"] = (f"veering slightly to the {turning_side(facts.turn)}",)
    if facts.net > LONG_WAY:
        slots["amount"] = ("for a long distance", "a long way")
    elif gait == "walk" and not turns and travel < TURN_AROUND:
        if 2 <= facts.steps <= 5:
            slots["amount"] = ("for a few steps",)
        elif 6 <= facts.steps <= 9:
            slots["amount"] = ("for several steps",)
        elif facts.steps >= 12:
            slots["amount"] = ("for many steps",)
    return {slot: phrases for slot, phrases in slots.items() if phrases}


def speed_phrases(facts: MotionFacts, gait: Gait) -> tuple[str, ...]:
    """Phrases for a speed out of the ordinary; none for a usual one."""
    if gait == "walk":
        if facts.speed < SLOW_WALK:
            return ("slowly", "at a slow pace")
        return ("quickly", "at a brisk pace", "fast") if facts.speed > FAST_WALK else ()
    if gait == "run":
        if facts.speed < SLOW_RUN:
            return ("slowly", "at a slow pace")
        return ("very fast", "at full speed") if facts.speed > FAST_RUN else ()
    return ()


def hand_phrases(facts: MotionFacts, side: Side, *, waves: bool) -> dict[str, tuple[str, ...]]:
    """Phrases for a raised or waving hand by slot (height, repeats, speed, hold)."""
    if side == "none":
        return {}
    hand, slots = limb(facts, side), {"height": _height(facts, side)}
    if waves:
        rate = hand.swings / max(hand.hand_up_seconds, 0.5)
        if hand.swings >= MANY_SWINGS:
            slots["repeats"] = ("many times", "repeatedly")
        elif hand.swings >= SOME_SWINGS:
            slots["repeats"] = ("several times", "a few times")
        if rate >= QUICK_SWINGS:
            slots["speed"] = ("quickly", "fast")
        elif hand.swings >= 2.5 and rate <= SLOW_SWINGS:
            slots["speed"] = ("slowly",)
    else:
        them = "them" if side == "both" else "it"
        if hand.hand_up_seconds >= HELD_SECONDS and hand.raises == 1:
            slots["hold"] = (f"and holds {them} there for a while",)
        elif 0 < hand.hand_up_seconds <= BRIEF_SECONDS:
            slots["hold"] = ("for a moment", "briefly")
        if hand.raises in _TIMES:
            slots["repeats"] = _TIMES[hand.raises]
    return {slot: phrases for slot, phrases in slots.items() if phrases}


def count_phrases(count: int) -> tuple[str, ...]:
    """How often, in words; none for once and for more than five times."""
    return _TIMES.get(count, ())


def _height(facts: MotionFacts, side: Side) -> tuple[str, ...]:
    height = limb(facts, side).hand_over_head
    if height >= OVER_HEAD:
        return HEIGHT_PHRASES["over"]
    if height >= HEAD_HIGH:
        return HEIGHT_PHRASES["head"]
    return HEIGHT_PHRASES["shoulder"] if height >= SHOULDER_HIGH else ()


def pick(options: Sequence[str], rng: np.random.Generator) -> str:
    """One of the options, each equally likely."""
    return options[int(rng.integers(len(options)))]
