"""Criteria of a sentence: what it says of a motion that can be measured, each graded from 0 to 1.

Generated candidates are chosen by them (`inference.choice`). The rules cover English; a sentence without
known words has no criteria. They are independent of the judges of `evaluation.adherence`. Actions have a table of their
own (`action_criteria`); here is how an action is done: side, speed, size, counts, direction, angle and posture.
"""

import math
import re
from collections.abc import Callable

from bimotion.captions import vocabulary
from bimotion.captions.contents import Side
from bimotion.captions.facts import LimbFacts
from bimotion.captions.sides import limb
from bimotion.inference.action_criteria import action_nearest, actions_of
from bimotion.inference.criterion import Criterion, Grade, hands_over_shoulders, more_than, ramp, turned
from bimotion.inference.named_side import leftness
from bimotion.inference.request import TIMES, MotionRequest
from bimotion.inference.side_criteria import side_criteria
from bimotion.inference.traits import Traits

_SLOW = re.compile(
    rf"\b(?:{vocabulary.SLOW}|lazy|lazily|gentl\w+|gently|calm\w*|strolls?|tak\w+ (?:his|her|their) time|tired\w*|"
    r"weary|wearily|exhausted|careful\w*|cautious\w*|old|elderly|gradual\w*|plods?|plodding|trudg\w+)\b"
)
_FAST = re.compile(
    rf"\b(?:{vocabulary.FAST}|{vocabulary.SPRINT}|{vocabulary.HURRY}|rapid\w*|swift\w*|lightning|flurry|energetic\w*|"
    r"vigorous\w*|sudden\w*|full speed|top speed|furious\w*|frantic\w*|spring(?:s|ing))\b"
)
_LARGE = re.compile(
    r"\b(?:big|large|huge|wide|wid?ely|broad|long|far|deep\w*|high|higher|great|giant|full|tall|way down|"
    r"as (?:high|far|low) as)\b"
)
_SMALL = re.compile(r"\b(?:small|little|tiny|short|slight\w*|narrow|barely|a bit|tiniest|low kick|just)\b")
_BRIEF = re.compile(r"\b(?:brief\w*|for a moment|for a second|short(?:ly| while))\b")
_LASTING = re.compile(
    r"\b(?:for a long time|long while|keeps? \w+ing|on and on|for (?:quite )?a while|endless\w*)\b"
)
_LEAN = re.compile(
    r"\b(?:lean|tilt|bend|sway)\w* (?:\w+ ){0,2}?(forwards?|back(?:wards?)?|(?:to (?:the|his|her) )?(left|right))\b"
)
_BACK = re.compile(rf"\b(?:{vocabulary.BACKWARD}|backs away|backing|in reverse|retreat\w*)\b")
_AHEAD = re.compile(rf"\b(?:{vocabulary.FORWARD})\b")
_STRAIGHT = re.compile(rf"\b(?:{vocabulary.STRAIGHT}|straight)\b")
_UPWARD = re.compile(r"\b(?:up|upwards?|upstairs|ascend\w*)\b")
_DOWNWARD = re.compile(r"\b(?:down|downwards?|downstairs|descend\w*)\b")
_ON_THE_SPOT = re.compile(r"\b(?:in place|on the spot)\b")
_BOTH = re.compile(r"\bboth (?:\w+ )?(?:hands|arms|fists)\b|\bhands up\b|\barms (?:up|raised|overhead)\b")
_UPRIGHT = re.compile(r"\bupright\b")
_ONE_UP = re.compile(r"\b(left|right) (?:hand|arm) (?:\w+ )?(?:up|raised|high)\b")
_DEGREES = re.compile(
    r"\b(\d{2,3})(?: ?°|[ -]?deg(?:rees?)?\b|[ -](?:turn|spin)\b)|\b(?:an?|his|her) (180|270|360|540|720)\b"
)
_ANGLES: tuple[tuple[str, float], ...] = (
    (r"\bquarter[- ]turn|\bquarter of a turn", 90.0),
    (r"\bhalf[- ]turn|\bturn\w* (?:half )?(?:around|round|back)|\babout-face|\bu-turn", 180.0),
    (r"\bfull (?:turn|circle|spin)|\b(?:whole|complete) turn|\ball the way around|\bonce around", 360.0),
    (r"\bslightly (?:to|turn)|\bturns? slightly|\bturns? a little", 40.0),
)
_TYPICAL_SPEED = {"walk": 0.95, "run": 2.4}
_GOES_ON = ("walk", "dance", "crawl", "moving hands", "climb", "carry", "circle", "seated", "still")
"""Actions that nobody asks for to see a second of them."""

_LOCOMOTION = ("walk", "run", "circle")
_LOWERING = ("sit down", "squat", "stand up", "seated", "lie", "bend", "reach down")


