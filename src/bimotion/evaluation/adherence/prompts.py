"""The prompt lists: contrasts, requests, two actions in a row, sides."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from bimotion.errors import DataError
from bimotion.evaluation.adherence.activities import ACTIVITIES
from bimotion.evaluation.adherence.judges import JUDGES
from bimotion.evaluation.adherence.measures import MEASURES
from bimotion.evaluation.adherence.rules import parse_rule


@dataclass(frozen=True)
class Contrast:
    """Two sentences that differ in one property, and how motions of them must differ."""

    id: str
    property: str
    """Speed, amount, count, height, lean, length, direction, side or order."""
    source: Literal["rule", "hand"]
    """Whether the sentences follow a pattern or are free wording."""
    a: str
    b: str
    both: tuple[str, ...] = ()
    """Rules that both motions keep."""
    a_rules: tuple[str, ...] = ()
    b_rules: tuple[str, ...] = ()
    a_order: tuple[str, ...] = ()
    """Judges whose phases follow each other in the motion of `a`."""
    b_order: tuple[str, ...] = ()
    measure: str | None = None
    """What is compared."""
    ratio: float | None = None
    """The motion of `b` has at least so many times the measure of `a`'s."""
    margin: float | None = None
    """The motion of `b` exceeds `a`'s by so much; negative: it falls below by so much."""
    recorded: tuple[str, ...] = ()
    """Patterns of timed phrases of recordings that say `a` and `b`."""


@dataclass(frozen=True)
class Request:
    """A sentence and what a motion of it must show."""

    id: str
    group: str
    """Kind of request: locomotion, daily, sport, dance, acting, mood."""
    text: str
    rules: tuple[str, ...] = ()
    """Rules that all hold."""
    order: tuple[str, ...] = ()
    """Judges whose phases follow each other."""
    activity: str | None = None
    """What the classifier must see."""
    idle: Literal["left_arm", "right_arm"] | None = None
    """An arm that has nothing to do."""
    recorded: str | None = None
    """Pattern of the short captions of recordings that show it."""


@dataclass(frozen=True)
class TwoActions:
    """A sentence of two actions in a row."""

    id: str
    text: str
    order: tuple[str, ...]
    """Judges whose phases follow each other."""


@dataclass(frozen=True)
class SidePrompt:
    """A sentence that names a side."""

    id: str
    kind: Literal["hands", "legs", "turns", "steps"]
    side: Literal["left", "right"]
    text: str
    judge: str
    """Name of a judge without its side: `raise` stands for `raise_left` and `raise_right`."""


@dataclass(frozen=True)
class Prompts:
    """All lists."""

    contrasts: tuple[Contrast, ...]
    requests: tuple[Request, ...]
    two_actions: tuple[TwoActions, ...]
    sides: tuple[SidePrompt, ...]

    def texts(self) -> list[str]:
        """Every sentence once, in the order of the lists."""
        sentences = [text for contrast in self.contrasts for text in (contrast.a, contrast.b)]
        sentences += [request.text for request in self.requests]
        sentences += [prompt.text for prompt in self.two_actions]
        sentences += [prompt.text for prompt in self.sides]
        return list(dict.fromkeys(sentences))


@cache
def load_prompts() -> Prompts:
    """The lists that come with the package.

    Raises:
        DataError: a list names a judge, measure or activity that does not exist, or an id twice.
    """
    return Prompts(
        contrasts=tuple(_contrast(row) for row in _rows("contrasts")),
        requests=tuple(_request(row) for row in _rows("requests")),
        two_actions=tuple(
            TwoActions(row["id"], row["text"], _judges(row["order"], row["id"]))
            for row in _rows("two_actions")
        ),
        sides=tuple(_side(row) for row in _rows("sides")),
    )


def _rows(name: str) -> Sequence[Mapping[str, Any]]:
    text = files("bimotion.evaluation.adherence").joinpath(f"lists/{name}.json").read_text("utf-8")
    rows: list[dict[str, Any]] = json.loads(text)[name]
    seen: set[str] = set()
    for row in rows:
        if row["id"] in seen:
            raise DataError(f"{name}.json: the id {row['id']!r} is used twice")
        seen.add(row["id"])
    return rows


def _contrast(row: Mapping[str, Any]) -> Contrast:
    names = ("both", "a_rules", "b_rules", "a_order", "b_order", "recorded")
    contrast = Contrast(**{**row, **{name: tuple(row.get(name, ())) for name in names}})
    for rule in (*contrast.both, *contrast.a_rules, *contrast.b_rules):
        parse_rule(rule)
    _judges((*contrast.a_order, *contrast.b_order), contrast.id)
    for pattern in contrast.recorded:
        re.compile(pattern)
    if contrast.measure is None:
        decided = bool((contrast.a_rules and contrast.b_rules) or (contrast.a_order and contrast.b_order))
    else:
        decided = contrast.measure in MEASURES and (contrast.ratio is None) != (contrast.margin is None)
    if not decided:
        raise DataError(
            f"contrast {contrast.id}: expected rules or orders of a and b, or a measure and a bound"
        )
    return contrast


def _request(row: Mapping[str, Any]) -> Request:
    rules = tuple(row.get("rules", ()))
    for rule in rules:
        parse_rule(rule)
    order = _judges(row.get("order", ()), row["id"])
    activity = row.get("class")
    if activity is not None and activity not in ACTIVITIES:
        raise DataError(f"request {row['id']}: there is no activity {activity!r}")
    if not (rules or order or activity):
        raise DataError(f"request {row['id']}: has no rule and no activity")
    recorded = row.get("recorded")
    re.compile(recorded or "")
    return Request(row["id"], row["group"], row["text"], rules, order, activity, row.get("idle"), recorded)


def _side(row: Mapping[str, Any]) -> SidePrompt:
    _judges([f"{row['judge']}_left", f"{row['judge']}_right"], row["id"])
    return SidePrompt(**row)


def _judges(names: Sequence[str], prompt: str) -> tuple[str, ...]:
    for name in names:
        for part in name.split("|"):
            if part not in JUDGES:
                raise DataError(f"prompt {prompt}: there is no judge {part!r}")
    return tuple(names)
