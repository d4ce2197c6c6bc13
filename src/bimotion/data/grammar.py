"""Captions from a grammar of contents, styles and measured facts: the facts decide, not the file's name."""

import json
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np

from bimotion.data import phrases
from bimotion.data.contents import OTHER, Side, content_group
from bimotion.data.facts import MotionFacts
from bimotion.data.honesty import false_claims
from bimotion.data.phrases import Gait
from bimotion.data.sides import (
    busier_hand,
    kicking_foot,
    moving_hand,
    other_side,
    raised_hand,
    swap_sides,
    turning_side,
)

_MAX_TRIES = 60
_FACT_SHARE = 0.6
_STYLE_SHARE = 0.8
_HAND_CONTENTS = ("wave", "raise", "guide", "respond")


@dataclass(frozen=True)
class Label:
    """What a data set's own files say of a recording."""

    recording: str
    """Id of the recording."""
    content: str
    """Content as the data set names it."""
    style: str = "none"
    """Style as the data set names it; `none` and `normal` say nothing."""
    take: int | None = None
    """Number of the take within content and style."""
    use_text: bool = True
    """Whether any caption of it can be honest."""
    captions: tuple[str, ...] = ()
    """Captions of the recording's own, for contents that the grammar does not know."""


@dataclass(frozen=True)
class Description:
    """What may be said of a window."""

    content: str
    """Content group."""
    side: Side
    """Side that every one of the captions names; `none` where some do not."""
    gait: Gait
    """How the body moves along."""
    captions: tuple[str, ...]
    """True captions, most varied first come."""
    text: bool
    """Whether the captions may be learned from."""


@dataclass(frozen=True)
class _Act:
    """The verb phrases that fit a window, with what they mean."""

    group: str
    verbs: tuple[str, ...]
    side: Side = "none"
    gait: Gait = "none"
    kind: str = "action"


