"""Plots of a report as SVG: lines, points and bars, in the colours of the surrounding page."""

import html
from collections.abc import Mapping, Sequence

WIDTH, HEIGHT = 520, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 16, 14, 38

Points = Sequence[Sequence[float]]


def line_plot(curves: Mapping[str, Sequence[float]], x_title: str, y_title: str) -> str:
    """Curves of shares (0 to 1) over 1, 2, 3, ..."""
    longest = max((len(values) for values in curves.values()), default=2)
    parts = [_frame(x_title, y_title, [1, *range(8, longest + 1, 8)], 1, max(longest, 2))]
    for number, (name, values) in enumerate(curves.items()):
        at = [f"{_across(x, 1, max(longest, 2)):.1f},{_up(value):.1f}" for x, value in enumerate(values, 1)]
        parts.append(f'<polyline class="line s{number}" points="{" ".join(at)}"/>')
        parts.append(_key(number, name))
    return _svg(parts, HEIGHT, f"{y_title} over {x_title}")


def point_plot(clouds: Mapping[str, Points], title: str) -> str:
    """Clouds of points on two axes without a unit."""
    everything = [point for cloud in clouds.values() for point in cloud]
    low = [min((point[axis] for point in everything), default=0.0) for axis in (0, 1)]
    span = [max(max((point[axis] for point in everything), default=1.0) - low[axis], 1e-9) for axis in (0, 1)]
    parts = []
    for number, (name, cloud) in enumerate(clouds.items()):
        for point in cloud:
            x = _across((point[0] - low[0]) / span[0], 0, 1)
            y = _up((point[1] - low[1]) / span[1])
            parts.append(f'<circle class="dot s{number}" cx="{x:.1f}" cy="{y:.1f}" r="2.6"/>')
        parts.append(_key(number, name))
    return _svg(parts, HEIGHT, title)


def bar_plot(rows: Sequence[tuple[str, Sequence[float | None]]], names: Sequence[str], title: str) -> str:
    """Shares (0 to 1) as bars, one group per row."""
    step, left = 14 * len(names) + 8, 110
    wide = WIDTH - left - 52
    parts = [_key(number, name) for number, name in enumerate(names)]
    for index, (label, values) in enumerate(rows):
        top = 28 + index * step
        middle = top + 7 * len(names)
        parts.append(f'<text x="{left - 8}" y="{middle + 4}" text-anchor="end">{html.escape(label)}</text>')
        for number, value in enumerate(values):
            if value is not None:
                y = top + 14 * number
                parts.append(
                    f'<rect class="bar s{number}" x="{left}" y="{y}" width="{max(wide * value, 1):.1f}" height="12"/>'
                    f'<text class="soft" x="{left + wide * value + 5:.1f}" y="{y + 10}">{value:.0%}</text>'
                )
    return _svg(parts, 36 + step * len(rows), title)


def _across(value: float, low: float, high: float) -> float:
    return _LEFT + (WIDTH - _LEFT - _RIGHT) * (value - low) / (high - low)


def _up(share: float) -> float:
    return HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * share


def _frame(x_title: str, y_title: str, ticks: Sequence[int], low: float, high: float) -> str:
    parts = []
    for share in (0, 0.25, 0.5, 0.75, 1):
        y = _up(share)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(
            f'<text class="soft" x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{share:.0%}</text>'
        )
    for tick in ticks:
        x = _across(tick, low, high)
        parts.append(
            f'<text class="soft" x="{x:.1f}" y="{HEIGHT - _BOTTOM + 15}" text-anchor="middle">{tick}</text>'
        )
    parts.append(
        f'<text class="soft" x="{WIDTH - _RIGHT}" y="{HEIGHT - 6}" text-anchor="end">'
        f"{html.escape(y_title)}, over {html.escape(x_title)}</text>"
    )
    return "".join(parts)


def _key(number: int, name: str) -> str:
    x = _LEFT + 10 + 150 * number
    return (
        f'<rect class="bar s{number}" x="{x}" y="4" width="12" height="12"/>'
        f'<text x="{x + 18}" y="14">{html.escape(name)}</text>'
    )


def _svg(parts: Sequence[str], height: float, label: str) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{html.escape(label)}">'
        f"{''.join(parts)}</svg>"
    )
