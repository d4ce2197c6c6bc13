"""The unit of a motion file, from the size of the body and a prior."""

from dataclasses import dataclass

import numpy as np

from bimotion.errors import MotionFileError

UNITS: dict[str, float] = {"m": 1.0, "dm": 0.1, "cm": 0.01, "inch": 0.0254, "mm": 0.001}
"""Metres in each unit that a user may name."""

VICON = 0.0254 / 0.45
"""Metres in Vicon's unit at CMU, which some conversions of these recordings keep."""

ADULT = 1.32
"""Metres along leg and trunk, from ankle to neck, of an adult 1.7 m tall."""

_SPREAD = 0.25
"""Standard deviation of the logarithm of a body's size: children and giants are rare."""

_COST: dict[str, float] = {"m": 0.0, "cm": 0.0, "mm": 0.3, "inch": 0.5, "dm": 1.0, "CMU": 2.5}
"""Minus the logarithm of the share of files in each unit, up to a constant."""


@dataclass(frozen=True)
class Unit:
    """The unit of a file's lengths."""

    name: str
    metres: float
    doubt: str = ""
    """A warning where another unit is possible or the body has an unusual size."""


def unit_named(unit: str, where: str, body: float) -> Unit:
    """The unit that the user named, with a doubt where leg and trunk of `body` units are then not a person's.

    Raises:
        MotionFileError: no such unit.
    """
    if unit not in UNITS:
        raise MotionFileError(f"{where}: unknown unit {unit!r}; expected one of {', '.join(UNITS)}")
    metres = UNITS[unit]
    if 0.35 < metres * body / ADULT < 2.0:
        return Unit(unit, metres)
    doubt = (
        f"with --unit {unit} the person is {1.29 * metres * body:.3g} m tall; --unit is for the file that is read, "
        "--out-unit for the one that is written"
    )
    return Unit(unit, metres, doubt)


def find_unit(body: float, where: str, *, vicon: bool = False) -> Unit:
    """The unit of a file in which leg and trunk measure `body` from ankle to neck.

    The unit is the likeliest: how near the body comes to an adult's, weighted with how common each unit is; `vicon`
    says that the file is of a family that is common in Vicon's unit.

    Raises:
        MotionFileError: the body is a person's in no unit.
    """
    guesses = UNITS | {"CMU": VICON}
    if not (body > 0 and np.isfinite(body)):
        raise MotionFileError(
            f"{where}: the body has no size: from ankle to neck it measures {body:.4g} units"
        )

    def cost(name: str) -> float:
        size = np.log(guesses[name] * body / ADULT)
        return float(size**2 / (2 * _SPREAD**2)) + (0.0 if vicon and name == "CMU" else _COST[name])

    best = min(guesses, key=cost)
    size = guesses[best] * body
    if not 0.3 < size / ADULT < 2.0:
        raise MotionFileError(
            f"{where}: from ankle to neck the body measures {body:.4g} units, which is a person's size in none of "
            f"{', '.join(UNITS)}; give the unit with --unit"
        )
    doubt = ""
    if not 0.72 < size / ADULT < 1.35:
        doubt = (
            f"the body measures {body:.4g} units from ankle to neck; {unit_text(best)} is assumed, which makes the "
            f"person about {1.7 * size / ADULT:.2f} m tall; if that is wrong, use --unit"
        )
    elif best in ("dm", "CMU") and not vicon:
        doubt = (
            f"the body measures {body:.4g} units from ankle to neck; {unit_text(best)} is assumed; if that is "
            "wrong, use --unit"
        )
    return Unit(best, guesses[best], doubt)


def unit_text(name: str) -> str:
    """The unit's name in messages."""
    return "Vicon's unit at CMU (5.64 cm)" if name == "CMU" else name
