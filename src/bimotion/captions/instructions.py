"""Instruction templates: many wordings of each task, in the published JSON format."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal

import numpy as np

from bimotion.features.layout import FPS

TaskClass = Literal["t2m", "m2t", "predict", "inbetween", "t2t", "n2m", "n2t"]
"""Text to motion, motion to text, continuing, filling a gap, text to text, any motion, any text."""

_CAPTION, _FRAMES, _SECONDS = "<Caption_Placeholder>", "<Frame_Placeholder>", "<Second_Placeholder>"
_MASKED = "<Motion_Placeholder_Masked>"
_MOTIONS = ("<Motion_Placeholder_s1>", "<Motion_Placeholder_s2>", "<Motion_Placeholder>")


@dataclass(frozen=True)
class MotionWords:
    """The strings for motions in a text, which the tokenizer turns into slots."""

    context: str = "<motion>"
    """A motion in the prompt."""
    target: str = "<motion>"
    """A motion in the answer."""
    gap: str = "<gap>"
    """The hidden part between two motions of the prompt."""


@dataclass(frozen=True)
class TaskTemplates:
    """The wordings of one task."""

    name: str
    """`group/task` of the file."""
    task: TaskClass
    """Task."""
    inputs: tuple[str, ...]
    """Prompts with placeholders."""
    outputs: tuple[str, ...]
    """Answers with placeholders."""

    def pick(self, rng: np.random.Generator) -> tuple[str, str]:
        """A prompt and an answer, at random."""
        return self.inputs[rng.integers(len(self.inputs))], self.outputs[rng.integers(len(self.outputs))]


def fill(
    template: str, *, caption: str = "", num_frames: int | None = None, motion: str = "", gap: str = ""
) -> str:
    """The template with its placeholders replaced, except those of the length if `num_frames` is None.

    `motion` replaces every motion, `gap` the hidden part between two. Seconds have one decimal. The caption is
    inserted unchanged; the published system quotes every second one, also at inference, and drops the fraction
    of the seconds.
    """
    text = template.replace(_MASKED, f"{motion}{gap}{motion}")
    for placeholder in _MOTIONS:
        text = text.replace(placeholder, motion)
    if num_frames is not None:
        text = text.replace(_FRAMES, str(num_frames)).replace(_SECONDS, f"{num_frames / FPS:.1f}")
    return text.replace(_CAPTION, caption)


def fill_pair(
    pair: tuple[str, str], words: MotionWords, *, caption: str, num_frames: int | None
) -> tuple[str, str]:
    """A prompt and its answer with their placeholders replaced."""
    prompt = fill(pair[0], caption=caption, num_frames=num_frames, motion=words.context, gap=words.gap)
    return prompt, fill(pair[1], caption=caption, num_frames=num_frames, motion=words.target)


@cache
def own_templates() -> tuple[TaskTemplates, ...]:
    """The templates of the package; the first wording of each task is the plain one."""
    path = resources.files("bimotion.captions").joinpath("static/instructions.json")
    return _parse(json.loads(path.read_text("utf-8")))


def select(templates: Sequence[TaskTemplates], *tasks: TaskClass) -> tuple[TaskTemplates, ...]:
    """The templates of some tasks, in the file's order."""
    return tuple(template for template in templates if template.task in tasks)


def plain_wording(templates: Sequence[TaskTemplates], *, timed: bool = False) -> tuple[str, str]:
    """The task's plain prompt and answer: the first of its first template.

    With `timed` the first of the first template that states the seconds, if there is one.
    """
    timed_ones = [template for template in templates if _SECONDS in template.inputs[0]]
    chosen = timed_ones[0] if timed and timed_ones else templates[0]
    return chosen.inputs[0], chosen.outputs[0]


def _parse(groups: dict[str, dict[str, Any]]) -> tuple[TaskTemplates, ...]:
    """The templates of `{group: {task: {"class", "input", "output"}}}`."""
    return tuple(
        TaskTemplates(f"{group}/{name}", task["class"], tuple(task["input"]), tuple(task["output"]))
        for group, tasks in groups.items()
        for name, task in tasks.items()
    )
