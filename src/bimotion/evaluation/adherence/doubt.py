"""How well warnings separate the requests that a system got wrong from those it got right.

A verdict is an object with `id`, `right` (of a judge) and `match` (`match.Match` as an object), such as those of
`results["requests"]["verdicts"]` where a matcher was given. A system warns where the calibrated probability is below a
limit. The protocol: calibration and limit are fitted on one half of the prompts and measured on the other, both ways.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from bimotion.errors import DataError
from bimotion.evaluation.adherence.match import Calibration, Match, fit_calibration

Verdict = Mapping[str, Any]


@dataclass(frozen=True)
class DoubtBars:
    """What warnings have to reach."""

    warns_wrong: float = 0.80
    """Least share of wrong requests that are warned about."""
    warns_right: float = 0.10
    """Largest share of right requests that are warned about."""


def doubt_rates(
    verdicts: Sequence[Verdict], calibration: Calibration, limit: float
) -> dict[str, float | int]:
    """Shares of wrong and of right requests that are warned about, and how many there are.

    Raises:
        DataError: nothing is right, or nothing is wrong.
    """
    right = np.array([bool(verdict["right"]) for verdict in verdicts])
    if right.all() or not right.any():
        raise DataError("warnings are measured on requests of which some are right and some wrong")
    warned = np.array(_probabilities(verdicts, calibration)) < limit
    return {
        "warns_wrong": float(warned[~right].mean()),
        "wrong": int((~right).sum()),
        "warns_right": float(warned[right].mean()),
        "right": int(right.sum()),
    }


def fit_doubt(
    verdicts: Sequence[Verdict], most_right: float = DoubtBars.warns_right
) -> tuple[Calibration, float]:
    """The calibration, and the highest limit that warns about at most so many of the right requests.

    Raises:
        DataError: all are right, or none is.
    """
    matches = [Match.from_json(verdict["match"]) for verdict in verdicts]
    calibration = fit_calibration(matches, [bool(verdict["right"]) for verdict in verdicts])
    right = np.sort(
        [calibration.probability(m) for m, v in zip(matches, verdicts, strict=True) if v["right"]]
    )
    return calibration, float(right[int(most_right * len(right))])


def halves(verdicts: Sequence[Verdict]) -> tuple[list[Verdict], list[Verdict]]:
    """The verdicts in two halves by prompt: nothing is measured on prompts that it was fitted on."""
    first = set(list(dict.fromkeys(verdict["id"] for verdict in verdicts))[::2])
    return (
        [verdict for verdict in verdicts if verdict["id"] in first],
        [verdict for verdict in verdicts if verdict["id"] not in first],
    )


def measure_doubt(verdicts: Sequence[Verdict], bars: DoubtBars | None = None) -> dict[str, Any]:
    """Rates on each half of the prompts as fitted on the other, averaged; and the calibration and limit of all.

    Raises:
        DataError: a half has nothing right or nothing wrong.
    """
    bars = bars or DoubtBars()
    first, second = halves(verdicts)
    rates = [
        doubt_rates(test, *fit_doubt(fitted, bars.warns_right))
        for fitted, test in ((first, second), (second, first))
    ]
    calibration, limit = fit_doubt(verdicts, bars.warns_right)
    return {
        "warns_wrong": float(np.mean([rate["warns_wrong"] for rate in rates])),
        "warns_right": float(np.mean([rate["warns_right"] for rate in rates])),
        "wrong": int(sum(rate["wrong"] for rate in rates)),
        "right": int(sum(rate["right"] for rate in rates)),
        "calibration": asdict(calibration),
        "limit": limit,
        "bars": asdict(bars),
    }


def _probabilities(verdicts: Sequence[Verdict], calibration: Calibration) -> list[float]:
    return [calibration.probability(Match.from_json(verdict["match"])) for verdict in verdicts]
