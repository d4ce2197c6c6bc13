"""The content and side that a caption mentions, found by rules; and the side that a motion measurably shows."""

import re
from functools import cache

from bimotion.captions import vocabulary
from bimotion.captions.claims import false_claims
from bimotion.captions.contents import OTHER, Side
from bimotion.captions.facts import MotionFacts
from bimotion.captions.grammar import CaptionGrammar
from bimotion.captions.phrases import Gait
from bimotion.captions.sides import busier_hand, kicking_foot, moving_hand, raised_hand, turning_side

_ARM = rf"(?:{vocabulary.ARM})"
_ONE = r"(?:the|a|an|their|his|her|its|your|my|one|both|up|left|right)"

# The first rule that fits decides: rules for actions come before those for the walking and turning within them.
_RULES: tuple[tuple[str, str], ...] = (
    ("signals", r"\b(referee|umpire|traffic|signals?|signall?ing|vehicles|cars)\b"),
    (
        "basketball",
        r"\b(basketball|dribbl\w*|bounc\w+ (?:a|the|it)\b|bounc\w+ .*ball|hoop|(?:shoots|shot) .*basket)",
    ),
    ("soccer", r"\b(soccer|football|kick\w* .*\bball|goal|ball)\b"),
    ("salsa", r"\b(salsa|latin|mambo|rumba|cha-?cha)\b"),
    ("indian-dance", r"\b(indian|india|bharatanatyam|kathak|bollywood)\b"),
    ("sword", r"\b(sword\w*|slash\w*|blade|katana|sab(?:re|er)|fenc(?:es|ing))\b"),
    ("kick", r"\bmartial arts kicks\b"),
    ("martial", r"\b(martial|karate|kung[- ]?fu|taekwondo|kata)\b|punch\w* and kick|kick\w* and punch"),
    ("kick", rf"\b(?:{vocabulary.KICK})\b"),
    ("punch", r"\b(punch\w*|jabs?|jabbing|box(?:es|ing)|fist|hooks?|uppercuts?|strikes?|striking)\b"),
    ("dance", r"\b(danc\w*|ballet|ballerina|pirouettes?|arabesque|waltz\w*)\b"),
    (
        "scoop",
        r"\b(scoop\w*|picks? (?:something|it) up|picking something up)\b|bends? (?:down|over).*(?:reach|rises)",
    ),
    ("wash", r"\b(wash\w*|wip(?:es|ing)|scrub\w*|clean\w*|polish\w*|rubs?|rubbing|shower)\b"),
    ("climb", r"\bclimb\w*\b"),
    ("jump", rf"\b(?:{vocabulary.JUMP}|skips|skipping|springs?)\b"),
    ("respond", r"\b(respond\w*|repl(?:y|ies)|answer\w*)\b"),
    ("call", r"\b(shout\w*|yell\w*|call(?:s|ing)?|cups|mouth)\b"),
    ("bow", r"\b(bow(?:s|ing)?|bends? (?:far )?forward|curts\w*)\b"),
    ("guide", r"\b(guid\w*|the way|invit\w*|usher\w*|motions ahead|come along|show\w* someone|welcom\w*)\b"),
    ("wave", r"\b(wav(?:e|es|ing|ed)|(?:good)?bye|greet\w*|hello|hi|farewell)\b"),
    ("walk-side", r"\b(sideways|side-?steps?|sidestepping|diagonal\w*|at an angle|drift\w*|straf\w*)\b"),
    ("walk-side", r"\bto the (?:left|right) side\b|\bforward and to the (?:left|right)\b"),
    ("walk", r"\b(uneven|bumpy)\b"),
    (
        "turn",
        rf"\b(?:{vocabulary.TURN}|turned|circles?|loop|paces|pivots?|u-turn|rotates?|and returns|back and forth)\b",
    ),
    ("respond", rf"\b(?:holds|lifts) the (?:left|right) {_ARM} up high and (?:holds|then brings)"),
    (
        "raise",
        rf"\b(?:rais|lift)\w* {_ONE}\b|\b(?:put|throw|stretch|reach|hold)\w* .*\b{_ARM}\b.*\bup\b|\b{_ARM} up\b",
    ),
    ("walk-back", rf"\b(?:{vocabulary.BACKWARD}|step back|backing|in reverse|retreats?)\b"),
    (
        "run",
        rf"\b(?:run(?:s|ning)?|races|racing|{vocabulary.JOG}|{vocabulary.SPRINT}|{vocabulary.HURRY})\b",
    ),
    (
        "walk",
        rf"\b(?:walk\w*|{vocabulary.STROLL}|steps?|stepping|strides?|marches|wanders)\b|\bmoves (?:forward|ahead)\b",
    ),
)
_COMPILED = tuple((content, re.compile(pattern)) for content, pattern in _RULES)

