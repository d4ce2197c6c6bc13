"""How well a model's warnings separate the requests that it got wrong from those it got right.

A verdict is an object with `id`, `right` (of a judge), `warned` (whether the model doubts its motion) and `score` (its
match of motion and sentence, 0 to 1, or None), such as those of `results["requests"]["verdicts"]` of a run with
warnings. The protocol: the warnings as users get them; and the best that the score alone could do, with the limit
fitted on one half of the prompts and measured on the other, both ways.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from bimotion.errors import DataError

Verdict = Mapping[str, Any]


@dataclass(frozen=True)
class WarningTargets:
    """Targets of the model's warnings; shares are 0 to 1."""

    warns_wrong: float = 0.80
    """Least share of wrong requests that are warned about."""
    warns_right: float = 0.10
    """Largest share of right requests that are warned about."""


def doubt_rates(verdicts: Sequence[Verdict], limit: float | None = None) -> dict[str, float | int]:
    """Shares of wrong and of right requests that are warned about: by the model, or by scores below a limit.

    Raises:
        DataError: nothing is right, or nothing is wrong.
    """
    right = np.array([bool(verdict["right"]) for verdict in verdicts])
    if right.all() or not right.any():
        raise DataError("warnings can only be measured on results of which some are right and some wrong")
    warned = np.array(
        [verdict["warned"] if limit is None else float(verdict["score"]) < limit for verdict in verdicts]
    )
    return {
        "warns_wrong": float(warned[~right].mean()),
        "wrong": int((~right).sum()),
        "warns_right": float(warned[right].mean()),
        "right": int(right.sum()),
    }


def fit_limit(verdicts: Sequence[Verdict], most_right: float = WarningTargets.warns_right) -> float:
    """The highest limit of the score that warns about at most so many of the right requests.

    Raises:
        DataError: nothing is right.
    """
    scores = np.sort([float(verdict["score"]) for verdict in verdicts if verdict["right"]])
    if not len(scores):
        raise DataError("a limit can only be fitted on results of which some are right")
    return float(scores[int(most_right * len(scores))])


def halves(verdicts: Sequence[Verdict]) -> tuple[list[Verdict], list[Verdict]]:
    """The verdicts in two halves by prompt: nothing is measured on prompts that it was fitted on."""
    first = set(list(dict.fromkeys(verdict["id"] for verdict in verdicts))[::2])
    return (
        [verdict for verdict in verdicts if verdict["id"] in first],
        [verdict for verdict in verdicts if verdict["id"] not in first],
    )


def measure_doubt(
    verdicts: Sequence[Verdict], targets: WarningTargets | None = None
) -> dict[str, Any] | None:
    """Rates of the model's own warnings, and of the score with a fitted limit.

    None where everything in one half of the prompts is right, or everything is wrong.
    """
    targets = targets or WarningTargets()
    parts = halves(verdicts)
    if any(len({bool(verdict["right"]) for verdict in part}) < 2 for part in parts):
        return None
    result: dict[str, Any] = {**doubt_rates(verdicts), "targets": asdict(targets)}
    if all(verdict["score"] is not None for verdict in verdicts):
        rates = [
            doubt_rates(test, fit_limit(fitted, targets.warns_right))
            for fitted, test in (parts, reversed(parts))
        ]
        result["by_score"] = {
            "limit": fit_limit(verdicts, targets.warns_right),
            "warns_wrong": float(np.mean([rate["warns_wrong"] for rate in rates])),
            "warns_right": float(np.mean([rate["warns_right"] for rate in rates])),
        }
    return result
