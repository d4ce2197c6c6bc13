"""Timelines: what a person does one after the other, phrase by phrase, each with its length.

A phrase is written `walks forward @3` (a sentence and its seconds), a timeline file has one phrase a line in the syntax
of STMC: `sentence # start # end`, in seconds.

Source: STMC (Petrovich et al. 2024), the format of its timeline files.
"""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bimotion.errors import ConfigError
from bimotion.inference.arguments import check_number, check_text
from bimotion.storage.texts import read_text

MAX_PHRASES = 1000
"""Bound of the phrases of a timeline."""

MAX_PHRASE_SECONDS = 600.0
"""Longest phrase."""

MAX_TIMELINE_BYTES = 1 << 20
"""Largest timeline file."""

TOUCH_SECONDS = 0.05
"""Phrases that meet within this time, a frame at 20 per second, leave no gap between them."""

_LENGTH = re.compile(r"^(?P<text>.*\S)\s*@\s*(?P<seconds>[-+]?[\d.,]+)\s*(?:s|sec|seconds?)?$", re.DOTALL)


@dataclass(frozen=True)
class Phrase:
    """One sentence of a timeline."""

    text: str
    """What the person does."""
    seconds: float | None = None
    """How long; None: as the sentence says, else as the model predicts."""

    def __post_init__(self) -> None:
        text = " ".join(check_text(self.text, "phrase").split())
        if not text:
            raise ConfigError("phrase: expected a sentence such as 'walks forward', got an empty one")
        object.__setattr__(self, "text", text)
        if self.seconds is not None:
            seconds = check_number(self.seconds, f"phrase {text!r:.60}: seconds", 0, MAX_PHRASE_SECONDS)
            if seconds == 0:
                raise ConfigError(f"phrase {text!r:.60}: expected more than 0 seconds")
            object.__setattr__(self, "seconds", seconds)


@dataclass(frozen=True)
class TimedPhrase:
    """A phrase with its start and end in a motion."""

    text: str
    """What the person does."""
    start: float
    """When it begins, seconds."""
    end: float
    """When it ends, seconds."""


PhraseLike = Phrase | str | tuple[str, float | None]
"""A phrase, a sentence, or a pair of sentence and seconds."""


def parse_phrase(text: str) -> Phrase:
    """A phrase as written on a command line: `walks forward @3`, or a sentence alone.

    Raises:
        ConfigError: there is no sentence, or what follows the @ is no number of seconds.
    """
    text = check_text(text, "phrase").strip()
    head, mark, tail = text.rpartition("@")
    if not mark:
        return Phrase(text)
    match = _LENGTH.match(text)
    seconds = _number(match["seconds"]) if match else None
    if match is None or seconds is None:
        if not head.strip():
            raise ConfigError(f"{text!r}: expected a sentence before the @, as in 'walks forward @3'")
        raise ConfigError(f"{text!r}: expected seconds after the @, as in 'walks forward @3', got {tail!r}")
    return Phrase(match["text"], seconds)


def check_phrases(value: object) -> list[Phrase]:
    """A list of phrases, each a `Phrase`, a sentence, or a pair of sentence and seconds.

    Raises:
        ConfigError: it is none, is empty, or is longer than `MAX_PHRASES`.
    """
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        raise ConfigError("phrases: expected a list such as ['walks', ('sits down', 3.0)]")
    phrases = [check_phrase(each) for each in value]
    if not phrases:
        raise ConfigError("phrases: expected at least one")
    if len(phrases) > MAX_PHRASES:
        raise ConfigError(f"phrases: expected at most {MAX_PHRASES}, got {len(phrases)}")
    return phrases


def check_phrase(value: object) -> Phrase:
    """A phrase: a `Phrase`, a sentence, or a pair of sentence and seconds.

    Raises:
        ConfigError: it is none of them.
    """
    if isinstance(value, Phrase):
        return value
    if isinstance(value, str):
        return parse_phrase(value)
    if isinstance(value, (tuple, list)) and len(value) == 2 and isinstance(value[0], str):
        return Phrase(value[0], value[1])
    raise ConfigError(f"phrase: expected a sentence or (sentence, seconds), got {value!r:.60}")


def read_timeline(path: str | Path) -> list[Phrase]:
    """The phrases of a timeline file, a line each: `sentence # start # end`, in order, without gaps or overlap.

    Empty lines are skipped. Words after the end, which STMC uses for body parts, are not supported.

    Raises:
        ConfigError: a line of another form, or phrases that overlap or leave a gap.
    """
    path = Path(path)
    if not path.is_file():
        raise ConfigError(f"{path}: no such timeline file")
    lines = read_text(path, ConfigError, max_bytes=MAX_TIMELINE_BYTES).splitlines()
    timed = [_timed(line, f"{path}:{number}") for number, line in enumerate(lines, 1) if line.strip()]
    if not timed:
        raise ConfigError(f"{path}: expected lines such as 'a person walks # 0 # 3.5', got none")
    if len(timed) > MAX_PHRASES:
        raise ConfigError(f"{path}: expected at most {MAX_PHRASES} phrases, got {len(timed)}")
    _check_order(timed, path)
    return [Phrase(text, end - start) for text, start, end in timed]


def _timed(line: str, where: str) -> tuple[str, float, float]:
    """Sentence, start and end of a line."""
    parts = [part.strip() for part in line.split("#")]
    times = [_number(part) for part in parts[1:3]]
    if len(parts) < 3 or None in times or not parts[0]:
        raise ConfigError(f"{where}: expected 'sentence # start # end' in seconds, got {line.strip()!r:.80}")
    if len(parts) > 3 and any(parts[3:]):
        raise ConfigError(
            f"{where}: body parts ({'#'.join(parts[3:])}) are not supported; phrases follow one after the other"
        )
    start, end = (float(number) for number in times if number is not None)
    if not 0 <= start < end <= MAX_PHRASES * MAX_PHRASE_SECONDS:
        raise ConfigError(f"{where}: expected 0 <= start < end, got {start:g} and {end:g}")
    return parts[0], start, end


def _check_order(timed: Sequence[tuple[str, float, float]], path: Path) -> None:
    """Refuse a timeline whose phrases do not follow each other.

    Raises:
        ConfigError: they overlap, leave a gap, or start after 0.
    """
    before, reached = "", 0.0
    for text, start, end in timed:
        if start < reached - TOUCH_SECONDS:
            raise ConfigError(
                f"{path}: {text!r:.60} starts at {start:g} s, before {before!r:.60} ends at {reached:g} s; phrases "
                "cannot overlap"
            )
        if start > reached + TOUCH_SECONDS:
            raise ConfigError(
                f"{path}: nothing is written for {reached:g} to {start:g} s, before {text!r:.60}; add a phrase such as "
                "'stands still'"
            )
        before, reached = text, end


def _number(text: str) -> float | None:
    try:
        number = float(text.replace(",", "."))
    except ValueError:
        return None
    return number if math.isfinite(number) else None
