"""Captions from a grammar of contents, styles and measured facts; facts take precedence over labels."""

import json
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np

from bimotion.captions import phrases
from bimotion.captions.acts import Act, Label, choose_act, content_entry
from bimotion.captions.claims import false_claims
from bimotion.captions.contents import Side, content_group
from bimotion.captions.facts import MotionFacts
from bimotion.captions.mirror import swap_sides
from bimotion.captions.phrases import Gait, pick
from bimotion.captions.sides import (
    turning_side,
)

_MAX_TRIES = 60
_FACT_SHARE = 0.6
_STYLE_SHARE = 0.8


@dataclass(frozen=True)
class Description:
    """Group, side and captions of a window."""

    content: str
    """Content group."""
    side: Side
    """Side that every one of the captions names; `none` where some do not."""
    gait: Gait
    """Kind of locomotion."""
    captions: tuple[str, ...]
    """True captions, the most varied ones first."""
    text: bool
    """Whether the captions may be used in training."""


class CaptionGrammar:
    """The grammar of the package: words for contents, styles and facts."""

    def __init__(self, words: dict[str, Any]) -> None:
        """`words`: the JSON object of `static/captions_grammar.json`."""
        self._contents: dict[str, Any] = words["contents"]
        self._styles: dict[str, Any] = words["styles"]
        self._corrections: dict[str, Any] = words["label_corrections"]
        subjects, weights = zip(*words["subjects"], strict=True)
        self._subjects: tuple[str, ...] = subjects
        self._subject_weights = np.array(weights) / sum(weights)
        self.near_duplicates: tuple[tuple[str, ...], ...] = tuple(
            tuple(pair) for pair in words["near_duplicates"]
        )
        self.no_text: frozenset[str] = frozenset(words["cmu_no_text"]["ids"])

    @classmethod
    @cache
    def load(cls) -> "CaptionGrammar":
        """The grammar of the package."""
        text = (
            resources.files("bimotion.captions").joinpath("static/captions_grammar.json").read_text("utf-8")
        )
        return cls(json.loads(text))

    def group(self, label: Label) -> str:
        """The content group by the (corrected) label alone, as splits use it."""
        return content_group(self._corrections.get(label.recording, {}).get("content", label.content))

    def describe(
        self,
        label: Label,
        facts: MotionFacts,
        rng: np.random.Generator,
        *,
        mirrored: bool = False,
        count: int = 6,
    ) -> Description:
        """Up to `count` different captions of a window; `facts` are those of the window itself.

        `mirrored` says that the window is the mirror image of what the label describes.
        """
        fix = self._corrections.get(label.recording, {})
        content = fix.get("content", label.content)
        text = label.use_text and label.recording not in self.no_text
        fixed = tuple(fix.get("captions", ()))
        if fixed or not text or content_entry(self._contents, content) is None:
            captions = tuple(swap_sides(caption) if mirrored else caption for caption in fixed)
            side: Side = turning_side(facts.turn) if captions and content == "turn-around" else "none"
            return Description(content_group(content), side, "none", captions, text and bool(captions))
        turn_side = fix.get("turn_side", "left")
        act = choose_act(self._contents, content, label, facts, mirrored=mirrored, turn_side=turn_side)
        captions = self._captions(act, label.style, facts, rng, count)
        names_side = act.side == "both" or all(act.side in caption for caption in captions)
        return Description(act.group, act.side if names_side else "none", act.gait, captions, bool(captions))

    def _captions(
        self, act: Act, style: str, facts: MotionFacts, rng: np.random.Generator, count: int
    ) -> tuple[str, ...]:
        slots = _fact_slots(act, facts)
        captions: list[str] = []
        for _ in range(_MAX_TRIES):
            if len(captions) == count or not act.verbs:
                break
            caption = self._compose(act, style, slots, rng)
            if caption not in captions and not false_claims(caption, facts, act.group, act.gait):
                captions.append(caption)
        return tuple(captions)

    def _compose(
        self, act: Act, style: str, slots: dict[str, tuple[str, ...]], rng: np.random.Generator
    ) -> str:
        subject = self._subjects[rng.choice(len(self._subjects), p=self._subject_weights)]
        verb, fact, manner = pick(act.verbs, rng), "", ""
        if slots and rng.random() < _FACT_SHARE:
            slot = pick(tuple(slots), rng)
            fact = _fitting_fact(pick(slots[slot], rng), slot, verb)
        words = self._styles.get(style, {})
        adverbs, parts = tuple(words.get("adv", ())), tuple(words.get("part", ()))
        parts += tuple(words.get({"loco": "loco_part", "gesture": "gesture_part"}.get(act.kind, ""), ())) * 2
        if adverbs and rng.random() < _STYLE_SHARE:
            ends_in_adverb = f"{verb} {fact}".rstrip().endswith("ly") or ("," in verb and not fact)
            if parts and (ends_in_adverb or rng.random() < 0.5):
                manner = pick(parts, rng)
                is_with = manner.startswith(("with ", "like ")) and not fact.startswith("and ")
                manner = f" {manner}" if is_with and rng.random() < 0.7 else f", {manner}"
            elif not ends_in_adverb:
                manner = f" {pick(adverbs, rng)}"
        if fact and _same_speed(fact, manner + " " + verb):
            fact = ""
        tail = f" {fact}" if fact else ""
        if (
            manner.endswith("ly")
            and manner.count(" ") == 1
            and rng.random() < 0.25
            and not verb.startswith("is ")
        ):
            return f"{subject}{manner} {verb}{tail}."
        return f"{subject} {verb}{tail}{manner}."


def _fact_slots(act: Act, facts: MotionFacts) -> dict[str, tuple[str, ...]]:
    if act.kind == "loco":
        return phrases.locomotion_phrases(facts, act.gait, turns=act.group == "turn" or act.side != "none")
    if act.group in ("wave", "raise", "respond"):
        return phrases.hand_phrases(facts, act.side, waves=act.group == "wave")
    count = {"jump": facts.airborne, "bow": facts.bends, "kick": max(facts.left.kicks, facts.right.kicks)}
    times = phrases.count_phrases(count.get(act.group, 0))
    return {"repeats": times} if times else {}


_SPEED_WORDS = re.compile(
    r"\b(slow\w*|quick\w*|brisk\w*|fast|full speed|sprint\w*|rush\w*|hurr\w*|dash\w*)\b"
)


def _same_speed(fact: str, rest: str) -> bool:
    return bool(_SPEED_WORDS.search(fact) and _SPEED_WORDS.search(rest))


def _fitting_fact(fact: str, slot: str, verb: str) -> str:
    """The fact as it may follow the verb; empty where it would repeat it or dangle from its last clause."""
    content_words = set(fact.split()) - {"the", "a", "up", "to", "and", "for"}
    if content_words & set(verb.split()):
        return ""
    if slot == "height" and (
        re.search(r"\b(lowers|down|back|air|reply)\b", verb)
        or ("wave" in verb and not re.search(r"raises|lifts", verb))
        or "shoulder" in verb
        or "high" in verb
        or "straight up" in verb
    ):
        return ""
    if slot == "hold" and (" and " in verb or "holds" in verb):
        return ""
    if slot == "repeats" and (
        re.search(r"several|repeatedly|throws|performs|practices", verb)
        or " and then " in verb
        or "jumps in" in verb
    ):
        return ""
    if fact.startswith("up ") and verb.endswith(" up"):
        return "high" if fact == "up high" else fact[3:]
    return fact
