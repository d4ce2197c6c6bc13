"""The exceptions of bimotion: each says where, what was expected, what was found and what to do about it."""

from collections.abc import Iterable
from math import inf
from typing import Any


class BimotionError(Exception):
    """An input or a setting that cannot be used; the command line prints it as one line."""


class MotionFileError(BimotionError):
    """A motion file or the motion in it cannot be used."""


class ConfigError(BimotionError):
    """A setting is out of its range or of a wrong type."""


class DataError(BimotionError):
    """A data set or another data file is missing, broken or of another kind."""


class ModelError(BimotionError):
    """A model folder or a checkpoint is missing, broken or does not fit."""


class MatchError(BimotionError):
    """A generated motion does not match its sentence, and `strict` asks for an error instead of a warning."""


class Cancelled(BimotionError):
    """A `cancel` callback ended a call."""


def check_range(
    config: object,
    names: str | Iterable[str],
    low: float,
    high: float = inf,
    *,
    above: bool = False,
    below: bool = False,
    label: str = "",
) -> None:
    """Check that numeric fields of a configuration lie in `low`..`high`; None passes, NaN does not.

    `above` and `below` exclude the bounds themselves; `label` precedes the field's name in the message.

    Raises:
        ConfigError: a field lies outside; the message names the field, the range and the value.
    """
    for name in [names] if isinstance(names, str) else names:
        value: Any = getattr(config, name)
        if value is None:
            continue
        low_ok = value > low if above else value >= low
        high_ok = value < high if below else value <= high
        if not (low_ok and high_ok):
            if high == inf:
                expected = f"be above {low}" if above else f"be at least {low}"
            elif above or below:
                expected = f"lie in {'(' if above else '['}{low}, {high}{')' if below else ']'}"
            else:
                expected = f"lie in {low}..{high}"
            raise ConfigError(f"{label}{name} must {expected}, got {value}")
