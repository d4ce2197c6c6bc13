"""What is asked of a model: captions of held-out windows, and prompts in words of their own."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np

from bimotion.captions.contents import Side
from bimotion.captions.mentions import can_show_side, side_of
from bimotion.data.store import Item, MotionStore
from bimotion.errors import DataError

PROMPTS = {"prompts": "prompts.json", "prompts_blind": "prompts-blind.json"}
"""Sentences outside the grammar: ours, and those of somebody who had not seen it."""


@dataclass(frozen=True)
class Asked:
    """A sentence that a motion is to be made of."""

    id: str
    """The window or the prompt that it comes from."""
    text: str
    """The sentence."""
    contents: tuple[str, ...]
    """Content groups of which any is right."""
    side: Side
    """Side that it names and that can be measured; `none` where it names none."""
    group: str = ""
    """Which of the prompts it is: common or rare."""
    item: Item | None = None
    """The window whose caption it is."""


def test_windows(store: MotionStore, count: int | None, *, text: bool) -> list[Item]:
    """The test windows that are no mirror images, or `count` of them, the same ones every time.

    Raises:
        DataError: the data set has none.
    """
    items = store.items("test", mirrored=False, text=text)
    if not items:
        raise DataError(
            f"{store.folder}: has no test windows{' with captions' if text else ''} to measure on"
        )
    if count is None or count >= len(items):
        return items
    return [items[index] for index in sorted(np.random.default_rng(0).permutation(len(items))[:count])]


def captions_asked(items: Sequence[Item], rounds: int, seed: int) -> list[Asked]:
    """A caption of each window, in each round another one; round after round."""
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(len(item.captions)) for item in items]
    asked = []
    for number in range(rounds):
        for item, order in zip(items, orders, strict=True):
            caption = item.captions[order[number % len(order)]]
            side = side_of(caption) if can_show_side(caption) else "none"
            asked.append(Asked(item.id, caption, (item.content,), side, item=item))
    return asked


def prompts_asked(name: str, rounds: int) -> list[Asked]:
    """The prompts outside the grammar of one name of `PROMPTS`, round after round."""
    file = Path(__file__).parent / PROMPTS[name]
    prompts = json.loads(file.read_text("utf-8"))["prompts"]
    once = [
        Asked(
            f"prompt {each['id']}",
            each["text"],
            tuple(each["contents"]),
            cast(Side, each["side"] or "none"),
            each["group"],
        )
        for each in prompts
    ]
    return once * rounds
