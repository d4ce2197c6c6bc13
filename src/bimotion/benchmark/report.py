"""Results as JSON and as a table."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from bimotion.benchmark.machine import BUSY_LOAD, WIDE_SPREAD, Machine
from bimotion.benchmark.run import Measured
from bimotion.benchmark.work import bound_seconds

if TYPE_CHECKING:
    from bimotion.benchmark.workflows import Waited

COLUMNS = (
    "what",
    "batch",
    "precision",
    "min s",
    "median s",
    "spread",
    "bound s",
    "ratio",
    "peak MB",
    "error",
)
"""Columns of the table; spread: (slowest - fastest) / median; ratio: median over bound."""


LEFT = (0, 2)
"""Left-aligned columns."""


def as_json(measured: Sequence[Measured], machine: Machine, about: dict[str, Any]) -> dict[str, Any]:
    """All results: the machine, and each figure's repeats, bound and parts."""
    return {
        **about,
        "gigabytes_per_second": round(machine.bytes_per_second / 1e9, 2),
        "gigaflops_per_second": round(machine.flops_per_second / 1e9, 1),
        "last_cache_megabytes": round(machine.cache_bytes / 1e6, 1),
        "cached_gigabytes_per_second": round(machine.cached_bytes_per_second / 1e9, 1),
        "figures": [
            {
                **asdict(one.figure),
                "min_s": round(one.least, 4),
                "median_s": round(one.median, 4),
                "seconds": [round(seconds, 4) for seconds in one.seconds],
                "spread": round(one.spread, 3),
                "bound_s": round(bound_seconds(one.parts, machine), 4),
                "ratio": round(one.median / bound_seconds(one.parts, machine), 3),
                "peak_mb": round(one.peak_bytes / 1e6),
                "error": one.error,
                "parts": [
                    {**asdict(part), "bound_s": round(bound_seconds([part], machine), 4)}
                    for part in one.parts
                ],
            }
            for one in measured
        ],
    }


def as_table(measured: Sequence[Measured], machine: Machine) -> str:
    """Markdown table with aligned columns."""
    return _table([COLUMNS, *(_row(one, machine) for one in measured)])


def workflows_as_json(waited: "Sequence[Waited]") -> list[dict[str, Any]]:
    """All workflows with the seconds of each repeat."""
    return [
        {**asdict(one), "median_s": round(one.median, 4), "per_second": round(one.count / one.median, 2)}
        for one in waited
    ]


def workflows_as_table(waited: "Sequence[Waited]") -> str:
    """Markdown table with aligned columns."""
    rows = [
        (one.name, f"{one.median:.3f}", f"{one.spread:.0%}", f"{one.count / one.median:,.1f}", one.unit)
        for one in waited
    ]
    return _table([("what", "median s", "spread", "a second", "of"), *rows])


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rule = ["-" * width if column in LEFT else "-" * (width - 1) + ":" for column, width in enumerate(widths)]
    cells = [
        [
            cell.ljust(width) if column in LEFT else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        for row in rows
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in (cells[0], rule, *cells[1:]))


def disturbance(spreads: Sequence[float], load: float | None) -> str | None:
    """Why the machine was not quiet (its load before the run, or repeats that differ); None if it was."""
    reasons = []
    if load is not None and load > BUSY_LOAD:
        reasons.append(f"its load was {load:.1f} before the run")
    if wide := sum(spread > WIDE_SPREAD for spread in spreads):
        reasons.append(
            f"the repeats of {wide} of {len(spreads)} figures differ by more than {WIDE_SPREAD:.0%}"
        )
    return f"the machine was not quiet: {', and '.join(reasons)}" if reasons else None


def _row(one: Measured, machine: Machine) -> tuple[str, ...]:
    bound = bound_seconds(one.parts, machine)
    return (
        one.figure.kind,
        str(one.figure.batch),
        one.figure.precision,
        f"{one.least:.3f}",
        f"{one.median:.3f}",
        f"{one.spread:.0%}",
        f"{bound:.3f}",
        f"{one.median / bound:.2f}",
        f"{one.peak_bytes / 1e6:.0f}",
        "" if one.error is None else f"{one.error:.1%}",
    )
