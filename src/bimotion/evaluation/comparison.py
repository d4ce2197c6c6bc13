"""Statistically significant differences between two reports."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bimotion.errors import DataError
from bimotion.evaluation.intervals import Measured
from bimotion.evaluation.report import Report, Table, shown
from bimotion.evaluation.scores import METRICS, PARTS, REAL, SYSTEM


@dataclass(frozen=True)
class Difference:
    """One metric in two reports."""

    part: str
    """Part of the report."""
    metric: str
    """Name of the metric."""
    a: Measured
    """Value in the first report."""
    b: Measured
    """Value in the second report."""
    real: Measured | None
    """Value of the recorded motions."""
    exceeds: bool | None
    """Whether the difference exceeds its 95 % interval; None: measured once, without an interval."""
    better: str
    """`A` or `B`; empty if neither is better or the metric has no direction."""


def compare(a: Report, b: Report) -> list[Difference]:
    """Every metric that both reports have, of the evaluated systems (of the recorded motions if there is none).

    Two values differ significantly if the interval of their difference, sqrt(i² + j²), does not contain 0.

    Raises:
        DataError: the reports have different protocols, evaluators or data, so their values are not comparable.
    """
    for field, key in (("protocol", "name"), ("evaluator", "fingerprint"), ("data", "fingerprint")):
        value_a, value_b = (report.about.get(field, {}).get(key) for report in (a, b))
        if value_a != value_b:
            raise DataError(
                f"{a.name} and {b.name} cannot be compared: {field} {_short(value_a)} and {field} {_short(value_b)}; "
                "evaluate both in the same way"
            )
    differences = []
    for part in PARTS:
        rows = [report.scores.get(part, {}) for report in (a, b)]
        scores_a, scores_b = (row.get(SYSTEM) or row.get(REAL) or {} for row in rows)
        for metric in METRICS:
            if metric in scores_a and metric in scores_b:
                real = rows[0].get(REAL, {}).get(metric)
                differences.append(_difference(part, metric, scores_a[metric], scores_b[metric], real))
    if not differences:
        raise DataError(f"{a.name} and {b.name} have no metric in common")
    return differences


def comparison_tables(differences: Sequence[Difference], a: Report, b: Report) -> list[Table]:
    """One table per part."""
    tables = []
    for part, heading in PARTS.items():
        rows = [
            [
                METRICS[each.metric].title,
                shown(each.metric, each.real),
                shown(each.metric, each.a),
                shown(each.metric, each.b),
                f"{each.b.mean - each.a.mean:+.{METRICS[each.metric].digits}f}",
                {True: "yes", False: "no", None: "one measurement"}[each.exceeds],
                {"A": a.name, "B": b.name, "": ""}[each.better] if each.exceeds else "",
            ]
            for each in differences
            if each.part == part
        ]
        if rows:
            columns = ["", "real", f"A: {a.name}", f"B: {b.name}", "B - A", "significant", "better"]
            tables.append(Table(heading, columns, rows))
    return tables


def differences_to_json(differences: Sequence[Difference]) -> list[dict[str, Any]]:
    """The differences as JSON values."""
    return [asdict(each) for each in differences]


def _short(value: str | None) -> str:
    return "none" if value is None else value if len(value) < 32 else value[:12]


def _difference(part: str, metric: str, a: Measured, b: Measured, real: Measured | None) -> Difference:
    exceeds = None
    if min(a.repeats, b.repeats) > 1:
        exceeds = abs(a.mean - b.mean) > math.hypot(a.interval, b.interval)
    sign = METRICS[metric].better
    if sign == "real" and real is not None:
        gain = abs(a.mean - real.mean) - abs(b.mean - real.mean)
    else:
        gain = {"higher": 1, "lower": -1}.get(sign, 0) * (b.mean - a.mean)
    return Difference(part, metric, a, b, real, exceeds, "B" if gain > 0 else "A" if gain < 0 else "")
