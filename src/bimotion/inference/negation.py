"""The positive part of a sentence, without what it excludes.

Text-to-motion networks react to the words of a sentence, negated or not: "raises the right hand without moving the
left" names both hands. The rules are for English; other sentences stay unchanged.
"""

import re

STANDING = "stands still"
"""The positive part of a sentence that only excludes."""

_CLAUSE_END = r"(?=[,;.!?]|\b(?:and then|then|but|while|before|after|until|as)\b|$)"
_NOT = (
    r"(?:(?:does|do|did|is|are|will|must|should|can) not|cannot|never|"
    r"(?:doesn|don|didn|isn|aren|can|won|mustn|shouldn)['\u2019]?t)"
)
_THE = r"(?:the|his|her|their|your|my)"
_PRONOUN = r"(?:he|she|they|it)"
_LIMB = r"(?P<side>left|right) (?P<limb>hand|arm|leg|foot)"
_OTHER = {"left": "right", "right": "left"}

_NOT_ONLY = re.compile(r"\bnot only\b\s*(?P<first>.*?),?\s*\bbut (?:also )?", re.IGNORECASE)
_NOT_WITH_THIS_LIMB = re.compile(rf"\b{_NOT} use {_THE} {_LIMB} (?:to|for) (?P<verb>[a-z]+)\b", re.IGNORECASE)
_NOT_DEGREE = re.compile(
    r"\b(?:is |are )?not (?:very |too |so |that |all that )?"
    r"(?P<word>fast|quick|quickly|slow|slowly|high|far|hard|loudly)\b",
    re.IGNORECASE,
)
_OPPOSITE = {
    "fast": "slowly",
    "quick": "slowly",
    "quickly": "slowly",
    "slow": "quickly",
    "slowly": "quickly",
    "high": "low",
    "far": "a short way",
    "hard": "gently",
    "loudly": "quietly",
}
_EXCLUDED = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # "without moving the left", "without a pause", "instead of the right"
        r",?\s*\b(?:but |and )?(?:without|with no|instead of|rather than|except(?: for)?)\b "
        rf"(?P<what>.*?){_CLAUSE_END}",
        # "the left hand does not move", "while his other arm isn't raised"
        rf",?\s*\b(?:while |and |but |with )?{_THE} "
        rf"(?P<what>(?:left|right|other)(?: (?:hand|arm|leg|foot|one))?) {_NOT} [^,;.]*",
        # "he does not walk, he runs": the clause goes, the one after it stays
        rf"(?:^|(?<=[,;.] ))(?:{_PRONOUN}|the \w+|an? \w+) {_NOT} (?P<what>[^,;.]*?)"
        rf"(?:[,;.]| but(?: rather| instead)?)\s*(?={_PRONOUN} )",
        # "walks but does not wave", "never jumps", "doesn't wave but bows"
        rf",?\s*\b(?:but |and |or |who |that |which )?(?:{_PRONOUN} )?{_NOT} (?P<what>.*?)"
        rf"(?:{_CLAUSE_END}|(?=\band (?:[a-z]+s)\b))",
        # "to the left, not to the right", "neither jumps nor hops"
        rf",?\s*\b(?:but |and )?(?:not|nor|no longer|neither)\b (?P<what>.*?)(?:{_CLAUSE_END}|(?=\bnor\b))",
        # "avoids kicking and punches", "refuses to wave"
        rf",?\s*\b(?:and |but |or |who )?(?:avoids?|avoiding|refus(?:es?|ing) to|fails? to|declin(?:es?|ing) to) "
        rf"(?P<what>.*?)(?:{_CLAUSE_END}|(?=\band (?:[a-z]+s)\b))",
        # "no jumping, only walking"
        r",?\s*\b(?:and |but |with )?no (?P<what>[a-z]+ing|[a-z]+ (?:movement|motion)s?)\b",
        # "while the left hand stays still", ", his left arm remaining at his side"
        r"(?:,\s*|\s+)(?:(?:while|and|but|with|as)\b ?)?(?:(?:keeping|holding|leaving) )?"
        rf"(?:{_THE} )?(?:other )?(?P<what>(?:left|right)(?: (?:hand|arm|leg|foot|one))?)"
        r"(?: (?:stays|remains|staying|remaining|is|hangs|hanging|kept|keeps))? "
        rf"(?:still|down|motionless|unmoved|relaxed|at {_THE} side|where it is|on the (?:ground|floor))"
        r"\b",
    )
)
_SUBJECTS = re.compile(
    r"(?:person|(?:wo)?man|some(?:one|body)|figure|character|human|boy|girl|child|he|she|they|it|people|guy|"
    r"individual|dancer|player|actor|lady|kid)",
    re.IGNORECASE,
)


def positive_part(text: str) -> tuple[str, tuple[str, ...]]:
    """A sentence without what it excludes, and the excluded phrases.

    "not fast" becomes "slowly"; a sentence of which nothing is left becomes one of standing still.
    """
    rest = _NOT_ONLY.sub(lambda match: f"{match['first']} and ", text)
    excluded: list[str] = []

    def other_limb(match: re.Match[str]) -> str:
        excluded.append(f"{match['side']} {match['limb']}".lower())
        return f"{_third_person(match['verb'])} with the {_OTHER[match['side'].lower()]} {match['limb']}"

    def drop(match: re.Match[str]) -> str:
        excluded.append(" ".join(match["what"].split()))
        return " "

    rest = _NOT_WITH_THIS_LIMB.sub(other_limb, rest)
    rest = _NOT_DEGREE.sub(lambda match: _OPPOSITE[match["word"].lower()], rest)
    for pattern in _EXCLUDED:
        rest = pattern.sub(drop, rest)
    return (_tidy_sentence(rest) if excluded else rest), tuple(phrase for phrase in excluded if phrase)


def _tidy_sentence(rest: str) -> str:
    """A complete sentence after the removal of phrases: no stray commas and conjunctions, one subject, an action."""
    for pattern, replacement in (
        (r"\s+", " "),
        (r"\s+([,.;!?])", r"\1"),
        (r"([,;.])(?:\s*[,;.])+", r"\1"),
        (r"^\s*(?:[,;.]|(?:and|but|then|just|only)\b)\s*", ""),
        (r"(?:[,;]|\b(?:and|but|while|then|who|that|with|or|nor))[\s.]*$", ""),
        (r"^(?P<subject>(?:an?|the) [a-z]+|someone|somebody),? (?:he|she|but|and) ", r"\g<subject> "),
        (r"^(?:he|she),? ", "a person "),
        (r"^they are ", "a person is "),
    ):
        rest = re.sub(pattern, replacement, rest.strip(), flags=re.IGNORECASE)
    rest = rest.strip()
    if not any(character.isalnum() for character in rest):
        return f"a person {STANDING}"
    words = rest.rstrip(".,!").split()
    if len(words) <= 3 and _SUBJECTS.fullmatch(words[-1]):
        return f"{' '.join(words)} {STANDING}"
    return rest


def _third_person(verb: str) -> str:
    return verb + ("es" if verb.endswith(("s", "sh", "ch", "x", "o")) else "s")
