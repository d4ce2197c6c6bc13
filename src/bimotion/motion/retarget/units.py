"""How long a unit of a motion file is."""

import numpy as np

from bimotion.errors import MotionFileError

UNITS: dict[str, float] = {"m": 1.0, "cm": 0.01, "inch": 0.0254, "mm": 0.001}
"""Metres in each unit that a user may name."""

_GUESSES: tuple[float, ...] = (*UNITS.values(), 0.0254 / 0.45)
"""What a file may be in; the last is Vicon's unit at CMU, in which some BVH conversions are."""

_ADULT = 1.32
"""Metres along leg and trunk, from ankle to neck, of an adult 1.7 m tall."""


def metres_per_unit(body: float, unit: str | None, where: str) -> float:
    """Metres in a unit of a file in which leg and trunk together measure `body` units.

    Without `unit` it is the one of m, cm, inch, mm and CMU's that makes the body most like an adult's.

    Raises:
        MotionFileError: an unknown unit, or a body between 0.6 and 3.4 m tall in none of them.
    """
    if unit is not None:
        if unit not in UNITS:
            raise MotionFileError(f"{where}: unknown unit {unit!r}; expected one of {', '.join(UNITS)}")
        return UNITS[unit]
    if body > 0 and np.isfinite(body):
        best = min(_GUESSES, key=lambda metres: abs(np.log(metres * body / _ADULT)))
        if 0.35 < best * body / _ADULT < 2.0:
            return best
    raise MotionFileError(
        f"{where}: from ankle to neck the body measures {body:.4g} units, which fits a person in none of "
        f"{', '.join(UNITS)}; name the unit with --unit"
    )
