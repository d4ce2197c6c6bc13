"""What repeated measurements say together: a mean and an interval of 95 %."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from bimotion.errors import DataError


@dataclass(frozen=True)
class Measured:
    """A number measured several times."""

    mean: float
    """Mean of the repeats."""
    interval: float
    """Half width of the interval of 95 %, 0 for a single measurement."""
    repeats: int
    """How often it was measured."""

    def __str__(self) -> str:
        return f"{self.mean:.3f}" if self.repeats < 2 else f"{self.mean:.3f} ± {self.interval:.3f}"


def published_interval(values: Sequence[float]) -> Measured:
    """Mean and 1.96 sigma / sqrt(n), with sigma the deviation divided by n: too narrow for few repeats.

    Raises:
        DataError: no values.
    """
    x = _values(values)
    return Measured(float(x.mean()), float(1.96 * x.std() / np.sqrt(len(x))), len(x))


def student_interval(values: Sequence[float]) -> Measured:
    """Mean and Student's interval of 95 %, which holds for few repeats as well.

    Raises:
        DataError: no values.
    """
    x = _values(values)
    if len(x) == 1:
        return Measured(float(x[0]), 0.0, 1)
    half = float(student.ppf(0.975, len(x) - 1)) * x.std(ddof=1) / np.sqrt(len(x))
    return Measured(float(x.mean()), float(half), len(x))


def _values(values: Sequence[float]) -> np.ndarray:
    if not len(values):
        raise DataError("there is nothing measured to take the mean of")
    return np.asarray(values, dtype=np.float64)
