"""A report folder: results.json, report.md and a self-contained report.html."""

import base64
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bimotion.errors import DataError
from bimotion.evaluation.evaluate import Evaluation
from bimotion.evaluation.intervals import Measured
from bimotion.evaluation.page import Figure, report_page
from bimotion.evaluation.plots import bar_plot, line_plot, point_plot
from bimotion.evaluation.scores import (
    METRICS,
    PARTS,
    REAL,
    SYSTEM,
    Scores,
    scores_from_json,
    scores_to_json,
)
from bimotion.render.pictures import draw_strip
from bimotion.storage.atomic import atomic_path

FORMAT = "bimotion report 1"
RESULTS_FILE, TEXT_FILE, PAGE_FILE = "results.json", "report.md", "report.html"

STRIP_HEIGHT = 240
"""Pixels of a strip of pictures."""

WIDEST = 7
"""Metrics that stand beside each other in a table; more stand below each other."""


@dataclass(frozen=True)
class Table:
    """A table of a report."""

    heading: str
    """What it is about."""
    columns: list[str]
    """Titles."""
    rows: list[list[str]]
    """Cells as they are shown."""

    def markdown(self) -> str:
        """The table in Markdown, without its heading."""
        lines = [
            f"| {' | '.join(self.columns)} |",
            f"| --- |{' ---: |' * (len(self.columns) - 1)}",
        ]
        return "\n".join(lines + [f"| {' | '.join(row)} |" for row in self.rows])

    def aligned(self) -> str:
        """The table in columns of spaces, for a terminal."""
        lines = [self.columns, *self.rows]
        widths = [max(len(line[place]) for line in lines) for place in range(len(self.columns))]
        return "\n".join(
            "  ".join(
                cell.ljust(width) if not place else cell.rjust(width)
                for place, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in lines
        )


@dataclass(frozen=True)
class Report:
    """A report read back."""

    name: str
    """What was scored."""
    about: dict[str, Any]
    """Protocol, settings, data, evaluator, model and versions."""
    scores: Scores
    """What was measured."""


def write_report(done: Evaluation, name: str, about: dict[str, Any], folder: Path) -> None:
    """Write the three files; each is whole or as it was before."""
    folder.mkdir(parents=True, exist_ok=True)
    results = {
        "format": FORMAT,
        "name": name,
        "about": about,
        "scores": scores_to_json(done.scores),
        "by_content": done.by_content,
        "curves": done.curves,
        "cases": [
            {"kind": case.kind, "id": case.id, "caption": case.caption, "distance": case.distance}
            for case in done.cases
        ],
        "notes": done.notes,
        "seconds": done.seconds,
    }
    tables = [*score_tables(done.scores, name), *_content_table(done, name)]
    _write(folder / RESULTS_FILE, json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    _write(folder / TEXT_FILE, _text(done, name, about, tables))
    _write(folder / PAGE_FILE, _page(done, name, about, tables))


def read_report(folder: Path) -> Report:
    """The report in a folder.

    Raises:
        DataError: there is none.
    """
    path = folder / RESULTS_FILE if folder.is_dir() else folder
    try:
        values = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; `bimotion evaluate` writes a report's folder") from None
    except ValueError as error:
        raise DataError(f"{path}: not JSON ({error})") from None
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise DataError(f"{path}: expected the results of a {FORMAT}")
    return Report(str(values["name"]), values["about"], scores_from_json(values["scores"], str(path)))


def score_tables(scores: Scores, name: str) -> list[Table]:
    """A table a part: a row of the recorded motions, then one of the system; columns where there are many metrics."""
    tables = []
    for part, heading in PARTS.items():
        rows = {row: values for row, values in scores.get(part, {}).items() if values}
        names = [metric for metric in METRICS if any(metric in values for values in rows.values())]
        if names:
            titles = {REAL: "real", SYSTEM: name}
            lines = [["", *(METRICS[metric].title for metric in names)]]
            lines += [
                [titles[row], *(shown(metric, rows[row].get(metric)) for metric in names)] for row in rows
            ]
            if len(names) > WIDEST:
                lines = [list(line) for line in zip(*lines, strict=True)]
            tables.append(Table(heading, lines[0], lines[1:]))
    return tables


def shown(metric: str, value: Measured | None) -> str:
    """A number as tables show it."""
    if value is None:
        return "-"
    digits = METRICS[metric].digits
    if value.repeats < 2:
        return f"{value.mean:.{digits}f}"
    return f"{value.mean:.{digits}f} ± {value.interval:.{digits}f}"


def _content_table(done: Evaluation, name: str) -> list[Table]:
    if len(done.by_content) < 2:
        return []
    rows = [
        [line["content"], str(line["count"]), *(_share(line.get(row)) for row in done.curves)]
        for line in done.by_content
    ]
    titles = {REAL: "real", SYSTEM: name}
    return [Table("Top 3 by content, first repeat", ["", "motions", *(titles[r] for r in done.curves)], rows)]


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"


def _text(done: Evaluation, name: str, about: dict[str, Any], tables: Iterable[Table]) -> str:
    blocks = [f"# Evaluation of {name}", *(f"- {line}" for line in headlines(about))]
    text = "\n".join([blocks[0], "", *blocks[1:], ""])
    for table in tables:
        text += f"\n## {table.heading}\n\n{table.markdown()}\n"
    if done.notes:
        text += "\n## To be known\n\n" + "\n".join(f"- {note}" for note in done.notes) + "\n"
    if done.cases:
        text += "\n## Nearest to and farthest from their captions\n\n"
        text += "\n".join(
            f"- {case.kind} ({case.distance:.2f}): {case.caption} ({case.id})" for case in done.cases
        )
        text += "\n"
    return text + f"\nEvery setting, seed, version and fingerprint: {RESULTS_FILE}.\n"


def headlines(about: dict[str, Any]) -> list[str]:
    """The choices that a reader needs first."""
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
            said = ", ".join(f"{key} {value}" for key, value in facts.items() if key not in ("fingerprint",))
            lines.append(f"{part}: {said}{mark}")
    lines.append(f"bimotion {about['versions']['bimotion']}, torch {about['versions']['torch']}")
    return lines


def _page(done: Evaluation, name: str, about: dict[str, Any], tables: Sequence[Table]) -> str:
    titles = {REAL: "real", SYSTEM: name}
    figures = []
    if done.curves:
        curves = {titles[row]: values for row, values in done.curves.items()}
        figures.append(Figure("Captions that find their motion", line_plot(curves, "nearest k", "found")))
    if done.points:
        clouds = {titles[row]: values for row, values in done.points.items()}
        figures.append(
            Figure("Embeddings, on the axes of the real ones", point_plot(clouds, "embeddings of motions"))
        )
    if len(done.by_content) > 1:
        rows = [(line["content"], [line.get(row) for row in done.curves]) for line in done.by_content]
        figures.append(
            Figure(
                "Top 3 by content", bar_plot(rows, [titles[row] for row in done.curves], "top 3 by content")
            )
        )
    strips = []
    for case in done.cases:
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
        done.notes,
        json.dumps(about, indent=1, ensure_ascii=False),
    )


def _write(path: Path, text: str) -> None:
    with atomic_path(path) as target:
        target.write_text(text, encoding="utf-8", newline="\n")
