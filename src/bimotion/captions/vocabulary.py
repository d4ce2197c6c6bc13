"""Words of captions as patterns: the one table from which contents, sides and claims are recognised.

Each entry is an alternation without groups that capture, to be used inside word boundaries. `content_of` (mentions)
names what a caption is about, `false_claims` (claims) checks what it asserts, `named_side` and `criteria_of`
(inference) what a sentence demands; where several look for the same thing they use the same entry.
"""

CLOCKWISE = r"(?:(?:counter|anti)[- ]?)?clockwise"
SIDE = rf"left|right|leftwards?|rightwards?|{CLOCKWISE}"
RIGHTWARD = r"right|rightwards?|clockwise"
UPPER_LIMB = r"hand|arm|fist|elbow|wrist|palm|shoulder|forearm"
LOWER_LIMB = r"leg|foot|feet|knee|heel|toe|thigh"
ARMS = r"hands|arms|palms|forearms"
ARM = rf"{ARMS}|hand|arm|palm|forearm"
LEG = r"leg|foot|kick"
OWNER = r"the|their|his|her"
"""Words before a side or a part of the body."""

BACKWARD = r"backwards?|backs up|steps back"
FORWARD = r"forwards?|ahead"
STRAIGHT = r"in a straight line|straight ahead"
CIRCLE = r"in a circle|in a loop"
TURN = r"turn(?:s|ing)?"

JUMP = r"jump\w*|hop(?:s|ping)|leap\w*"
KICK = r"kick\w*"
STROLL = r"stroll\w*"
JOG = r"jog\w*"
SPRINT = r"sprint\w*"
HURRY = r"dash\w*|rush\w*|hurr(?:y|ies|ying)"

SLOW = r"slow\w*|leisurely|unhurried\w*|sluggish\w*|shuffl\w*|dragging|tiny|dignified"
FAST = r"brisk\w*|quick\w*|fast|hurried|at full speed"

SEVERAL_TIMES = r"several times|a few times"
THEN = r"then|afterwards|after that|followed by"
"""Words between actions that follow each other."""

MANY_TIMES = r"many times|repeatedly"

NUMBER_WORDS = (
    *("zero", "one", "two", "three", "four", "five", "six"),
    *("seven", "eight", "nine", "ten", "eleven", "twelve"),
)
"""Whole numbers from 0 on."""