def criteria_of(request: MotionRequest) -> tuple[Criterion, ...]:
    """What a sentence, or one phrase of it, says that can be measured."""
    text = request.prompt.lower()
    found = actions_of(text)
    names = [criterion.name for criterion in found]
    found += _speed(text, names) + _amount(text, names) + _counts(request, names)
    found += _direction(text, names) + _angle(text, names) + _posture(text)
    return tuple(found + side_criteria(request, names))


def _speed(text: str, names: list[str]) -> list[Criterion]:
    slow, fast = bool(_SLOW.search(text)), bool(_FAST.search(text))
    if slow == fast:
        return []
    grade = _speed_grade(names)
    if slow:
        return [Criterion("slow", lambda traits: 1 - grade(traits), 1.5)]
    return [Criterion("fast", grade, 1.5)]


def _speed_grade(names: list[str]) -> Grade:
    for name in _LOCOMOTION:
        if name in names:
            return lambda traits: more_than(traits.facts.speed, _TYPICAL_SPEED.get(name, 0.95))
    if "turn" in names:
        return lambda traits: more_than(turned(traits.facts) / traits.facts.seconds, 50)
    if any(name in names for name in _LOWERING):
        return lambda traits: more_than(traits.vertical_speed, 0.8)
    if names:
        return lambda traits: more_than(_hand_pace(traits), 1.0)
    return lambda traits: more_than(traits.facts.speed + _hand_pace(traits), 1.2)


def _hand_pace(traits: Traits) -> float:
    peak = max(traits.facts.left.hand_speed, traits.facts.right.hand_speed)
    return math.sqrt(max(traits.hand_speed, 1e-3) * max(peak, 1e-3) / 3)


def _amount(text: str, names: list[str]) -> list[Criterion]:
    found = []
    large, small = bool(_LARGE.search(text)), bool(_SMALL.search(text))
    if large != small:
        grade = _size_grade(text, names)
        if grade is not None:
            found.append(Criterion("large" if large else "small", _graded(grade, large), 1.5))
    brief, lasting = bool(_BRIEF.search(text)), bool(_LASTING.search(text))
    if brief != lasting:
        found.append(
            Criterion("length", _graded(lambda traits: more_than(traits.facts.seconds, 4), lasting), 1.5)
        )
    return found


def _graded(grade: Grade, large: bool) -> Grade:
    return grade if large else lambda traits: 1 - grade(traits)


def _size_grade(text: str, names: list[str]) -> Grade | None:
    """How large a motion of some action is, against what is typical."""
    if re.search(r"\bsteps?\b|\bstrides?\b|\bstriding\b", text):
        return lambda traits: more_than(traits.facts.path / max(traits.facts.steps, 1), 0.55)
    sizes: dict[str, Grade] = {
        "hop": lambda traits: more_than(traits.flight, 0.1),
        "jump": lambda traits: more_than(max(traits.flight, 0.3 * traits.facts.net * ("far" in text)), 0.2),
        "kick": lambda traits: more_than(
            max(traits.facts.left.foot_height, traits.facts.right.foot_height), 0.6
        ),
        "knee": lambda traits: more_than(
            max(traits.facts.left.foot_height, traits.facts.right.foot_height), 0.35
        ),
        "turn": lambda traits: more_than(turned(traits.facts), 120),
        "walk": lambda traits: more_than(traits.facts.net, 2.0),
        "run": lambda traits: more_than(traits.facts.net, 4.0),
        "squat": lambda traits: 1 - more_than(traits.facts.root_lowest, 0.65),
        "bend": lambda traits: more_than(traits.facts.bend, 45),
    }
    grade = next((sizes[name] for name in sizes if name in names), None)
    if grade is None and names:
        return lambda traits: more_than(max(traits.facts.left.hand_range, traits.facts.right.hand_range), 0.7)
    return grade


def _counts(request: MotionRequest, names: list[str]) -> list[Criterion]:
    found = []
    if request.steps is not None:
        found.append(_close("steps", lambda traits: traits.facts.steps, request.steps))
    if request.metres is not None:
        found.append(_close("metres", lambda traits: traits.facts.path, request.metres))
    if request.seconds is not None:
        found.append(_close("seconds", lambda traits: traits.facts.seconds, request.seconds))
    elif set(names) & set(_GOES_ON) and request.steps is None and not _BRIEF.search(request.prompt.lower()):
        found.append(Criterion("seconds", lambda traits: ramp(traits.facts.seconds, 1.0, 3.0)))
    counted = _repeats(_counted_action(request.prompt.lower(), names), request.side)
    if counted is not None and "step" not in request.prompt:
        times = request.times
        if times is None and re.search(
            r"\b(?:a|one|single) (?:\w+ )?(?:jump|hop|kick|punch|bow|leap)\b", request.prompt
        ):
            times = 1
        if times is not None:
            found.append(_close("times", counted, times))
        elif re.search(
            rf"\b(?:{vocabulary.MANY_TIMES}|{vocabulary.SEVERAL_TIMES}|again and again)\b", request.prompt
        ):
            found.append(Criterion("times", lambda traits: ramp(counted(traits), 1, 3), 1.5))
    return found


