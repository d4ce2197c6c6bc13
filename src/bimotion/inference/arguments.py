"""Checks of arguments: a wrong type or value raises a `ConfigError` with one sentence that names the argument."""

import math
import numbers
import operator
from collections.abc import Sequence
from typing import Any, TypeVar, get_args

from bimotion.errors import ConfigError, MotionFileError
from bimotion.motion.clip import Clip

MAX_CLIP_SECONDS = 3600
"""Longest clip that a model reads."""

MIN_FPS, MAX_FPS = 1.0, 1000.0
"""Frame rates of clips that a model reads; prediction and in-betweening write at the clip's own rate."""

Entry = TypeVar("Entry")


def check_text(value: object, name: str = "text") -> str:
    """A string that can be encoded.

    Raises:
        ConfigError: it is not a string, or contains surrogates (bytes that were not UTF-8).
    """
    if not isinstance(value, str):
        raise ConfigError(f"{name}: expected a string such as 'a person waves', got {_kind(value)}")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise ConfigError(f"{name}: expected UTF-8 text, got {value!r}") from None
    return value


def check_texts(value: object, name: str = "text") -> list[str]:
    """A list or tuple of strings.

    Raises:
        ConfigError: it is neither, or an entry is no string.
    """
    if not isinstance(value, (list, tuple)):
        raise ConfigError(f"{name}: expected a string or a list of strings, got {_kind(value)}")
    return [check_text(entry, f"{name}[{index}]") for index, entry in enumerate(value)]


def check_entries(values: list[Entry] | tuple[Entry, ...], name: str, count: int) -> tuple[Entry, ...]:
    """The entries of an argument with one value for each of `count` sentences.

    Raises:
        ConfigError: another number of entries.
    """
    if len(values) != count:
        raise ConfigError(f"{name}: expected one for each of the {count} sentences, got {len(values)}")
    return tuple(values)


def check_number(value: object, name: str, low: float, high: float) -> float:
    """A finite number within bounds.

    Raises:
        ConfigError: it is no number, not finite, or out of bounds.
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise ConfigError(f"{name}: expected a number, got {_kind(value)}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not (math.isfinite(number) and low <= number <= high):
        raise ConfigError(f"{name}: expected {low:g} to {high:g}, got {number:g}")
    return number


def check_integer(value: object, name: str, low: int, high: int) -> int:
    """A whole number within bounds; NumPy's are taken as well.

    Raises:
        ConfigError: it is no whole number, or out of bounds.
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise ConfigError(f"{name}: expected a whole number, got {_kind(value)}")
    number = operator.index(value)
    if not low <= number <= high:
        raise ConfigError(f"{name}: expected {low} to {_short(high)}, got {_short(number)}")
    return number


def check_choice(value: object, name: str, choices: Any) -> str:
    """One of the values of a `Literal`.

    Raises:
        ConfigError: it is none of them.
    """
    options: tuple[str, ...] = get_args(choices)
    if not isinstance(value, str) or value not in options:
        raise ConfigError(f"{name}: expected one of {', '.join(map(repr, options))}, got {value!r:.80}")
    return value


def check_flag(value: object, name: str) -> bool:
    """True or False.

    Raises:
        ConfigError: it is neither.
    """
    if not isinstance(value, bool):
        raise ConfigError(f"{name}: expected True or False, got {_kind(value)}")
    return value


def check_clip(value: object, name: str = "clip") -> Clip:
    """A clip that a model can read.

    Raises:
        ConfigError: it is no clip.
        MotionFileError: its frame rate is out of bounds or it is too long.
    """
    if not isinstance(value, Clip):
        hint = "; read it with bimotion.read_clip" if isinstance(value, (str, bytes)) else ""
        raise ConfigError(f"{name}: expected a Clip, got {_kind(value)}{hint}")
    if not MIN_FPS <= value.fps <= MAX_FPS:
        raise MotionFileError(
            f"{name}: expected {MIN_FPS:g} to {MAX_FPS:g} frames per second, got {value.fps:g}"
        )
    if value.duration > MAX_CLIP_SECONDS:
        raise MotionFileError(
            f"{name}: {value.duration:.0f} s exceed the limit of {MAX_CLIP_SECONDS} s for one call; cut it "
            "with clip[start:stop]"
        )
    return value


def check_clips(value: object, name: str = "clip") -> list[Clip]:
    """A sequence of clips.

    Raises:
        ConfigError: it is none, or an entry is no clip.
        MotionFileError: as `check_clip`.
    """
    if not isinstance(value, Sequence) or isinstance(value, (str, bytes)):
        raise ConfigError(f"{name}: expected a Clip or a list of clips, got {_kind(value)}")
    return [check_clip(entry, f"{name}[{index}]") for index, entry in enumerate(value)]


def _kind(value: object) -> str:
    if value is None or isinstance(value, (bool, int, float)):
        return f"{value!r:.40}"
    return f"a value of type {type(value).__name__}"


def _short(number: int) -> str:
    if number == 2**63 - 1:
        return "2**63 - 1"
    return str(number) if abs(number) < 10**20 else f"a number of {number.bit_length()} bits"
