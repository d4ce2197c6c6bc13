"""Paraphrases of captions: other registers, synonyms and short commands for the same window.

They widen the vocabulary that text-to-motion understands: our own wordings (`static/paraphrases.json`) and WordNet's
names of actions (`static/wordnet.json`). Subjects and scenes are WordNet's people and places, which do not affect the
motion. Captions that the model learns to write come from the grammar.
"""

import json
import re
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Any

import numpy as np

from bimotion.captions import phrases
from bimotion.captions.claims import false_claims
from bimotion.captions.facts import MotionFacts
from bimotion.captions.sides import limb
from bimotion.data.store import Item

_REGISTERS = ("third", "base", "gerund", "noun", "short")
_REGISTER_SHARES = (0.3, 0.25, 0.2, 0.13, 0.12)
_FACT_SHARE, _STYLE_SHARE = 0.4, 0.45
_PEOPLE_SHARE, _DOER_SHARE, _SCENE_SHARE = 0.5, 0.08, 0.3
_UPPER_SHARE = 0.12
_MAX_TRIES = 30

_WHERE = ("in", "at", "near", "by", "outside", "inside", "in front of", "behind", "towards", "on")
_VERB = re.compile(r"\[([\w-]+)\]")
_THEMSELVES = {"their": "themselves", "his": "himself", "her": "herself", "its": "itself", "your": "yourself"}
_THEY = {"their": "they", "his": "he", "her": "she", "its": "it", "your": "you"}
_THEM = {"their": "them", "his": "him", "her": "her", "its": "it", "your": "you"}
_DOUBLED = re.compile(
    r"run|jog|(?:side)?step|hop|get|put|cut|cup|stop|hit|let|spar|nod|trot|dip|jab|chop|tap|flap|grab|plod|rub|scrub|"
    r"control|bop|clip|flag|(?:foot)?slog|hop-skip|lam|leapfrog|leg|pad|scat|shin|shlep|skip|slug|stab|strut|trip|whap|"
    r"whop|wigwag"
)


class ParaphraseBank:
    """The wordings of the package."""

    def __init__(self, words: dict[str, Any], wordnet: dict[str, Any]) -> None:
        """`words` and `wordnet`: the JSON objects of `static/paraphrases.json` and `static/wordnet.json`."""
        more: dict[str, list[dict[str, list[str]]]] = wordnet["contents"]
        self.contents: dict[str, list[dict[str, list[str]]]] = {
            content: entries + more.get(content, []) for content, entries in words["contents"].items()
        }
        self._people: list[str] = wordnet["people"]
        self._scenes: list[str] = wordnet["places"]
        self._doers: dict[str, list[str]] = wordnet["doers"]
        self._frames: dict[str, list[str]] = words["frames"]
        self._subjects: list[tuple[str, str, str]] = [tuple(subject) for subject in words["subjects"]]
        self._adverbs: dict[str, list[str]] = words["adverbs"]
        self._styles: dict[str, list[str]] = words["styles"]

    @classmethod
    @cache
    def load(cls) -> "ParaphraseBank":
        """The bank of the package."""
        static = resources.files("bimotion.data").joinpath("static")
        files = (static.joinpath(name).read_text("utf-8") for name in ("paraphrases.json", "wordnet.json"))
        return cls(*map(json.loads, files))

    def phrase(self, item: Item, rng: np.random.Generator) -> str | None:
        """A paraphrase that is true of a window; None if its content has none or its facts are not known."""
        facts = item.motion_facts()
        if facts is None or item.content not in self.contents:
            return None
        tags = situation(item, facts)
        entries = [entry for entry in self.contents[item.content] if set(entry["needs"]) <= tags]
        adverbs = [words for tag in sorted(tags) for words in self._adverbs.get(tag, ())]
        for _ in range(_MAX_TRIES if entries else 0):
            text = self._compose(item, entries, adverbs, rng)
            if not false_claims(text.lower(), facts, item.content, item.gait):
                return text
        return None

    def _compose(
        self, item: Item, entries: list[dict[str, list[str]]], adverbs: list[str], rng: np.random.Generator
    ) -> str:
        register = _REGISTERS[rng.choice(len(_REGISTERS), p=_REGISTER_SHARES)]
        key = {"noun": "nouns", "short": "short"}.get(register, "verbs")
        pool = [text for entry in entries for text in entry[key]]
        subject, object_, their = self._subject(item.content, rng)
        frame = self._frames[register][rng.integers(len(self._frames[register]))]
        if "{s}" not in frame and "{o}" not in frame:
            their = "your" if register == "base" else "the"
        text = inflect(pool[rng.integers(len(pool))], register)
        if register != "short":
            text += self._tail(item.style, adverbs, text, rng)
        if rng.random() < _SCENE_SHARE:
            text += f" {_one_of(_WHERE, rng)} {_with_article(_one_of(self._scenes, rng), rng)}"
        text = frame.format(p=text, s=subject, o=object_).format(
            side=item.side,
            their=their,
            they=_THEY.get(their, "you"),
            them=_THEM.get(their, "you"),
            themselves=_THEMSELVES.get(their, "oneself"),
        )
        return text[:1].upper() + text[1:] if rng.random() < _UPPER_SHARE else text

    def _subject(self, content: str, rng: np.random.Generator) -> tuple[str, str, str]:
        """The person, as a subject and as an object, and the possessive pronoun."""
        share = rng.random()
        doers = self._doers.get(content)
        if share < _DOER_SHARE and doers:
            person = _one_of(doers, rng)
        elif share < _DOER_SHARE + _PEOPLE_SHARE:
            person = _one_of(self._people, rng)
        else:
            return self._subjects[rng.integers(len(self._subjects))]
        person = _with_article(person, rng)
        return person, person, _one_of(("their", "his", "her"), rng)

    def _tail(self, style: str, adverbs: list[str], text: str, rng: np.random.Generator) -> str:
        """An adverb for a fact, or one for the style, or none."""
        styles = self._styles.get(style, [])
        if styles and rng.random() < _STYLE_SHARE:
            return " " + styles[rng.integers(len(styles))]
        if adverbs and rng.random() < _FACT_SHARE:
            adverb = adverbs[rng.integers(len(adverbs))]
            return "" if set(adverb.split()) & set(text.split()) - {"the", "a", "and", "as"} else f" {adverb}"
        return ""


