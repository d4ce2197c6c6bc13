"""Instruction templates: many ways to ask for each task, ours and those of published JSON files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from bimotion.errors import DataError
from bimotion.features.layout import FPS
from bimotion.storage.json_files import read_json
from bimotion.storage.records import record_from_json, value_from_json

TaskClass = Literal["t2m", "m2t", "predict", "inbetween", "t2t", "n2m", "n2t"]
"""Text to motion, motion to text, continuing, filling a gap, text to text, any motion, any text."""

_CAPTION, _FRAMES, _SECONDS = "<Caption_Placeholder>", "<Frame_Placeholder>", "<Second_Placeholder>"
_MASKED = "<Motion_Placeholder_Masked>"
_MOTIONS = ("<Motion_Placeholder_s1>", "<Motion_Placeholder_s2>", "<Motion_Placeholder>")


@dataclass(frozen=True)
class MotionWords:
    """How motions stand in a text: the strings that the tokeniser turns into slots."""

    given: str = "<motion>"
    """A motion that the model reads."""
    wanted: str = "<motion>"
    """A motion that the model is to make."""
    gap: str = "<gap>"
    """The hidden part between two motions that it reads."""


@dataclass(frozen=True)
class TaskTemplates:
    """The wordings of one task."""

    name: str
    """`group/task` of the file."""
    task: TaskClass
    """What is asked for."""
    inputs: tuple[str, ...]
    """Questions with placeholders."""
    outputs: tuple[str, ...]
    """Answers with placeholders."""

    def pick(self, rng: np.random.Generator) -> tuple[str, str]:
        """A question and an answer, at random."""
        return self.inputs[rng.integers(len(self.inputs))], self.outputs[rng.integers(len(self.outputs))]


def fill(
    template: str, *, caption: str = "", num_frames: int | None = None, motion: str = "", gap: str = ""
) -> str:
    """The template with its placeholders replaced; those of the length stay where `num_frames` is None.

    `motion` stands for every motion, `gap` for what is hidden between two. Seconds have one decimal. The
    caption goes in as it is; the published system puts every second one in quotes, also at inference, and
    drops the fraction of the seconds.
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
    """A question and its answer, filled: motions are given in the question and wanted in the answer."""
    question = fill(pair[0], caption=caption, num_frames=num_frames, motion=words.given, gap=words.gap)
    return question, fill(pair[1], caption=caption, num_frames=num_frames, motion=words.wanted)


@cache
def own_templates() -> tuple[TaskTemplates, ...]:
    """The templates that come with the package; the first wording of each task is the plain one."""
    path = resources.files("bimotion.captions").joinpath("static/instructions.json")
    return _parse(json.loads(path.read_text("utf-8")), str(path))


def read_templates(path: Path | str) -> tuple[TaskTemplates, ...]:
    """The templates of a file in the published format, `{group: {task: {"class", "input", "output"}}}`.

    Empty and repeated wordings are left out.

    Raises:
        DataError: the file cannot be read, or is not of that format.
    """
    return _parse(read_json(Path(path)), str(path))


def select(templates: Sequence[TaskTemplates], *tasks: TaskClass) -> tuple[TaskTemplates, ...]:
    """The templates of some tasks, in the file's order."""
    return tuple(template for template in templates if template.task in tasks)


def plain_wording(templates: Sequence[TaskTemplates], *, timed: bool = False) -> tuple[str, str]:
    """The question and the answer that a task is asked with most often: the first of its first template.

    With `timed` the first of the first template that says the seconds, where there is one.
    """
    timed_ones = [template for template in templates if _SECONDS in template.inputs[0]]
    chosen = timed_ones[0] if timed and timed_ones else templates[0]
    return chosen.inputs[0], chosen.outputs[0]


def _task_class(word: str, where: str) -> TaskClass:
    known: dict[str, TaskClass] = {task: task for task in get_args(TaskClass)} | {"pred": "predict"}
    if word not in known:
        raise DataError(f"{where} has the class {word!r}, expected one of {', '.join(known)}")
    return known[word]


@dataclass(frozen=True)
class _StoredTask:
    """A task as it stands in the file; what else stands there is not read."""

    kind: str
    input: list[str]
    output: list[str]


def _parse(values: Any, where: str) -> tuple[TaskTemplates, ...]:
    expected = f'{where}: expected {{group: {{task: {{"class", "input", "output"}}}}}}'
    groups = value_from_json(dict[str, dict[str, dict[str, Any]]], values, expected, DataError)
    found = []
    for group, tasks in groups.items():
        for name, task in tasks.items():
            entry = {"kind": task.get("class"), "input": task.get("input"), "output": task.get("output")}
            stored = record_from_json(_StoredTask, entry, f"{where}: {group}/{name}", DataError)
            kind = _task_class(stored.kind, f"{where}: {group}/{name}")
            inputs, outputs = (
                tuple(dict.fromkeys(filter(None, row))) for row in (stored.input, stored.output)
            )
            if not inputs or not outputs:
                raise DataError(f"{where}: {group}/{name} has no input or no output")
            found.append(TaskTemplates(f"{group}/{name}", kind, inputs, outputs))
    return tuple(found)