def _counted_action(text: str, names: list[str]) -> str | None:
    """The action that a sentence counts: the one named last before the number, else the first; None without any.

    A turn by an angle is counted by its angle.
    """
    times = TIMES.search(text)
    found = action_nearest(names, text, len(text) if times is None else times.start())
    return None if found == "turn" and _degrees(text) else found


def _repeats(action: str | None, side: Side) -> Grade | None:
    """How often a motion shows an action; None where that is not counted."""

    def most(count: Callable[[LimbFacts], float]) -> Grade:
        if side == "none":
            return lambda traits: max(count(traits.facts.left), count(traits.facts.right))
        return lambda traits: count(limb(traits.facts, side))

    counts: dict[str, Grade] = {
        "jump": lambda traits: traits.facts.airborne,
        "hop": lambda traits: traits.facts.airborne,
        "turn": lambda traits: turned(traits.facts) / 360,
        "kick": (lambda traits: traits.facts.left.kicks + traits.facts.right.kicks)
        if side == "none"
        else most(lambda each: each.kicks),
        "bend": lambda traits: traits.facts.bends,
        "squat": lambda traits: traits.dips,
        "down and up": lambda traits: traits.dips,
        "wave": most(lambda each: each.swings),
        "raise": most(lambda each: each.raises),
        "clap": lambda traits: traits.claps,
    }
    return None if action is None else counts.get(action)


def _close(name: str, measure: Grade, value: float) -> Criterion:
    return Criterion(
        name, lambda traits: math.exp(-2.5 * abs(math.log((measure(traits) + 0.3) / (value + 0.3)))), 1.5
    )


def _direction(text: str, names: list[str]) -> list[Criterion]:
    found = []
    if _ON_THE_SPOT.search(text):
        found.append(Criterion("in place", lambda traits: ramp(traits.facts.net, 1.0, 0.2), 2.0))
    elif set(names) & {"walk", "run", "jump", "crawl"} or not names:
        back, ahead = bool(_BACK.search(text)), bool(_AHEAD.search(text))
        if back and not ahead:
            found.append(Criterion("backward", lambda traits: ramp(traits.facts.forward, 0.1, -0.6), 2.0))
        elif ahead and not back:
            found.append(Criterion("forward", lambda traits: ramp(traits.facts.forward, -0.1, 0.5), 1.0))
    up, down = bool(_UPWARD.search(text)), bool(_DOWNWARD.search(text))
    if "climb" in names and up != down:
        sign = 1 if up else -1
        name = "upward" if up else "downward"
        found.append(Criterion(name, lambda traits: ramp(sign * traits.rise, 0.0, 0.3), 1.5))
    if _STRAIGHT.search(text) and set(names) & {"walk", "run"}:
        found.append(Criterion("straight", lambda traits: ramp(turned(traits.facts), 70, 20)))
    return found


def _angle(text: str, names: list[str]) -> list[Criterion]:
    if "turn" not in names:
        return []
    angle = _degrees(text)
    if angle is None and not (TIMES.search(text) and _counted_action(text, names) == "turn"):
        # "turns around twice" is two full turns
        angle = next((a for p, a in _ANGLES if re.search(p, text)), None)
    if angle is None:
        return []

    def grade(traits: Traits) -> float:
        reached = max(abs(traits.facts.turn), traits.facts.turn_most_left, -traits.facts.turn_most_right)
        return ramp(abs(reached - angle), max(90.0, 0.6 * angle), 15.0)

    return [Criterion("angle", grade, 1.5)]


def _degrees(text: str) -> float | None:
    """The degrees that a sentence names."""
    match = _DEGREES.search(text)
    return float(match[1] or match[2]) if match else None


def _posture(text: str) -> list[Criterion]:
    found = []
    lean = _LEAN.search(text)
    if lean:
        way = lean[2] or ("back" if lean[1].startswith("back") else "forward")
        names: dict[str, Grade] = {
            "left": lambda traits: ramp(traits.lean_left - 0.5 * traits.lean_right, 5, 20),
            "right": lambda traits: ramp(traits.lean_right - 0.5 * traits.lean_left, 5, 20),
            "back": lambda traits: ramp(traits.lean_back, 2, 15),
            "forward": lambda traits: ramp(traits.lean_forward, 0, 35),
        }
        found.append(Criterion(f"lean {way}", names[way], 1.5))
    if _UPRIGHT.search(text):
        found.append(Criterion("upright", lambda traits: ramp(traits.lean_forward, 25, 5)))
    up = _ONE_UP.search(text)
    if up:
        sign = 1 if up[1] == "left" else -1
        found.append(
            Criterion("hand up", lambda traits: ramp(sign * leftness(traits.facts, "hand"), -0.25, 0.25), 2.0)
        )
    if _BOTH.search(text):
        found.append(Criterion("both hands", _both_hands_up, 1.5))
    return found


def _both_hands_up(traits: Traits) -> float:
    return ramp(min(hands_over_shoulders(traits.facts)), -0.2, 0.1)
