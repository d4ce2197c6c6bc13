"""A report folder: results.json, report.md and a self-contained report.html."""

import base64
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bimotion.errors import DataError
from bimotion.evaluation.evaluation import Evaluation
from bimotion.evaluation.intervals import Measured
from bimotion.evaluation.page import Figure, report_page
from bimotion.evaluation.plots import bar_plot, line_plot, point_plot
from bimotion.evaluation.scores import (
    METRICS,
    PARTS,
    PUBLISHED,
    REAL,
    SYSTEM,
    Scores,
    scores_from_json,
    scores_to_json,
)
from bimotion.render.pictures import draw_strip
from bimotion.storage.atomic import atomic_path
from bimotion.storage.json_files import read_json_object
from bimotion.storage.records import record_from_json

FORMAT = "bimotion report 1"
RESULTS_FILE, TEXT_FILE, PAGE_FILE = "results.json", "report.md", "report.html"

STRIP_HEIGHT = 240
"""Height of a strip of pictures, pixels."""

MAX_COLUMNS = 7
"""Metrics in the columns of a table; with more metrics, the table is transposed."""

ROW_TITLES = {REAL: "real", PUBLISHED: "real, as published"}
"""Titles of rows, in their order; the system's row has its name and comes last."""


@dataclass(frozen=True)
class Table:
    """A table of a report."""

    heading: str
    """Heading above the table."""
    columns: list[str]
    """Column titles."""
    rows: list[list[str]]
    """Cells as text."""

    def markdown(self) -> str:
        """The table in Markdown, without its heading."""
        lines = [
            f"| {' | '.join(self.columns)} |",
            f"| --- |{' ---: |' * (len(self.columns) - 1)}",
        ]
        return "\n".join(lines + [f"| {' | '.join(row)} |" for row in self.rows])

    def aligned(self) -> str:
        """The table aligned with spaces, for a terminal."""
        lines = [self.columns, *self.rows]
        widths = [max(len(line[column]) for line in lines) for column in range(len(self.columns))]
        return "\n".join(
            "  ".join(
                cell.rjust(width) if column else cell.ljust(width)
                for column, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in lines
        )


@dataclass(frozen=True)
class Report:
    """A report read back."""

    name: str
    """Name of the evaluated system."""
    about: dict[str, Any]
    """Protocol, settings, data, evaluator, model and versions."""
    scores: Scores
    """Measured scores."""


def write_report(result: Evaluation, name: str, about: dict[str, Any], folder: Path) -> None:
    """Write the three files of a report, each atomically."""
    folder.mkdir(parents=True, exist_ok=True)
    results = {
        "format": FORMAT,
        "name": name,
        "about": about,
        "scores": scores_to_json(result.scores),
        "by_content": result.by_content,
        "curves": result.curves,
        "cases": [
            {"kind": case.kind, "id": case.id, "caption": case.caption, "distance": case.distance}
            for case in result.cases
        ],
        "notes": result.notes,
        "seconds": result.seconds,
    }
    tables = [*score_tables(result.scores, name), *_content_table(result, name)]
    _write(folder / RESULTS_FILE, json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    _write(folder / TEXT_FILE, _text(result, name, about, tables))
    _write(folder / PAGE_FILE, _page(result, name, about, tables))


def read_report(folder: Path) -> Report:
    """The report in a folder.

    Raises:
        DataError: the folder holds no report.
    """
    path = folder / RESULTS_FILE if folder.is_dir() else folder
    if not path.exists():
        raise DataError(f"{path}: no such file; `bimotion evaluate` writes a report's folder")
    values = read_json_object(path)
    if values.get("format") != FORMAT:
        raise DataError(f"{path}: expected the results of a {FORMAT}")
    known = {name: values[name] for name in ("name", "about", "scores") if name in values}
    stored = record_from_json(_Stored, known, str(path), DataError)
    return Report(stored.name, stored.about, scores_from_json(stored.scores, str(path)))


@dataclass(frozen=True)
class _Stored:
    """What is read of a report's results."""

    name: str
    about: dict[str, Any]
    scores: dict[str, Any]


def score_tables(scores: Scores, name: str) -> list[Table]:
    """One table per part: the recorded motions first, then the system; transposed if there are many metrics."""
    tables = []
    for part, heading in PARTS.items():
        titles = {**ROW_TITLES, SYSTEM: name}
        rows = {row: scores[part][row] for row in titles if scores.get(part, {}).get(row)}
        names = [metric for metric in METRICS if any(metric in values for values in rows.values())]
        if names:
            lines = [["", *(METRICS[metric].title for metric in names)]]
            lines += [
                [titles[row], *(shown(metric, rows[row].get(metric)) for metric in names)] for row in rows
            ]
            if len(names) > MAX_COLUMNS:
                lines = [list(line) for line in zip(*lines, strict=True)]
            tables.append(Table(heading, lines[0], lines[1:]))
    return tables


def shown(metric: str, value: Measured | None) -> str:
    """A value as tables show it."""
    if value is None:
        return "-"
    digits = METRICS[metric].digits
    if value.repeats < 2:
        return f"{value.mean:.{digits}f}"
    return f"{value.mean:.{digits}f} ± {value.interval:.{digits}f}"


def _content_table(result: Evaluation, name: str) -> list[Table]:
    if len(result.by_content) < 2:
        return []
    rows = [
        [line["content"], str(line["count"]), *(_share(line.get(row)) for row in result.curves)]
        for line in result.by_content
    ]
    titles = {REAL: "real", SYSTEM: name}
    return [
        Table("Top 3 by content, first repeat", ["", "motions", *(titles[r] for r in result.curves)], rows)
    ]


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"


def _text(result: Evaluation, name: str, about: dict[str, Any], tables: Iterable[Table]) -> str:
    blocks = [f"# Evaluation of {name}", *(f"- {line}" for line in headlines(about))]
    text = "\n".join([blocks[0], "", *blocks[1:], ""])
    for table in tables:
        text += f"\n## {table.heading}\n\n{table.markdown()}\n"
    if result.notes:
        text += "\n## Notes\n\n" + "\n".join(f"- {note}" for note in result.notes) + "\n"
    if result.cases:
        text += "\n## Nearest to and farthest from their captions\n\n"
        text += "\n".join(
            f"- {case.kind} ({case.distance:.2f}): {case.caption} ({case.id})" for case in result.cases
        )
        text += "\n"
    return text + f"\nEvery setting, seed, version and fingerprint: {RESULTS_FILE}.\n"


def headlines(about: dict[str, Any]) -> list[str]:
    """Settings that a reader needs first."""
    lines = []
    if "protocol" in about:
        lines.append(f"protocol {about['protocol']['name']}")
    if "data" in about:
        data, settings = about["data"], about["settings"]
        lines.append(
            f"{data['windows']} motions of {data['name']} ({settings['split']}), {settings['repeats']} repeats, "
            f"seed {settings['seed']}; data {data['fingerprint'][:12]}"
        )
    for part in ("evaluator", "model", "motions"):
        if part in about:
            facts = about[part]
            mark = f" {facts['fingerprint'][:12]}" if "fingerprint" in facts else ""
            description = ", ".join(
                f"{key} {value}" for key, value in facts.items() if key not in ("fingerprint",)
            )
            lines.append(f"{part}: {description}{mark}")
    lines.append(f"bimotion {about['versions']['bimotion']}, torch {about['versions']['torch']}")
    return lines


def _page(result: Evaluation, name: str, about: dict[str, Any], tables: Sequence[Table]) -> str:
    titles = {REAL: "real", SYSTEM: name}
    figures = []
    if result.curves:
        curves = {titles[row]: values for row, values in result.curves.items()}
        figures.append(
            Figure("Share of captions that find their motion", line_plot(curves, "nearest k", "found"))
        )
    if result.points:
        clouds = {titles[row]: values for row, values in result.points.items()}
        figures.append(
            Figure(
                "Embeddings on the principal axes of the recorded ones",
                point_plot(clouds, "embeddings of motions"),
            )
        )
    if len(result.by_content) > 1:
        rows = [(line["content"], [line.get(row) for row in result.curves]) for line in result.by_content]
        figures.append(
            Figure(
                "Top 3 by content", bar_plot(rows, [titles[row] for row in result.curves], "top 3 by content")
            )
        )
    strips = []
    for case in result.cases:
        data = io.BytesIO()
        draw_strip(case.clip, height=STRIP_HEIGHT).save(data, format="PNG", optimize=True)
        strips.append(
            (
                f"{case.kind}: {case.caption} ({case.id}, {case.distance:.2f})",
                base64.b64encode(data.getvalue()).decode(),
            )
        )
    return report_page(
        f"Evaluation of {name}",
        headlines(about),
        [(table.heading, table.columns, table.rows) for table in tables],
        figures,
        strips,
        result.notes,
        json.dumps(about, indent=1, ensure_ascii=False),
    )


def _write(path: Path, text: str) -> None:
    with atomic_path(path) as target:
        target.write_text(text, encoding="utf-8", newline="\n")
