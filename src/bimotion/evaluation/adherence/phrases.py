"""Actions that captions and timed phrases mention, by the names of the judges.

`lists/phrases.json` lists for each judge the words that assert its action and the words that hint at it. Recordings
whose captions assert it must be accepted; those whose captions do not even hint at it are counted as others.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True)
class Claim:
    """Patterns by which captions mention the action of a judge."""

    pattern: re.Pattern[str]
    """A phrase that asserts it."""
    hints: re.Pattern[str]
    """Words that make it likely."""


@cache
def claims() -> Mapping[str, Claim]:
    """The claims by judge; judges without one are sides or parts of others."""
    text = files("bimotion.evaluation.adherence").joinpath("lists/phrases.json").read_text("utf-8")
    table = json.loads(text)
    found = {}
    for name, claim in table["claims"].items():
        hints = re.sub(r"\{(\w+)\}", lambda match: table["words"][match[1]], claim["hints"])
        found[name] = Claim(re.compile(claim["says"]), re.compile(f"{hints}|{claim['says']}"))
    return found


def asserts(name: str, phrase: str) -> bool:
    """Whether a phrase asserts the action that a judge looks for."""
    return claims()[name].pattern.search(phrase.lower()) is not None


def may_hold(name: str, texts: Iterable[str]) -> bool:
    """Whether any of the texts hints at the action that a judge looks for."""
    return any(claims()[name].hints.search(text.lower()) for text in texts)
