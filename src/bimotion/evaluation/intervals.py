"""Mean and 95 % confidence interval of repeated measurements."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from bimotion.errors import DataError


@dataclass(frozen=True)
class Measured:
    """Mean of repeated measurements with its confidence interval."""

    mean: float
    """Mean of the repeats."""
    interval: float
    """Half width of the 95 % interval; 0 for a single measurement."""
    repeats: int
    """Number of measurements."""

    def __str__(self) -> str:
        return f"{self.mean:.3f}" if self.repeats < 2 else f"{self.mean:.3f} ± {self.interval:.3f}"


def published_interval(values: Sequence[float]) -> Measured:
    """Mean and 1.96 sigma / sqrt(n) with the population sigma, as published: too narrow for few repeats.

    Raises:
        DataError: no values.
    """
    x = _values(values)
    return Measured(float(x.mean()), float(1.96 * x.std() / np.sqrt(len(x))), len(x))


def student_interval(values: Sequence[float]) -> Measured:
    """Mean and Student's 95 % interval, which is right for few repeats as well.

    Raises:
        DataError: no values.
    """
    x = _values(values)
    if len(x) == 1:
        return Measured(float(x[0]), 0.0, 1)
    half = float(student.ppf(0.975, len(x) - 1)) * x.std(ddof=1) / np.sqrt(len(x))
    return Measured(float(x.mean()), float(half), len(x))


def interval_of(*, normal: bool) -> Callable[[Sequence[float]], Measured]:
    """The published interval if `normal`, else Student's."""
    return published_interval if normal else student_interval


def _values(values: Sequence[float]) -> np.ndarray:
    if not len(values):
        raise DataError("a mean needs at least one measurement")
    return np.asarray(values, dtype=np.float64)
