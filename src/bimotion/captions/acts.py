"""Verb phrases for a window: measured sides, turns and counts choose among the grammar's words."""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from bimotion.captions import phrases
from bimotion.captions.contents import OTHER, Side, content_group
from bimotion.captions.facts import MotionFacts
from bimotion.captions.mirror import swap_sides
from bimotion.captions.phrases import Gait
from bimotion.captions.sides import (
    busier_hand,
    kicking_foot,
    moving_hand,
    other_side,
    raised_hand,
    turning_side,
)

_HAND_CONTENTS = ("wave", "raise", "guide", "respond")
_LIMB_WORDS = re.compile(
    r"\b(left|right|both) (?:\w+ )?(?:hands?|arms?|fist|leg|foot|jabs|punches|kick|straight)\b"
)


@dataclass(frozen=True)
class Label:
    """Labels that a data set gives to a recording."""

    recording: str
    """Id of the recording."""
    content: str
    """Content as the data set names it."""
    style: str = "none"
    """Style as the data set names it; `none` and `normal` say nothing."""
    take: int | None = None
    """Number of the take within content and style."""
    use_text: bool = True
    """Whether its captions may be used in training."""


@dataclass(frozen=True)
class Act:
    """The verb phrases that fit a window."""

    group: str
    """Content group."""
    verbs: tuple[str, ...]
    """Verb phrases, third person."""
    side: Side = "none"
    """Measured side, which the verb phrases name."""
    gait: Gait = "none"
    """Kind of locomotion."""
    kind: str = "action"
    """`loco`, `gesture` or `action`: which words for a style fit."""


def content_entry(contents: dict[str, Any], content: str) -> dict[str, Any] | None:
    """The words for a content: its own, those of the label before its remark, or those of its group."""
    for key in (content, content.partition(" - ")[0], content.partition(": ")[0], content_group(content)):
        if key in contents:
            entry: dict[str, Any] = contents[key]
            return entry
    return None


def choose_act(
    contents: dict[str, Any],
    content: str,
    label: Label,
    facts: MotionFacts,
    *,
    mirrored: bool,
    turn_side: str,
) -> Act:
    """The verb phrases of a content that fit a window; the content is one that `content_entry` finds.

    `turn_side` is the side of a turn-around as the label's correction names it.
    """
    entry = content_entry(contents, content)
    assert entry is not None
    group, gait, kind = content_group(content), entry.get("gait", "none"), entry["kind"]
    if group == OTHER:
        group = content_group(content.partition(" - ")[0])
    if group in ("walk", "turn") and kind == "loco":
        return _walk(contents, content, facts, mirrored=mirrored, turn_side=turn_side)
    if group == "walk-side":
        side = turning_side(facts.leftward)
        angle = abs(np.degrees(np.arctan2(facts.leftward, facts.forward)))
        verbs = contents[f"walk-{side}"]["verbs_side" if angle >= 45 else "verbs"]
        return Act(group, tuple(verbs), side, gait, kind)
    if group in _HAND_CONTENTS:
        return _hand_act(contents, group, content, entry, facts)
    verbs, native = _variant(entry, group, label, facts)
    side = _measured_side(group, native, facts)
    verbs = tuple(verb for verb in verbs if side != "none" or not _names_side(verb))
    if side in ("left", "right") and native in ("left", "right") and side != native:
        verbs = tuple(swap_sides(verb) for verb in verbs)
    if group in ("kick", "punch") and side != "none":
        verbs = tuple(verb for verb in verbs if _names_side(verb))
    if group == "basketball":
        verbs, side = _basketball(entry, content, facts, verbs, side)
    return Act(group, verbs, side, gait, kind)