class CaptionGrammar:
    """The packaged grammar: how contents, styles and facts are said."""

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
        """The grammar that comes with the package."""
        text = resources.files("bimotion.data").joinpath("static/captions_grammar.json").read_text("utf-8")
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
        """Up to `count` different captions of a window; `facts` are measured on the window as it stands.

        `mirrored` says that the window is the mirror image of what the label describes.
        """
        fix = self._corrections.get(label.recording, {})
        content = fix.get("content", label.content)
        text = label.use_text and label.recording not in self.no_text
        own = tuple(fix.get("captions", ()))
        if not own and self._entry(content) is None:
            own = label.captions
        if own or not text or self._entry(content) is None:
            said = tuple(swap_sides(caption) if mirrored else caption for caption in own)
            side: Side = turning_side(facts.turn) if said and content == "turn-around" else "none"
            return Description(content_group(content), side, "none", said, text and bool(said))
        act = self._act(content, label, facts, mirrored=mirrored, turn_side=fix.get("turn_side", "left"))
        captions = self._captions(act, label.style, facts, rng, count)
        names_side = act.side == "both" or all(act.side in caption for caption in captions)
        return Description(act.group, act.side if names_side else "none", act.gait, captions, bool(captions))

    def _entry(self, content: str) -> dict[str, Any] | None:
        for key in (content, content.partition(" - ")[0], content.partition(": ")[0], content_group(content)):
            if key in self._contents:
                entry: dict[str, Any] = self._contents[key]
                return entry
        return None

    def _act(self, content: str, label: Label, facts: MotionFacts, *, mirrored: bool, turn_side: str) -> _Act:
        entry = self._entry(content)
        assert entry is not None
        group, gait, kind = content_group(content), entry.get("gait", "none"), entry["kind"]
        if group == OTHER:
            group = content_group(content.partition(" - ")[0])
        if group in ("walk", "turn") and kind == "loco":
            return self._walk(content, facts, mirrored=mirrored, turn_side=turn_side)
        if group == "walk-side":
            side = turning_side(facts.leftward)
            angle = abs(np.degrees(np.arctan2(facts.leftward, facts.forward)))
            verbs = self._contents[f"walk-{side}"]["verbs_side" if angle >= 45 else "verbs"]
            return _Act(group, tuple(verbs), side, gait, kind)
        if group in _HAND_CONTENTS:
            return self._hand_act(group, content, entry, facts)
        verbs, native = _variant(entry, group, label, facts)
        side = _measured_side(group, native, facts)
        verbs = tuple(verb for verb in verbs if side != "none" or not _names_side(verb))
        if side in ("left", "right") and native in ("left", "right") and side != native:
            verbs = tuple(swap_sides(verb) for verb in verbs)
        if group in ("kick", "punch") and side != "none":
            verbs = tuple(verb for verb in verbs if _names_side(verb))
        if group == "basketball":
            verbs, side = _basketball(entry, content, facts, verbs, side)
        return _Act(group, verbs, side, gait, kind)

    def _walk(self, content: str, facts: MotionFacts, *, mirrored: bool, turn_side: str) -> _Act:
        turn, travel = facts.turn, facts.travel_turn
        curves = self._contents["walking_extra"]
        if content == "turn-around":
            side: Side = "left" if (turn_side == "left") != mirrored else "right"
            verbs = [verb.format(turn_side=side) for verb in self._contents["turn-around"]["verbs"]]
            return _Act("turn", tuple(verbs), side, "walk", "loco")
        if abs(travel) >= phrases.CIRCLE and facts.net < 0.35 * facts.path:
            return _Act("turn", tuple(curves["verbs_circle"]), turning_side(travel), "walk", "loco")
        if abs(travel) >= phrases.TURN_AROUND and facts.net < 0.6 * facts.path:
            return _Act("turn", tuple(curves["verbs_around"]), "none", "walk", "loco")
        if abs(turn) >= phrases.TURN_AROUND:
            return _Act(
                "turn",
                ("walks and then turns around", "walks forward and turns around"),
                "none",
                "walk",
                "loco",
            )
        if abs(turn) >= phrases.TURN or (content.startswith("walk-turn") and abs(turn) >= 55):
            side = turning_side(turn)
            return _Act("turn", tuple(self._contents[f"walk-turn-{side}"]["verbs"]), side, "walk", "loco")
        if abs(travel) >= phrases.CURVE and abs(turn) >= phrases.STRAIGHT and travel * turn > 0:
            side = turning_side(travel)
            return _Act("walk", tuple(curves[f"verbs_curve_{side}"]), side, "walk", "loco")
        return _Act("walk", tuple(curves["verbs"]), "none", "walk", "loco")

    def _hand_act(self, group: str, content: str, entry: dict[str, Any], facts: MotionFacts) -> _Act:
        side = moving_hand(facts)
        if side == "none" and group == "wave":
            side = raised_hand(facts)
        if group in ("wave", "raise") and side != "none":
            stem = "wave-{}-hand" if group == "wave" else "raise-up-{}-hand"
            key = stem.format(side) + ("s" if side == "both" else "")
            says_bye = content in ("bye", "byebye") and (side == "both") == (content == "byebye")
            entry = entry if says_bye else self._contents[key]
        if group == "guide" and side in ("both", "none"):
            side = busier_hand(facts)
        native = entry.get("hand", "none")
        few = 1.0 if content in ("bye", "byebye") else 1.5
        still = group == "wave" and max(facts.left.swings, facts.right.swings) < few
        verbs = tuple(entry["verbs_nowave"] if still else entry["verbs"])
        if side == "none":
            verbs = tuple(verb for verb in verbs if not _names_limb(verb))
        elif group == "guide" and side != "both":
            verbs = tuple(verb for verb in verbs if _names_side(verb))
        if side in ("left", "right") and side == other_side(native):
            verbs = tuple(swap_sides(verb) for verb in verbs)
        elif side not in ("none", native):  # both arms where the words know one
            verbs = tuple(verb for verb in verbs if not _names_limb(verb))
        return _Act(group, verbs, side, "none", "gesture")

    def _captions(
        self, act: _Act, style: str, facts: MotionFacts, rng: np.random.Generator, count: int
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
        self, act: _Act, style: str, slots: dict[str, tuple[str, ...]], rng: np.random.Generator
    ) -> str:
        subject = self._subjects[rng.choice(len(self._subjects), p=self._subject_weights)]
        verb, fact, manner = _pick(rng, act.verbs), "", ""
        if slots and rng.random() < _FACT_SHARE:
            slot = _pick(rng, tuple(slots))
            fact = _fitting_fact(_pick(rng, slots[slot]), slot, verb)
        words = self._styles.get(style, {})
        adverbs, parts = tuple(words.get("adv", ())), tuple(words.get("part", ()))
        parts += tuple(words.get({"loco": "loco_part", "gesture": "gesture_part"}.get(act.kind, ""), ())) * 2
        if adverbs and rng.random() < _STYLE_SHARE:
            ends_in_adverb = f"{verb} {fact}".rstrip().endswith("ly") or ("," in verb and not fact)
            if parts and (ends_in_adverb or rng.random() < 0.5):
                manner = _pick(rng, parts)
                is_with = manner.startswith(("with ", "like ")) and not fact.startswith("and ")
                manner = f" {manner}" if is_with and rng.random() < 0.7 else f", {manner}"
            elif not ends_in_adverb:
                manner = f" {_pick(rng, adverbs)}"
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