# `verbs_nowave` of `bye`: only their words distinguish them from raised hands
_SMALL_WAVES = re.compile(r"holds up the (?:left|right) hand briefly|hands up and lowers them")
_SIDE = re.compile(r"(?<!energy )\b(left|right)\b(?! (?:angle|away|now)s?\b)")
_HANDS = ("wave", "raise", "respond", "guide")
_DANCE_STYLES = re.compile(r"\b(?:as if|like|with)\b[^,.]*\b(?:danc|music|stage)[\w-]*[^,.]*")


def content_of(caption: str) -> str | None:
    """The content group that a caption names; None where no rule fits."""
    text = _without_styles(caption)
    if _SMALL_WAVES.search(text):
        return "wave"
    return next((content for content, rule in _COMPILED if rule.search(text)), None)


def side_of(caption: str) -> Side:
    """The side that a caption names; `both` only of hands that wave, rise or guide; `none` where it names no side, or
    both.
    """
    named = set(_SIDE.findall(caption.lower()))
    if len(named) == 1:
        return "left" if "left" in named else "right"
    if not named and content_of(caption) in _HANDS and re.search(r"\b(?:both|two)\b", caption.lower()):
        return "both"
    return "none"


def can_show_side(caption: str) -> bool:
    """Whether the side that a caption names can be measured; it cannot for a turn followed by a turn-around."""
    return side_of(caption) != "none" and not ("turns around" in caption or "to turn around" in caption)


def shown_side(caption: str, content: str, facts: MotionFacts) -> Side:
    """The side that a motion shows of what the caption names, by measured facts; `none` where it shows neither."""
    if content in _HANDS:
        hand = moving_hand(facts)
        if content == "guide" and hand in ("both", "none"):
            return busier_hand(facts)
        return raised_hand(facts) if hand == "none" and content == "wave" else hand
    if content == "call":
        longer = facts.left.hand_up_seconds - facts.right.hand_up_seconds
        return turning_side(longer) if abs(longer) >= 0.3 else "none"
    if content == "walk-side":
        return turning_side(facts.leftward) if abs(facts.leftward_share) > 0.1 else "none"
    if content in ("kick", "soccer"):
        return kicking_foot(facts)
    if content in ("walk", "turn", "run") or "turn" in caption:
        course = re.search(r"\b(?:curv\w*|circles?|loop)\b", caption) is not None
        degrees = facts.travel_turn if course else facts.turn
        least = 5.0 if "slightly" in caption else 15.0 if content == "walk" else 30.0
        return turning_side(degrees) if abs(degrees) >= least else "none"
    return busier_hand(facts)


def gait_of(content: str | None) -> Gait:
    """How the body moves along in a content group."""
    if content in ("walk", "walk-back", "walk-side", "turn"):
        return "walk"
    return "run" if content == "run" else "none"


def is_contradicted(caption: str, facts: MotionFacts) -> bool:
    """Whether measured facts contradict something that a caption says of a window."""
    content = content_of(caption)
    return bool(false_claims(caption.lower(), facts, content or OTHER, gait_of(content)))


@cache
def _style_words() -> re.Pattern[str]:
    phrases = {
        phrase
        for style in CaptionGrammar.load()._styles.values()
        for key, several in style.items()
        if not key.endswith("note")
        for phrase in several
    }
    longest = sorted(phrases, key=len, reverse=True)
    return re.compile("|".join(rf"\b{re.escape(phrase)}(?!\w)" for phrase in longest))


def _without_styles(caption: str) -> str:
    return _DANCE_STYLES.sub(" ", _style_words().sub(" ", caption.lower()))