def _one_of(words: Sequence[str], rng: np.random.Generator) -> str:
    return words[int(rng.integers(len(words)))]


def _with_article(noun: str, rng: np.random.Generator) -> str:
    """A noun with an article, or without one as in headlines."""
    return _one_of((f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}", f"the {noun}", noun), rng)


def situation(item: Item, facts: MotionFacts) -> set[str]:
    """Tags of a window, which select the wordings that are true of it."""
    take = re.search(r"_0*(\d+)#", item.id)
    tags = {f"style {item.style}"} | ({f"take {take[1]}"} if take else set())
    if item.side in ("left", "right"):
        tags.add("one")
    elif item.side == "both":
        tags.add("both")
    for known, tag in (
        ("dance - ", "ballet"),
        ("traffic", "traffic"),
        ("signal", "referee"),
        ("uneven", "uneven"),
    ):
        if known in item.label:
            tags.add(tag)
    tags |= {
        tag
        for known, tag in (("window", "window"), ("self", "self"), ("shoot", "shoot"))
        if known in item.label
    }
    if item.gait != "none":
        tags |= _course(item, facts)
    if item.content == "bow":
        tags |= {"deep"} if facts.bend >= phrases.DEEP_BEND else set()
        tags |= {"slight"} if facts.bend < phrases.SLIGHT_BEND else set()
    if item.content == "jump":
        tags |= {"many"} if facts.airborne >= 3 else set()
        tags |= {"far"} if facts.net > 0.8 else set()
    if item.content == "basketball":
        tags |= {"turn"} if item.side != "none" and abs(facts.turn) >= phrases.TURN else set()
        tags |= {"back"} if facts.forward < 0 else set()
        tags |= {"sideways"} if abs(facts.leftward_share) > 0.6 else set()
    if item.content in ("wave", "raise", "respond") and item.side != "none":
        tags |= _hand(item, facts)
    return tags


def _course(item: Item, facts: MotionFacts) -> set[str]:
    speed = phrases.speed_phrases(facts, item.gait)
    tags = {("slow" if "slowly" in speed else "fast")} if speed else set()
    if item.content == "walk":
        if item.side != "none":
            tags.add("curve")
        elif abs(facts.turn) < phrases.STRAIGHT and abs(facts.travel_turn) < 25:
            tags.add("straight")
    if item.content == "walk-side" and abs(np.degrees(np.arctan2(facts.leftward, facts.forward))) >= 45:
        tags.add("sideways")
    if item.content == "turn":
        is_circle = abs(facts.travel_turn) >= phrases.CIRCLE and facts.net < 0.35 * facts.path
        is_corner = item.side != "none" and abs(facts.turn) < phrases.TURN_AROUND
        tags.add("circle" if is_circle else "turn" if is_corner else "around")
    if facts.net > phrases.LONG_WAY:
        tags.add("long")
    return tags


def _hand(item: Item, facts: MotionFacts) -> set[str]:
    hand, tags = limb(facts, item.side), set()
    if hand.hand_over_head >= phrases.OVER_HEAD:
        tags.add("over")
    elif hand.hand_over_head >= phrases.HEAD_HIGH:
        tags.add("head")
    elif hand.hand_over_head >= phrases.SHOULDER_HIGH:
        tags.add("shoulder")
    if item.content == "wave":
        if hand.swings >= phrases.MANY_SWINGS:
            tags.add("many")
        elif hand.swings >= phrases.SOME_SWINGS:
            tags.add("some")
    else:
        if hand.hand_up_seconds >= phrases.HELD_SECONDS and hand.raises == 1:
            tags.add("held")
        elif 0 < hand.hand_up_seconds <= phrases.BRIEF_SECONDS:
            tags.add("brief")
        tags |= {2: {"twice"}, 3: {"three"}}.get(hand.raises, set())
    return tags


def inflect(text: str, register: str) -> str:
    """The text with its [verbs] in the form of a register: walk, walks (third), walking (gerund)."""
    forms = {"third": _third_person, "gerund": _gerund}
    return _VERB.sub(lambda match: forms.get(register, str)(match[1]), text)


def _third_person(verb: str) -> str:
    if re.search(r"(?:s|sh|ch|x|z|o)$", verb):
        return verb + "es"
    return verb[:-1] + "ies" if re.search(r"[^aeiou]y$", verb) else verb + "s"


def _gerund(verb: str) -> str:
    if _DOUBLED.fullmatch(verb):
        return verb + verb[-1] + "ing"
    if verb.endswith("ie"):
        return verb[:-2] + "ying"
    return verb[:-1] + "ing" if re.search(r"[^aeoy]e$", verb) else verb + "ing"
