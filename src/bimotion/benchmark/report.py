"""Results as JSON and as a table."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from bimotion.benchmark.machine import Machine
from bimotion.benchmark.run import Measured
from bimotion.benchmark.work import bound_seconds

COLUMNS = ("what", "batch", "precision", "min s", "median s", "bound s", "ratio", "peak MB", "error")
"""Columns of the table; ratio: median over bound."""


LEFT = (0, 2)
"""Left-aligned columns."""


def as_json(measured: Sequence[Measured], machine: Machine, about: dict[str, Any]) -> dict[str, Any]:
    """All results: the machine, and each figure's repeats, bound and parts."""
    return {
        **about,
        "gigabytes_per_second": round(machine.bytes_per_second / 1e9, 2),
        "gigaflops_per_second": round(machine.flops_per_second / 1e9, 1),
        "figures": [
            {
                **asdict(one.figure),
                "min_s": round(one.least, 4),
                "median_s": round(one.median, 4),
                "seconds": [round(seconds, 4) for seconds in one.seconds],
                "bound_s": round(bound_seconds(one.parts, machine), 4),
                "ratio": round(one.median / bound_seconds(one.parts, machine), 3),
                "peak_mb": round(one.peak_bytes / 1e6),
                "error": one.error,
                "parts": [
                    {**asdict(part), "bound_s": round(machine.seconds(part.flops, part.read), 4)}
                    for part in one.parts
                ],
            }
            for one in measured
        ],
    }


def as_table(measured: Sequence[Measured], machine: Machine) -> str:
    """Markdown table with aligned columns."""
    rows = [COLUMNS, *(_row(one, machine) for one in measured)]
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


def _row(one: Measured, machine: Machine) -> tuple[str, ...]:
    bound = bound_seconds(one.parts, machine)
    return (
        one.figure.kind,
        str(one.figure.batch),
        one.figure.precision,
        f"{one.least:.3f}",
        f"{one.median:.3f}",
        f"{bound:.3f}",
        f"{one.median / bound:.2f}",
        f"{one.peak_bytes / 1e6:.0f}",
        "" if one.error is None else f"{one.error:.1%}",
    )
