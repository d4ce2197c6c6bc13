"""How well a score tells requests that a system got wrong from those it got right: when a system should warn.

A verdict is an object with `right` (of a judge) and `match` (the system's own score of motion and request, higher is
better), such as `results["requests"]["verdicts"]` of a report with scores added. A warning is given below a limit.

Source of the protocol: of the requests judged wrong at least 80 % are to be warned about, of those judged right at most
10 %. The limit is fitted on one half of the prompts and reported on the other (`halves`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bimotion.errors import DataError

Verdict = Mapping[str, Any]


@dataclass(frozen=True)
class DoubtBars:
    """What warnings have to reach."""

    warns_wrong: float = 0.80
    """Least share of wrong requests that are warned about."""
    warns_right: float = 0.10
    """Most right requests that are warned about."""


def doubt_rates(verdicts: Sequence[Verdict], limit: float) -> dict[str, float | int]:
    """Shares of wrong and of right requests with a score below the limit, and how many there are.

    Raises:
        DataError: nothing is right, or nothing is wrong.
    """
    right = np.array([bool(verdict["right"]) for verdict in verdicts])
    match = np.array([float(verdict["match"]) for verdict in verdicts])
    if right.all() or not right.any():
        raise DataError("warnings are measured on requests of which some are right and some wrong")
    warned = match < limit
    return {
        "warns_wrong": float(warned[~right].mean()),
        "wrong": int((~right).sum()),
        "warns_right": float(warned[right].mean()),
        "right": int(right.sum()),
    }


def fit_limit(verdicts: Sequence[Verdict], most_right: float = DoubtBars.warns_right) -> float:
    """The highest limit that warns about at most so many of the right requests.

    Raises:
        DataError: nothing is right.
    """
    matches = np.sort([float(verdict["match"]) for verdict in verdicts if verdict["right"]])
    if not len(matches):
        raise DataError("a limit is fitted on requests of which some are right")
    return float(matches[int(most_right * len(matches))])


def halves(verdicts: Sequence[Verdict]) -> tuple[list[Verdict], list[Verdict]]:
    """The verdicts in two halves by prompt, so that a limit is not reported on prompts that it was fitted on."""
    ids = list(dict.fromkeys(verdict["id"] for verdict in verdicts))
    first = set(ids[::2])
    return (
        [verdict for verdict in verdicts if verdict["id"] in first],
        [verdict for verdict in verdicts if verdict["id"] not in first],
    )


def measure_doubt(verdicts: Sequence[Verdict], bars: DoubtBars | None = None) -> dict[str, float | int]:
    """The rates on each half of the prompts with the limit of the other, averaged; and the limit of all.

    Raises:
        DataError: a half has nothing right or nothing wrong.
    """
    bars = bars or DoubtBars()
    first, second = halves(verdicts)
    rates = [
        doubt_rates(test, fit_limit(fitted, bars.warns_right))
        for fitted, test in ((first, second), (second, first))
    ]
    return {
        "limit": fit_limit(verdicts, bars.warns_right),
        "warns_wrong": float(np.mean([rate["warns_wrong"] for rate in rates])),
        "warns_right": float(np.mean([rate["warns_right"] for rate in rates])),
        "wrong": int(sum(rate["wrong"] for rate in rates)),
        "right": int(sum(rate["right"] for rate in rates)),
    }