def _pick(rng: np.random.Generator, options: tuple[str, ...]) -> str:
    return options[int(rng.integers(len(options)))]


def _fact_slots(act: _Act, facts: MotionFacts) -> dict[str, tuple[str, ...]]:
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
_LIMB_WORDS = re.compile(
    r"\b(left|right|both) (?:\w+ )?(?:hands?|arms?|fist|leg|foot|jabs|punches|kick|straight)\b"
)


def _names_side(verb: str) -> bool:
    return re.search(r"\b(?:left|right)\b", verb) is not None


def _names_limb(verb: str) -> bool:
    return _LIMB_WORDS.search(verb) is not None


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


def _variant(
    entry: dict[str, Any], group: str, label: Label, facts: MotionFacts
) -> tuple[tuple[str, ...], Side]:
    """The list of verb phrases that the facts ask for, and the side that its words name."""
    take = str(label.take or 1)
    native: Side = entry.get("per_take_hand", {}).get(take, entry.get("hand", "none"))
    key = "verbs"
    if group == "run":
        fast, slow = phrases.FAST_RUN, 2.7 if label.content == "dash" else phrases.SLOW_RUN
        if facts.speed < slow:
            key = "verbs_slow"
        elif facts.speed > fast and "verbs_fast" in entry:
            return (*entry["verbs_fast"], *entry["verbs"]), native
    elif group == "bow":
        if facts.bend >= phrases.DEEP_BEND:
            return (*entry["deep"], *entry["verbs"]), native
        if facts.bend < phrases.SLIGHT_BEND:
            return (*entry["slight"], *entry["verbs"]), native
    elif group == "jump" and "verbs_multi" in entry:
        if facts.airborne >= 3:
            key = "verbs_multi"
        elif facts.net > 0.8:
            key = "verbs_fwd"
    elif label.content == "walk on uneven terrain" and abs(facts.travel_turn) >= phrases.TURN_AROUND:
        key = "verbs_around"
    return tuple(entry.get("per_take", {}).get(take, entry[key])), native


def _measured_side(group: str, native: Side, facts: MotionFacts) -> Side:
    """The side that an action measurably uses; `none` where its words name none."""
    if native == "none":
        return "none"
    if group in ("kick", "soccer"):
        side = kicking_foot(facts)
        return "none" if side == "both" else side
    if group == "call":  # the hand at the ear is up for longer
        longer = facts.left.hand_up_seconds - facts.right.hand_up_seconds
        return "none" if abs(longer) < 0.3 else turning_side(longer)
    return busier_hand(facts)


def _basketball(
    entry: dict[str, Any], content: str, facts: MotionFacts, verbs: tuple[str, ...], side: Side
) -> tuple[tuple[str, ...], Side]:
    if "shoot" in content:
        return tuple(entry["verbs_shoot"]), "none"
    if abs(facts.turn) >= phrases.TURN:
        turn = turning_side(facts.turn)
        return tuple(entry[f"verbs_turn_{turn}"]), turn
    if abs(facts.leftward_share) > 0.6:
        return tuple(entry["verbs_side"]), "none"
    if facts.forward < 0:
        verbs = tuple(entry["verbs_back"])
        if side != "right":
            verbs = (
                tuple(swap_sides(v) for v in verbs)
                if side == "left"
                else tuple(v for v in verbs if not _names_limb(v))
            )
    return verbs, side
