"""The HTML page of a report: tables, plots and pictures in one self-contained file."""

import html
from collections.abc import Sequence
from dataclasses import dataclass

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --soft: #66707f; --line: #dde2e9; --page: #fbfcfe; --a: #2f6fde;
  --b: #e2703a; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8ecf2; --soft: #98a2b2; --line: #333c4a; --page: #151a21;
  --a: #6fa3ff; --b: #ff9b68; } }
body { margin: 0 auto; max-width: 1120px; padding: 24px; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 26px; margin: 0 0 8px; } h2 { font-size: 18px; margin: 32px 0 8px; }
ul { padding-left: 20px; color: var(--soft); } figcaption { color: var(--soft); margin: 4px 0; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; } th, td { padding: 5px 12px; border-bottom: 1px solid var(--line);
  text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
th { font-weight: 600; color: var(--soft); } th:first-child, td:first-child { text-align: left; }
.figures { display: flex; flex-wrap: wrap; gap: 24px; }
.figures figure { flex: 1 1 440px; max-width: 540px; margin: 0; }
figure { margin: 0 0 18px; } img { max-width: 100%; border-radius: 8px; } svg { width: 100%; height: auto; }
svg text { font: 12px system-ui, sans-serif; fill: var(--ink); } svg .soft { fill: var(--soft); }
.grid { stroke: var(--line); } .line { fill: none; stroke-width: 2.2; } .s0 { stroke: var(--a); }
.s1 { stroke: var(--b); } .bar.s0 { fill: var(--a); stroke: none; } .bar.s1 { fill: var(--b); stroke: none; }
.dot { stroke: none; opacity: .55; } .dot.s0 { fill: var(--a); } .dot.s1 { fill: var(--b); }
pre { overflow-x: auto; font-size: 12px; color: var(--soft); }
"""


@dataclass(frozen=True)
class Figure:
    """A plot."""

    title: str
    """Caption."""
    svg: str
    """The plot as SVG."""


def report_page(
    title: str,
    headlines: Sequence[str],
    tables: Sequence[tuple[str, Sequence[str], Sequence[Sequence[str]]]],
    figures: Sequence[Figure],
    strips: Sequence[tuple[str, str]],
    notes: Sequence[str],
    settings: str,
) -> str:
    """The page; `tables` are heading, columns and rows, `strips` a caption and a PNG in base64."""
    body = [f"<h1>{html.escape(title)}</h1>", _list(headlines)]
    for heading, columns, rows in tables:
        body.append(f"<h2>{html.escape(heading)}</h2>{_table(columns, rows)}")
    if figures:
        drawn = "".join(
            f"<figure>{figure.svg}<figcaption>{html.escape(figure.title)}</figcaption></figure>"
            for figure in figures
        )
        body.append(f'<h2>Plots, first repeat</h2><div class="figures">{drawn}</div>')
    if strips:
        body.append("<h2>Nearest to and farthest from their captions</h2>")
        for caption, png in strips:
            text = html.escape(caption)
            body.append(
                f'<figure><img alt="{text}" src="data:image/png;base64,{png}">'
                f"<figcaption>{text}</figcaption></figure>"
            )
    if notes:
        body.append(f"<h2>Notes</h2>{_list(notes)}")
    body.append(
        f"<h2>Settings</h2><details><summary>all</summary><pre>{html.escape(settings)}</pre></details>"
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
        'img-src data:"><meta name="generator" content="bimotion"><link rel="icon" href="data:,">'
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style></head>\n<body>\n"
        + "\n".join(body)
        + "\n</body></html>\n"
    )


def _list(lines: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{html.escape(line)}</li>' for line in lines)}</ul>"


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{html.escape(column)}</th>" for column in columns)
    lines = "".join(f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="wide"><table><tr>{head}</tr>{lines}</table></div>'