def _walk(
    contents: dict[str, Any], content: str, facts: MotionFacts, *, mirrored: bool, turn_side: str
) -> Act:
    turn, travel = facts.turn, facts.travel_turn
    curves = contents["walking_extra"]
    if content == "turn-around":
        side: Side = "left" if (turn_side == "left") != mirrored else "right"
        verbs = [verb.format(turn_side=side) for verb in contents["turn-around"]["verbs"]]
        return Act("turn", tuple(verbs), side, "walk", "loco")
    if abs(travel) >= phrases.CIRCLE and facts.net < 0.35 * facts.path:
        return Act("turn", tuple(curves["verbs_circle"]), turning_side(travel), "walk", "loco")
    if abs(travel) >= phrases.TURN_AROUND and facts.net < 0.6 * facts.path:
        return Act("turn", tuple(curves["verbs_around"]), "none", "walk", "loco")
    if abs(turn) >= phrases.TURN_AROUND:
        return Act(
            "turn",
            ("walks and then turns around", "walks forward and turns around"),
            "none",
            "walk",
            "loco",
        )
    if abs(turn) >= phrases.TURN or (content.startswith("walk-turn") and abs(turn) >= 55):
        side = turning_side(turn)
        return Act("turn", tuple(contents[f"walk-turn-{side}"]["verbs"]), side, "walk", "loco")
    if abs(travel) >= phrases.CURVE and abs(turn) >= phrases.STRAIGHT and travel * turn > 0:
        side = turning_side(travel)
        return Act("walk", tuple(curves[f"verbs_curve_{side}"]), side, "walk", "loco")
    return Act("walk", tuple(curves["verbs"]), "none", "walk", "loco")


def _hand_act(
    contents: dict[str, Any], group: str, content: str, entry: dict[str, Any], facts: MotionFacts
) -> Act:
    side = moving_hand(facts)
    if side == "none" and group == "wave":
        side = raised_hand(facts)
    if group in ("wave", "raise") and side != "none":
        stem = "wave-{}-hand" if group == "wave" else "raise-up-{}-hand"
        key = stem.format(side) + ("s" if side == "both" else "")
        is_bye = content in ("bye", "byebye") and (side == "both") == (content == "byebye")
        entry = entry if is_bye else contents[key]
    if group == "guide" and side in ("both", "none"):
        side = busier_hand(facts)
    native = entry.get("hand", "none")
    brief_factor = 1.0 if content in ("bye", "byebye") else 1.5
    still = group == "wave" and max(facts.left.swings, facts.right.swings) < brief_factor
    verbs = tuple(entry["verbs_nowave"] if still else entry["verbs"])
    if side == "none":
        verbs = tuple(verb for verb in verbs if not _names_limb(verb))
    elif group == "guide" and side != "both":
        verbs = tuple(verb for verb in verbs if _names_side(verb))
    if side in ("left", "right") and side == other_side(native):
        verbs = tuple(swap_sides(verb) for verb in verbs)
    elif side not in ("none", native):  # both arms where the words know one
        verbs = tuple(verb for verb in verbs if not _names_limb(verb))
    return Act(group, verbs, side, "none", "gesture")


def _names_side(verb: str) -> bool:
    return re.search(r"\b(?:left|right)\b", verb) is not None


def _names_limb(verb: str) -> bool:
    return _LIMB_WORDS.search(verb) is not None


def _variant(
    entry: dict[str, Any], group: str, label: Label, facts: MotionFacts
) -> tuple[tuple[str, ...], Side]:
    """The verb phrases that fit the facts, and the side that their words name."""
    take = str(label.take or 1)
    native: Side = entry.get("per_take_hand", {}).get(take, entry.get("hand", "none"))
    keys = _run_keys(entry, label, facts) if group == "run" else _action_keys(entry, group, label, facts)
    if len(keys) == 1 and take in entry.get("per_take", {}):
        return tuple(entry["per_take"][take]), native
    return tuple(verb for key in keys for verb in entry[key]), native


def _run_keys(entry: dict[str, Any], label: Label, facts: MotionFacts) -> tuple[str, ...]:
    """The lists of verb phrases that fit a run's speed."""
    if facts.speed < (2.7 if label.content == "dash" else phrases.SLOW_RUN):
        return ("verbs_slow",)
    return ("verbs_fast", "verbs") if facts.speed > phrases.FAST_RUN and "verbs_fast" in entry else ("verbs",)


def _action_keys(entry: dict[str, Any], group: str, label: Label, facts: MotionFacts) -> tuple[str, ...]:
    """The lists of verb phrases that fit what an action other than running measurably is."""
    if group == "bow":
        if facts.bend >= phrases.DEEP_BEND:
            return ("deep", "verbs")
        return ("slight", "verbs") if facts.bend < phrases.SLIGHT_BEND else ("verbs",)
    if group == "jump" and "verbs_multi" in entry:
        if facts.airborne >= 3:
            return ("verbs_multi",)
        return ("verbs_fwd",) if facts.net > 0.8 else ("verbs",)
    if label.content == "walk on uneven terrain" and abs(facts.travel_turn) >= phrases.TURN_AROUND:
        return ("verbs_around",)
    return ("verbs",)


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
