"""Measured amounts in words, true of any content: seconds, steps, turns, distances, heights and speed.

Few captions contain amounts. These phrases are added to captions in training, so that the model learns what numbers and
words for amounts mean. Ambiguous amounts are excluded by thresholds.
"""

import numpy as np

from bimotion.captions import phrases
from bimotion.captions.facts import MotionFacts
from bimotion.captions.phrases import pick
from bimotion.captions.vocabulary import NUMBER_WORDS

_TURNS = {
    45: ("about 45 degrees", "an eighth of a turn"),
    90: ("about 90 degrees", "a quarter turn", "a right angle"),
    135: ("about 135 degrees",),
    180: ("about 180 degrees", "half a turn", "halfway around"),
    270: ("about 270 degrees", "three quarters of a turn"),
    360: ("about 360 degrees", "a full turn", "all the way around"),
}
_TURN_TOLERANCE = 14.0
_WHOLE_SECONDS = 0.15


def number_word(number: int, rng: np.random.Generator) -> str:
    """A number as a word, or, every third time and above twelve, in digits."""
    return NUMBER_WORDS[number] if number < len(NUMBER_WORDS) and rng.random() < 0.67 else str(number)


def amounts(facts: MotionFacts, rng: np.random.Generator) -> dict[str, str]:
    """By what they measure, the phrases that are true of a window; each can follow a sentence after a comma."""
    found = {"seconds": _seconds(facts.seconds, rng)}
    moving = facts.path > 0.8 and facts.speed > 0.3
    if moving and facts.airborne == 0 and 2 <= facts.steps <= 14:
        count = number_word(facts.steps, rng)
        found["steps"] = pick((f"taking {count} steps", f"in {count} steps", f"{count} steps in all"), rng)
    for size, names in _TURNS.items():
        if abs(abs(facts.turn) - size) <= _TURN_TOLERANCE and _is_one_way(facts):
            side = "left" if facts.turn > 0 else "right"
            found["turn"] = f"turning {pick(names, rng)} to the {side}"
    found |= _travel(facts, rng) if moving else _direction(facts, rng)
    if facts.airborne:
        times = "once" if facts.airborne == 1 else f"{number_word(facts.airborne, rng)} times"
        found["jumps"] = f"leaving the ground {'twice' if facts.airborne == 2 else times}"
    found |= _body(facts, rng)
    return found


def add_amounts(caption: str, facts: MotionFacts, rng: np.random.Generator) -> str:
    """The caption with one amount or two after it."""
    found = amounts(facts, rng)
    chosen = rng.permutation(sorted(found))[: 1 + int(rng.random() < 0.35)]
    return ", ".join((caption.rstrip(" .!"), *(found[name] for name in chosen.tolist())))


def _seconds(seconds: float, rng: np.random.Generator) -> str:
    whole = round(seconds)
    if abs(seconds - whole) > _WHOLE_SECONDS or whole == 0:
        return f"for {seconds:.1f} seconds" if rng.random() < 0.5 else f"for about {max(whole, 1)} seconds"
    if whole == 1:
        return "for one second"
    return f"for {number_word(whole, rng)} seconds"


def _is_one_way(facts: MotionFacts) -> bool:
    """Whether the facing goes to one side only, so that its end says what was turned."""
    against = facts.turn_most_right if facts.turn > 0 else facts.turn_most_left
    beyond = facts.turn_most_left if facts.turn > 0 else facts.turn_most_right
    return abs(against) < 20 and abs(beyond - facts.turn) < 20


def _travel(facts: MotionFacts, rng: np.random.Generator) -> dict[str, str]:
    found = {}
    if facts.net > 0.8 and facts.net > 0.8 * facts.path:
        metres = round(2 * facts.net) / 2
        amount = number_word(int(metres), rng) if metres == int(metres) else f"{metres:.1f}"
        unit = "metre" if metres == 1 else "metres"
        found["distance"] = pick((f"covering about {amount} {unit}", f"about {amount} {unit} far"), rng)
    if facts.airborne == 0 and facts.speed < 0.7:
        found["speed"] = pick(
            ("slowly", "at a slow pace", "very slowly" if facts.speed < 0.45 else "slowly"), rng
        )
    elif facts.airborne == 0 and 1.5 < facts.speed < 2.2:
        found["speed"] = pick(("quickly", "at a fast pace", "briskly"), rng)
    elif facts.speed > phrases.FAST_RUN:
        found["speed"] = pick(("very fast", "at high speed"), rng)
    if facts.forward_share > 0.85 and abs(facts.turn) < 30:
        found["direction"] = pick(("straight ahead", "in a straight line", "forward"), rng)
    elif facts.forward_share < -0.7:
        found["direction"] = pick(("backward", "going backwards"), rng)
    elif abs(facts.leftward_share) > 0.7:
        found["direction"] = f"sideways to the {'left' if facts.leftward > 0 else 'right'}"
    return found


def _direction(facts: MotionFacts, rng: np.random.Generator) -> dict[str, str]:
    return (
        {"place": pick(("on the spot", "without moving away", "in place"), rng)} if facts.path < 0.35 else {}
    )


def _body(facts: MotionFacts, rng: np.random.Generator) -> dict[str, str]:
    found = {}
    up = {side: limb.hand_over_head > 0.1 for side, limb in (("left", facts.left), ("right", facts.right))}
    down = {
        side: limb.hand_over_shoulder < -0.2 for side, limb in (("left", facts.left), ("right", facts.right))
    }
    if all(up.values()):
        found["hands"] = pick(("raising both hands above the head", "with both hands above the head"), rng)
    for side, other in (("left", "right"), ("right", "left")):
        if up[side] and down[other]:
            found["hands"] = pick(
                (f"with the {side} hand above the head", f"raising the {side} hand above the head"), rng
            )
    if facts.root_lowest < 0.45:
        found["height"] = pick(("going all the way down", "going down low"), rng)
    elif 0.5 < facts.root_lowest < 0.7:
        found["height"] = pick(("with the hips halfway down", "bending the knees a lot"), rng)
    if facts.bend > 75 and facts.bend_forward > 0.2:
        found["lean"] = pick(("bending far forward", "leaning far over"), rng)
    elif facts.bend < 12:
        found["lean"] = pick(("keeping the back upright", "staying upright"), rng)
    return found
