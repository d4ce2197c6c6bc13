"""Criteria of actions: the words that name an action and what a motion must show of it."""

import re
from collections.abc import Sequence

from bimotion.inference.criterion import Criterion, Grade, hands_over_shoulders, ramp, turned
from bimotion.inference.traits import Traits


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
    return ramp(facts.path, 0.5, 0.15) * ramp(hands, 0.5, 0.15) * ramp(turned(facts), 60, 15)


def _dances(traits: Traits) -> float:
    """Hands that move, and a body that steps, turns or bounces."""
    facts = traits.facts
    body = max(ramp(facts.path / facts.seconds, 0.1, 0.4), ramp(traits.vertical_speed, 0.2, 0.6))
    return ramp(traits.hand_speed, 0.3, 0.9) * (0.3 + 0.7 * body)


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
    ("throw", r"throw(?:s|ing)?|toss\w*|hurl\w*|pitch(?:es|ing)|swings? (?:a|the|his|her)", _strikes),
    ("wave", r"wav(?:e|es|ing)|goodbye|hello|greet\w*", _waves),
    (
        "raise",
        r"(?:rais|lift)\w* (?:\w+ ){0,2}(?:hands?|arms?)|(?:hands?|arms?) (?:\w+ )?(?:up|raised|high)",
        lambda traits: ramp(max(hands_over_shoulders(traits.facts)), -0.15, 0.15),
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
    (
        "stand up",
        r"(?:stand|get|ris)\w* (?:back )?up|jump\w* (?:back )?up from|rises|gets? up|getting up",
        _stands_up,
    ),
    (
        "reach down",
        r"picks? (?:\w+ )*?up|picking (?:\w+ )*?up|to(?:uch\w*)? the floor|ties|tying|off the (?:floor|ground)",
        lambda traits: ramp(traits.hand_lowest, 0.65, 0.3),
    ),
    ("bend", r"bend(?:s|ing)?|bow(?:s|ing)?|stoop\w*", lambda traits: ramp(traits.facts.bend, 20, 45)),
    (
        "turn",
        r"turn(?:s|ing)?|spin(?:s|ning)?|twirl\w*|pivot\w*|rotat\w+|whirl\w*|pirouett\w+|about-face|"
        r"an? (?:180|270|360|540|720)",
        lambda traits: ramp(turned(traits.facts), 25, 70),
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
    ("dance", r"danc\w*|waltz\w*|salsa|ballet|tango|disco|breakdanc\w*|twerk\w*|moonwalk\w*", _dances),
    (
        "moving hands",
        r"point(?:s|ing)?|gestur\w+|gesticulat\w+|wip(?:e|es|ing)|wash\w*|scrub\w*|shak(?:e|es|ing)|juggl\w*|paint\w*|"
        r"swim\w*|stretch\w*|conduct\w*|swing(?:s|ing)? (?:\w+ ){0,2}arms?|flap\w*|row(?:s|ing)|dribbl\w*",
        lambda traits: ramp(max(traits.facts.left.hand_range, traits.facts.right.hand_range), 0.15, 0.5),
    ),
    ("climb", r"climb\w*|stairs|(?:down|up)stairs|ladder", lambda traits: ramp(abs(traits.rise), 0.05, 0.3)),
    (
        "still",
        r"stands? (?:very |completely |perfectly )?(?:still|there)|motionless|waits?|does nothing|stays put|idle|"
        r"stops?|halts?|comes to a (?:stop|halt)|pauses?",
        _stands_still,
    ),
)
_COMPILED = tuple((name, re.compile(rf"\b(?:{words})\b"), grade) for name, words, grade in _ACTIONS)
_HANDS = re.compile(r"\b(?:hands?|arms?|fists?|overhead|heads?|reach\w*|shoots?)\b")
_UP_AGAIN = re.compile(r"\b(?:up|rises|springing) (?:again|straight|back)|\b(?:straight|right|back) up\b")


def actions_of(text: str) -> list[Criterion]:
    """One criterion for each action that a sentence in lower case names."""
    actions = {name: grade for name, pattern, grade in _COMPILED if pattern.search(text)}
    if {"jump", "hop", "kick", "knee"} & set(actions) and not _HANDS.search(text):
        actions.pop("overhead", None)  # "jumps up high" says nothing of the hands
    if {"sit down", "squat"} & set(actions) and ("stand up" in actions or _UP_AGAIN.search(text)):
        actions = {
            name: grade for name, grade in actions.items() if name not in ("sit down", "squat", "stand up")
        }
        actions["down and up"] = _sits_and_rises
    return [Criterion(name, grade, 2.0, is_action=True) for name, grade in actions.items()]


def action_nearest(names: Sequence[str], text: str, end: int) -> str | None:
    """The action among `names` that a text in lower case names last before a position, else the one it names first."""
    positions = {
        name: [match.start() for match in pattern.finditer(text)]
        for name, pattern, _ in _COMPILED
        if name in names or ("down and up" in names and name in ("sit down", "squat", "stand up"))
    }
    found = sorted(
        (start, name if name in names else "down and up")
        for name, starts in positions.items()
        for start in starts
    )
    before = [name for start, name in found if start < end]
    return before[-1] if before else next((name for _, name in found), None)
