"""Curves as small SVG pictures."""

import html
from collections.abc import Mapping, Sequence

import numpy as np

Points = Sequence[tuple[float, float]]

WIDTH, HEIGHT = 640, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 190, 26, 40
_COLOURS = ("#0b6e99", "#c2410c", "#6d28d9", "#15803d", "#a16207", "#be185d", "#475569", "#0f766e")


def curve_picture(curves: Mapping[str, Sequence[Points]], title: str, x_title: str) -> str:
    """Curves by name: a thin line for each run of a name, a thick one for their mean.

    The runs of one name have the same x values; the legend is in the order of the names.
    """
    points = [point for runs in curves.values() for run in runs for point in run]
    x_limits, y_limits = (_limits([point[axis] for point in points]) for axis in (0, 1))
    parts = [_axes(x_limits, y_limits, title, x_title)]
    for number, (name, runs) in enumerate(curves.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        for run in runs:
            parts.append(_line(run, x_limits, y_limits, colour, 1, 0.35))
        mean = [(x, float(np.mean([run[i][1] for run in runs]))) for i, (x, _) in enumerate(runs[0])]
        parts.append(_line(mean, x_limits, y_limits, colour, 2.4, 1))
        y = _TOP + 14 + 20 * number
        x = WIDTH - _RIGHT + 14
        parts.append(
            f'<rect x="{x}" y="{y - 5}" width="16" height="4" fill="{colour}"/>'
            f'<text x="{x + 22}" y="{y + 1}">{html.escape(name)}</text>'
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{html.escape(title)}" font-family="sans-serif" font-size="12" fill="#1f2937">'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>{"".join(parts)}</svg>\n'
    )


def _limits(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values, default=0.0), max(values, default=1.0)
    room = 0.05 * (high - low) or 1.0
    return low - room, high + room


def _at(point: tuple[float, float], x_limits: tuple[float, float], y_limits: tuple[float, float]) -> str:
    x = _LEFT + (WIDTH - _LEFT - _RIGHT) * (point[0] - x_limits[0]) / (x_limits[1] - x_limits[0])
    y = HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * (point[1] - y_limits[0]) / (y_limits[1] - y_limits[0])
    return f"{x:.1f},{y:.1f}"


def _line(
    run: Points,
    x_limits: tuple[float, float],
    y_limits: tuple[float, float],
    colour: str,
    width: float,
    opacity: float,
) -> str:
    points = " ".join(_at(point, x_limits, y_limits) for point in run)
    return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{width}" opacity="{opacity}"/>'


def _axes(x_limits: tuple[float, float], y_limits: tuple[float, float], title: str, x_title: str) -> str:
    parts = [f'<text x="{_LEFT}" y="16" font-weight="bold">{html.escape(title)}</text>']
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        value = y_limits[0] + share * (y_limits[1] - y_limits[0])
        y = HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM)
        parts.append(
            f'<line x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#d1d5db"/>'
            f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value:.3g}</text>'
        )
        value = x_limits[0] + share * (x_limits[1] - x_limits[0])
        x = _LEFT + share * (WIDTH - _LEFT - _RIGHT)
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - _BOTTOM + 16}" text-anchor="middle">{value:.3g}</text>')
    parts.append(
        f'<text x="{(_LEFT + WIDTH - _RIGHT) / 2}" y="{HEIGHT - 6}" text-anchor="middle">{html.escape(x_title)}</text>'
    )
    return "".join(parts)
