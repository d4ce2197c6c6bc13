"""Criteria of a sentence: what it says of a motion that can be measured, each graded from 0 to 1.

Generated candidates are chosen by them (`inference.choice`). The rules read English; a sentence of which they know
nothing has no criteria. They are independent of the judges of `evaluation.adherence`.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from bimotion.captions import vocabulary
from bimotion.captions.facts import MotionFacts
from bimotion.inference.named_side import leftness, named_side
from bimotion.inference.request import MotionRequest
from bimotion.inference.traits import Traits

Grade = Callable[[Traits], float]


@dataclass(frozen=True)
class Criterion:
    """One thing that a sentence says."""

    name: str
    """What is measured."""
    grade: Grade
    """0 where a motion does not show it, 1 where it does; things that are more or less so lie between."""
    weight: float = 1.0
    """How much it counts."""
    is_action: bool = False
    """Whether it is what somebody does, not how."""


def ramp(value: float, low: float, high: float) -> float:
    """0 up to `low`, 1 from `high` on; `low` may be the larger one."""
    return min(max((value - low) / (high - low), 0.0), 1.0)


def more_than(value: float, typical: float) -> float:
    """0 to 1, 0.5 where a value is the typical one, 0.88 at twice and 0.12 at half of it."""
    return 1 / (1 + math.pow(typical / max(value, 1e-3 * typical), 2.9))


def _hands(facts: MotionFacts) -> tuple[float, float]:
    return facts.left.hand_over_shoulder, facts.right.hand_over_shoulder


def _turned(facts: MotionFacts) -> float:
    return facts.turn_most_left - facts.turn_most_right


def _walks(traits: Traits) -> float:
    facts = traits.facts
    return ramp(facts.path, 0.3, 1.0) * ramp(facts.speed, 2.4, 2.0) * ramp(facts.steps, 0, 2)


def _jumps(traits: Traits) -> float:
    return max(ramp(traits.facts.airborne, 0, 1), 0.7 * ramp(traits.flight, 0.06, 0.14))


def _kicks(traits: Traits) -> float:
    return ramp(max(traits.facts.left.foot_height, traits.facts.right.foot_height), 0.2, 0.5)


def _waves(traits: Traits) -> float:
    return max(
        ramp(limb.hand_over_shoulder, -0.25, 0.05) * (0.4 + 0.6 * ramp(limb.swings, 0, 2))
        for limb in (traits.facts.left, traits.facts.right)
    )


def _strikes(traits: Traits) -> float:
    return max(
        ramp(limb.hand_speed, 1.2, 3.0) * ramp(limb.hand_range, 0.2, 0.5)
        for limb in (traits.facts.left, traits.facts.right)
    )


def _sits_down(traits: Traits) -> float:
    return ramp(traits.end_height, 0.85, 0.65) * ramp(traits.start_height, 0.6, 0.85)


def _stands_up(traits: Traits) -> float:
    return ramp(traits.start_height, 0.9, 0.7) * ramp(traits.end_height, 0.75, 0.93)


def _sits_and_rises(traits: Traits) -> float:
    low = ramp(traits.facts.root_lowest, 0.85, 0.6)
    return low * ramp(traits.start_height, 0.6, 0.85) * ramp(traits.end_height, 0.7, 0.9)


def _hops(traits: Traits) -> float:
    return max(ramp(traits.facts.airborne, 0, 1), ramp(traits.flight, 0.03, 0.09))


def _stands_still(traits: Traits) -> float:
    facts = traits.facts
    hands = max(facts.left.hand_range, facts.right.hand_range)
    return ramp(facts.path, 0.5, 0.15) * ramp(hands, 0.5, 0.15) * ramp(_turned(facts), 60, 15)


def _low(high: float, low: float) -> Grade:
    return lambda traits: ramp(traits.facts.root_lowest, high, low)


_ACTIONS: tuple[tuple[str, str, Grade], ...] = (
    (
        "walk",
        r"walk\w*|stroll\w*|strid\w+|stride|march\w*|wander\w*|pac(?:es|ing)|saunter\w*|hik(?:es|ing)|trudg\w+|"
        r"limp\w*|sneak\w*|creep\w*|tiptoe\w*|shuffl\w+|stagger\w*|swagger\w*|prowl\w*|hobbl\w+|"
        r"(?:takes?|taking) (?:\w+ ){1,3}steps|steps (?:for|back|ahead|side|to)|sidesteps?",
        _walks,
    ),
    (
        "run",
        r"run|runs|running|jog\w*|sprint\w*|rac(?:es|ing)|dash\w*",
        lambda traits: ramp(traits.facts.speed, 1.1, 2.0),
    ),
    ("jump", r"jump\w*|leap\w*|bound\w*", _jumps),
    ("hop", r"hop|hops|hopping|skips?|skipping|bounc\w+", _hops),
    ("kick", r"kick\w*", _kicks),
    ("punch", r"punch\w*|jabs?|jabbing|box(?:es|ing)|uppercuts?|hooks?", _strikes),
    ("throw", r"throw\w*|toss\w*|hurl\w*|pitch(?:es|ing)|swings? (?:a|the|his|her)", _strikes),
    ("wave", r"wav(?:e|es|ing)|goodbye|hello|greet\w*", _waves),
    (
        "raise",
        r"(?:rais|lift)\w* (?:\w+ ){0,2}(?:hands?|arms?)|(?:hands?|arms?) (?:\w+ )?(?:up|raised|high)",
        lambda traits: ramp(max(_hands(traits.facts)), -0.15, 0.15),
    ),
    (
        "knee",
        r"(?:rais|lift)\w* (?:\w+ ){0,2}(?:knees?|legs?|foot|feet)|high knees",
        lambda traits: ramp(max(traits.facts.left.foot_height, traits.facts.right.foot_height), 0.1, 0.35),
    ),
    ("sit down", r"sits? down|sitting down|takes? a seat|sits|sit on", _sits_down),
    ("seated", r"seated|sitting(?! down)", _low(0.85, 0.65)),
    ("squat", r"squat\w*|crouch\w*|duck\w*|kneel\w*|hunker\w*|curts\w+|lung(?:e|es|ing)", _low(0.9, 0.7)),
    ("crawl", r"crawl\w*|hands and knees|all fours", _low(0.7, 0.5)),
    ("lie", r"l(?:ie|ies|ying)(?: down)?|falls?|falling|collaps\w+|push-?ups?", _low(0.6, 0.35)),
    ("stand up", r"(?:stand|get|jump|ris)\w* (?:back )?up|rises|gets? up|getting up", _stands_up),
    (
        "reach down",
        r"picks? (?:\w+ )*?up|picking (?:\w+ )*?up|to(?:uch\w*)? the floor|ties|tying|off the (?:floor|ground)",
        lambda traits: ramp(traits.hand_lowest, 0.65, 0.3),
    ),
    ("bend", r"bend(?:s|ing)?|bow(?:s|ing)?|stoop\w*", lambda traits: ramp(traits.facts.bend, 20, 45)),
    (
        "turn",
        r"turn(?:s|ing)?|spin(?:s|ning)?|twirl\w*|pivot\w*|rotat\w+|whirl\w*|pirouett\w+|about-face",
        lambda traits: ramp(_turned(traits.facts), 25, 70),
    ),
    (
        "circle",
        r"(?:in|round|around in) (?:a )?(?:\w+ )?circles?|circl(?:es|ing)",
        lambda traits: ramp(abs(traits.facts.travel_turn), 90, 270),
    ),
    (
        "carry",
        r"carr(?:y|ies|ying)|holds? (?:a|an|the|something|it)|holding (?:a|an|the|something)|push\w*|driv(?:es|ing)|"
        r"read(?:s|ing)?|typ(?:es|ing)|plays? (?:the )?(?:piano|drums)|chop\w*|stir\w*",
        lambda traits: ramp(traits.hands_in_front, 0.1, 0.5),
    ),
    (
        "reach low",
        r"(?:low|bottom) shelf|knee[- ]height|to(?:uch\w*)? (?:\w+ )?(?:toes|knees|ground)|ankles|"
        r"from the (?:floor|ground)",
        lambda traits: ramp(traits.hand_lowest, 0.8, 0.45),
    ),
    ("clap", r"clap\w*|applau\w+", lambda traits: ramp(traits.hands_closest, 0.4, 0.15)),
    (
        "overhead",
        r"overhead|(?:above|over) (?:\w+ )?heads?|up high|high up|in the air|(?:to|towards|at) the (?:sky|ceiling)|"
        r"top shelf|reach\w* up|shoots? (?:\w+ ){0,3}(?:hoop|basket)",
        lambda traits: ramp(
            max(traits.facts.left.hand_over_head, traits.facts.right.hand_over_head), -0.1, 0.15
        ),
    ),
    (
        "spread",
        r"arms (?:\w+ )?(?:spread|wide|outstretched|out to|to the sides?)|spread\w* (?:\w+ )?arms|t-pose|like a bird",
        lambda traits: ramp(traits.hands_apart, 0.8, 1.25),
    ),
    (
        "hand at the head",
        r"drink\w*|phone|salut\w*|scratch\w* (?:\w+ )?head|to (?:\w+ )?(?:mouth|ear|face|head|forehead)|"
        r"(?:comb|brush)\w* (?:\w+ )?(?:hair|teeth)",
        lambda traits: ramp(traits.hand_to_head, 0.45, 0.25),
    ),
    (
        "upside down",
        r"handstands?|cartwheels?|flips?|somersault\w*|headstands?|upside down",
        lambda traits: ramp(traits.inverted, -0.1, 0.2),
    ),
    (
        "one leg",
        r"on one (?:leg|foot)|on (?:the|his|her|their) (?:left|right) (?:leg|foot)|balanc\w+",
        lambda traits: ramp(traits.one_leg_seconds, 0.3, 1.2),
    ),
    ("climb", r"climb\w*|stairs|ladder", lambda traits: ramp(abs(traits.rise), 0.05, 0.3)),
    (
        "still",
        r"stands? (?:very |completely |perfectly )?(?:still|there)|motionless|waits?|does nothing|stays put|idle|"
        r"stops?|halts?|comes to a (?:stop|halt)|pauses?",
        _stands_still,
    ),
)
_COMPILED = tuple((name, re.compile(rf"\b(?:{words})\b"), grade) for name, words, grade in _ACTIONS)

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
_ON_THE_SPOT = re.compile(r"\b(?:in place|on the spot)\b")
_BOTH = re.compile(r"\bboth (?:\w+ )?(?:hands|arms|fists)\b|\bhands up\b|\barms (?:up|raised|overhead)\b")
_UP_AGAIN = re.compile(r"\b(?:up|rises|springing) (?:again|straight|back)|\b(?:straight|right|back) up\b")
_UPRIGHT = re.compile(r"\bupright\b")
_ONE_UP = re.compile(r"\b(left|right) (?:hand|arm) (?:\w+ )?(?:up|raised|high)\b")
_DEGREES = re.compile(r"\b(\d{2,3}) ?(?:°|degrees?)")
_ANGLES: tuple[tuple[str, float], ...] = (
    (r"\bquarter[- ]turn|\bquarter of a turn", 90.0),
    (r"\bhalf[- ]turn|\bturn\w* (?:half )?(?:around|round|back)|\babout-face|\bu-turn", 180.0),
    (r"\bfull (?:turn|circle|spin)|\b(?:whole|complete) turn|\ball the way around|\bonce around", 360.0),
    (r"\bslightly (?:to|turn)|\bturns? slightly|\bturns? a little", 40.0),
)
_TYPICAL_SPEED = {"walk": 0.95, "run": 2.4}
_LOCOMOTION = ("walk", "run", "circle")
_LOWERING = ("sit down", "squat", "stand up", "seated", "lie", "bend", "reach down")


def criteria_of(request: MotionRequest) -> tuple[Criterion, ...]:
    """What a sentence, or one phrase of it, says that can be measured."""
    text = request.prompt.lower()
    actions = {name: grade for name, pattern, grade in _COMPILED if pattern.search(text)}
    if {"sit down", "squat"} & set(actions) and ("stand up" in actions or _UP_AGAIN.search(text)):
        actions = {
            name: grade for name, grade in actions.items() if name not in ("sit down", "squat", "stand up")
        }
        actions["down and up"] = _sits_and_rises
    names = list(actions)
    found = [Criterion(name, grade, 2.0, is_action=True) for name, grade in actions.items()]
    found += _speed(text, names) + _amount(text, names) + _counts(request, names)
    found += _direction(text, names) + _angle(text, names) + _posture(text)
    side = _side(text)
    return tuple(found + ([side] if side else []))


def _side(text: str) -> Criterion | None:
    named = named_side(text)
    if named is None:
        return None
    part, sign = named
    scale = {"hand": 0.25, "leg": 0.15, "support": 0.15, "turn": 40.0, "step": 0.3}[part]
    return Criterion("side", lambda traits: ramp(sign * leftness(traits.facts, part), -scale, scale), 2.0)


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
        return lambda traits: more_than(_turned(traits.facts) / traits.facts.seconds, 50)
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
        "turn": lambda traits: more_than(_turned(traits.facts), 120),
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
    counted = _repeats(names)
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


def _repeats(names: list[str]) -> Grade | None:
    """How often a motion shows the action that comes first in the list; None where that is not counted."""
    counts: dict[str, Grade] = {
        "jump": lambda traits: traits.facts.airborne,
        "hop": lambda traits: traits.facts.airborne,
        "turn": lambda traits: _turned(traits.facts) / 360,
        "kick": lambda traits: traits.facts.left.kicks + traits.facts.right.kicks,
        "bend": lambda traits: traits.facts.bends,
        "squat": lambda traits: traits.facts.bends,
        "down and up": lambda traits: traits.facts.bends,
        "wave": lambda traits: max(traits.facts.left.swings, traits.facts.right.swings),
        "raise": lambda traits: max(traits.facts.left.raises, traits.facts.right.raises),
    }
    return next((counts[name] for name in counts if name in names), None)


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
    if _STRAIGHT.search(text) and set(names) & {"walk", "run"}:
        found.append(Criterion("straight", lambda traits: ramp(_turned(traits.facts), 70, 20)))
    return found


def _angle(text: str, names: list[str]) -> list[Criterion]:
    if "turn" not in names:
        return []
    degrees = _DEGREES.search(text)
    angle = float(degrees[1]) if degrees else next((a for p, a in _ANGLES if re.search(p, text)), None)
    if angle is None:
        return []

    def grade(traits: Traits) -> float:
        reached = max(abs(traits.facts.turn), traits.facts.turn_most_left, -traits.facts.turn_most_right)
        return ramp(abs(reached - angle), max(90.0, 0.6 * angle), 15.0)

    return [Criterion("angle", grade, 1.5)]


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
        found.append(Criterion("both hands", lambda traits: ramp(min(_hands(traits.facts)), -0.2, 0.1), 1.5))
    return found
