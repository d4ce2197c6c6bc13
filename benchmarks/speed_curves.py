"""How the time of a motion and of a caption grows with batch, caption, sampling steps and clip length, as a picture.

    python -m benchmarks.speed_curves [--preset gpt2] [--repeats 3] [--out docs/pictures/speed.svg]

Each point is measured as `bimotion benchmark` measures, in a process of its own; the points are printed as they come.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from bimotion.benchmark.figures import Figure
from bimotion.benchmark.run import measure, random_weights
from bimotion.models.presets import preset

MOTION, CAPTION = Figure("text to motion", 1), Figure("captioning", 1)
COLOURS = ("#1f6feb", "#d1242f")
WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 330, 250, 52, 44, 34


@dataclass(frozen=True)
class Panel:
    """One picture: seconds by one size, all else as usual."""

    title: str
    """What grows."""
    sizes: tuple[int, ...]
    """The sizes measured."""
    lines: dict[str, Callable[[int], Figure]]
    """What is measured at a size, by its name."""


PANELS = (
    Panel(
        "clips at once",
        (1, 2, 4, 8, 16, 32),
        {
            "text to motion": lambda size: replace(MOTION, batch=size),
            "captioning": lambda size: replace(CAPTION, batch=size),
        },
    ),
    Panel(
        "tokens of the caption",
        (4, 8, 16, 32, 64),
        {
            "text to motion": lambda size: replace(MOTION, words=size),
            "captioning": lambda size: replace(CAPTION, written=size),
        },
    ),
    Panel(
        "sampling steps", (5, 10, 20, 50, 100), {"text to motion": lambda size: replace(MOTION, steps=size)}
    ),
    Panel(
        "frames of the clip",
        (20, 60, 100, 140, 196),
        {
            "text to motion": lambda size: replace(MOTION, frames=size),
            "captioning": lambda size: replace(CAPTION, frames=size),
        },
    ),
)


def picture(measured: Sequence[dict[str, list[float]]]) -> str:
    """The panels side by side, two in a row, as SVG; axes begin at zero."""
    rows = -(-len(PANELS) // 2)
    shapes = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{2 * WIDTH}" height="{rows * HEIGHT}" '
        'font-family="sans-serif" font-size="11">',
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for number, (panel, lines) in enumerate(zip(PANELS, measured, strict=True)):
        shapes.append(f'<g transform="translate({number % 2 * WIDTH} {number // 2 * HEIGHT})">')
        shapes += [*_axes(panel, lines), *_lines(panel, lines), "</g>"]
    return "\n".join([*shapes, "</svg>", ""])


def _positions(
    panel: Panel, lines: dict[str, list[float]]
) -> tuple[Callable[[float], float], Callable[[float], float]]:
    most, longest = max(panel.sizes), max(max(seconds) for seconds in lines.values())
    across, up = WIDTH - LEFT - 20, HEIGHT - TOP - BOTTOM
    return (lambda size: LEFT + across * size / most), (
        lambda seconds: HEIGHT - BOTTOM - up * seconds / longest
    )


def _axes(panel: Panel, lines: dict[str, list[float]]) -> list[str]:
    x, y = _positions(panel, lines)
    longest = max(max(seconds) for seconds in lines.values())
    shapes = [
        f'<path d="M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - 20}" fill="none" stroke="#888"/>',
        f'<text x="{(LEFT + WIDTH - 20) / 2}" y="{HEIGHT - 10}" text-anchor="middle">{panel.title}</text>',
    ]
    shapes += [
        f'<text x="{x(size):.1f}" y="{HEIGHT - BOTTOM + 14}" text-anchor="middle">{size}</text>'
        for size in panel.sizes
        if size >= max(panel.sizes) / 8
    ]
    for share in (0.25, 0.5, 0.75, 1.0):
        height = y(share * longest)
        shapes.append(f'<path d="M{LEFT} {height:.1f}H{WIDTH - 20}" stroke="#e4e4e4"/>')
        shapes.append(
            f'<text x="{LEFT - 5}" y="{height + 4:.1f}" text-anchor="end">{share * longest:.2f} s</text>'
        )
    return shapes


def _lines(panel: Panel, lines: dict[str, list[float]]) -> list[str]:
    x, y = _positions(panel, lines)
    shapes = []
    for number, (colour, (name, seconds)) in enumerate(zip(COLOURS, lines.items(), strict=False)):
        points = [(x(size), y(value)) for size, value in zip(panel.sizes, seconds, strict=True)]
        path = " ".join(f"{across:.1f},{height:.1f}" for across, height in points)
        shapes.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        shapes += [f'<circle cx="{a:.1f}" cy="{h:.1f}" r="3" fill="{colour}"/>' for a, h in points]
        shapes.append(f'<text x="{LEFT + 4 + 110 * number}" y="{TOP - 14}" fill="{colour}">{name}</text>')
    return shapes


def main() -> None:
    """Measure, print the points, and draw."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--preset", default="gpt2")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("docs/pictures/speed.svg"))
    args = parser.parse_args()
    measured: list[dict[str, list[float]]] = []
    with random_weights(preset(args.preset)) as folder:
        for panel in PANELS:
            measured.append({})
            for name, at in panel.lines.items():
                figures = [at(size) for size in panel.sizes]
                found = [
                    one.median for one in measure(figures, folder, args.repeats, torch.get_num_threads())
                ]
                measured[-1][name] = found
                cells = ", ".join(f"{size}: {s:.3f} s" for size, s in zip(panel.sizes, found, strict=True))
                print(f"{panel.title}, {name}: {cells}", flush=True)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(picture(measured), encoding="utf-8")


if __name__ == "__main__":
    main()
