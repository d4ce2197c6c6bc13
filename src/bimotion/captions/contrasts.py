"""Captions with one property changed, so that they are almost true but wrong: hard negatives."""

import re
from collections.abc import Sequence

import numpy as np

from bimotion.captions import vocabulary
from bimotion.captions.mirror import swap_sides

_SIDES = re.compile(rf"\b(?:{vocabulary.SIDE})\b", re.IGNORECASE)

_OPPOSITES: tuple[tuple[str, ...], ...] = (
    ("forward", "backward"),
    ("forwards", "backwards"),
    ("ahead", "backward"),
    ("slowly", "quickly"),
    ("slow", "fast"),
    ("slower", "faster"),
    ("up", "down"),
    ("raises", "lowers"),
    ("raising", "lowering"),
    ("high", "low"),
    ("higher", "lower"),
    ("above", "below"),
    ("big", "small"),
    ("long", "short"),
    ("wide", "narrow"),
    ("once", "twice", "three times", "four times", "five times"),
    ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    ("walks", "runs", "jumps", "crawls"),
    ("walking", "running", "jumping", "crawling"),
    ("sits", "stands", "lies"),
    ("sitting", "standing", "lying"),
    ("hand", "foot"),
    ("hands", "feet"),
    ("arm", "leg"),
    ("arms", "legs"),
    ("throws", "catches"),
    ("pushes", "pulls"),
    ("kicks", "punches"),
    ("bends", "straightens"),
    ("both hands", "one hand"),
    ("quarter", "half", "full"),
    ("starts", "stops"),
)
_OTHERS = {word: tuple(other for other in group if other != word) for group in _OPPOSITES for word in group}
_WORDS = re.compile(r"\b(?:" + "|".join(sorted(_OTHERS, key=len, reverse=True)) + r")\b")


def changed_caption(caption: str, rng: np.random.Generator) -> str | None:
    """The caption with one word, or all sides, or the order of two parts changed; None where nothing can be.

    The result differs from the caption in what it says of the motion.
    """
    options: list[str] = []
    if _SIDES.search(caption):
        options.append(swap_sides(caption))
    for match in _WORDS.finditer(caption):
        others = _OTHERS[match[0]]
        other = others[int(rng.integers(len(others)))]
        options.append(f"{caption[: match.start()]}{other}{caption[match.end() :]}")
    options = [option for option in options if option != caption]
    return options[int(rng.integers(len(options)))] if options else None


def changed_order(phrases: Sequence[str], rng: np.random.Generator) -> tuple[str, ...] | None:
    """The phrases in another order; None where there is none that says something else."""
    if len(set(phrases)) < 2:
        return None
    for _ in range(8):
        order = tuple(phrases[index] for index in rng.permutation(len(phrases)).tolist())
        if order != tuple(phrases):
            return order
    return None
