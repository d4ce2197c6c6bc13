"""Frame rates of files that state them inexactly: rounded, in milliseconds, as a rate, or not at all."""

import math
from dataclasses import dataclass

from bimotion.errors import MotionFileError

DEFAULT_RATE = 30.0
"""Frames per second of a BVH file without a usable frame time."""

SLOWEST, FASTEST = 1.0, 2000.0
"""Frames per second that a recording may have."""

_COMMON: tuple[float, ...] = (
    *(30.0, 60.0, 120.0, 24.0, 25.0, 50.0, 100.0, 20.0, 240.0, 10.0, 15.0, 48.0, 72.0, 75.0, 80.0, 90.0),
    *(
        144.0,
        150.0,
        180.0,
        200.0,
        250.0,
        300.0,
        360.0,
        480.0,
        500.0,
        1000.0,
        12.0,
        12.5,
        16.0,
        40.0,
        45.0,
        64.0,
        125.0,
    ),
    *(30000 / 1001, 24000 / 1001, 60000 / 1001, 120000 / 1001),
)
"""Common frame rates."""


@dataclass(frozen=True)
class Rate:
    """A frame rate and a warning about it."""

    fps: float
    note: str = ""


def check_rate(rate: float, where: str) -> float:
    """The rate that the user stated, checked.

    Raises:
        MotionFileError: it is not between `SLOWEST` and `FASTEST`.
    """
    if not SLOWEST <= rate <= FASTEST:
        raise MotionFileError(
            f"{where}: --rate must be {SLOWEST:g} to {FASTEST:g} frames per second, got {rate:g}"
        )
    return float(rate)


def frame_time_rate(word: str | None) -> Rate:
    """The rate of a BVH file from the text after `Frame Time`; `word` is None where there is none."""
    assumed = f"{DEFAULT_RATE:g} frames per second are assumed; give the rate with --rate"
    if word is None:
        return Rate(DEFAULT_RATE, f"no frame time; {assumed}")
    try:
        seconds = abs(float(word))
    except ValueError:
        seconds = math.nan
    if not (math.isfinite(seconds) and seconds > 0):
        return Rate(DEFAULT_RATE, f"the frame time is {word[:20]!r}; {assumed}")
    if 1 / FASTEST <= seconds <= 1 / SLOWEST and seconds < 1:
        note = f"the frame time is {word[:20]!r}; its sign is ignored" if word.startswith("-") else ""
        return Rate(_rounded(seconds, word), note)
    for value, what in (
        (seconds, "a rate"),
        (1000 / seconds, "milliseconds"),
        (1e6 / seconds, "microseconds"),
    ):
        near = common_rate(value, 0.012 if what != "a rate" else 1e-6)
        if near is not None and 10 <= near <= 500:
            return Rate(
                near,
                f"the frame time is {word[:20]!r} seconds, which is taken as {what}: {near:g} frames per second; if "
                "that is wrong, use --rate",
            )
    if 2 <= seconds <= 500:
        return Rate(
            round(seconds, 6),
            f"the frame time is {word[:20]!r} seconds, which is taken as the rate; if that is wrong, use --rate",
        )
    return Rate(DEFAULT_RATE, f"the frame time is {word[:20]!r} seconds; {assumed}")


def common_rate(value: float, tolerance: float) -> float | None:
    """The usual rate within a relative tolerance of a value, None if there is none."""
    near = [rate for rate in _COMMON if abs(rate - value) <= tolerance * rate]
    exact = [rate for rate in near if abs(rate - value) <= 1e-4 * rate]
    return next(iter(exact or near), None)


def _rounded(seconds: float, word: str) -> float:
    """The rate that the frame time was rounded or cut off from."""
    fps = 1 / seconds
    if abs(fps - round(fps)) < 0.01 and float(round(fps)) in _COMMON:
        return float(round(fps))
    mantissa, _, exponent = word.lower().lstrip("+-").partition("e")
    digits = len(mantissa.partition(".")[2])
    step = 10.0 ** (-digits + (int(exponent) if exponent.lstrip("+-").isdecimal() else 0))
    within = [rate for rate in _COMMON if seconds - step / 2 <= 1 / rate < seconds + step * 0.999]
    if within:
        # 0.033 is 30 rather than 29.97: where rounding is ambiguous, the order of the table decides
        exact = [rate for rate in within if abs(1 / rate - seconds) <= step / 2]
        return (exact or within)[0]
    return float(round(fps)) if abs(fps - round(fps)) < 0.01 else round(fps, 6)
