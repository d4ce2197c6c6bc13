"""The tables of `bimotion evaluate --long`."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from bimotion.evaluation.report import Table
from bimotion.storage.atomic import atomic_path

COLUMNS = {
    "peak_jerk": ("peak jerk, m/s³", 0),
    "jerk_area": ("area, m/s²", 0),
    "turn_deg": ("turn, deg", 1),
    "skating_border": ("feet at borders, m/s", 2),
    "skating_speed": ("feet, m/s", 2),
    "speed_drift": ("speed drift, m/s", 2),
    "height_drift": ("height drift, m", 3),
    "top_1": ("top 1", 2),
    "top_3": ("top 3", 2),
    "mm_dist": ("MM-Dist", 1),
    "fid": ("FID", 1),
}
"""Column titles and decimals of the scores of long motion."""

ORDER_COLUMNS = {"order_2": ("two phrases", 2), "order_3": ("three phrases", 2)}
"""Column titles and decimals of the shares of motions whose actions are in the right order."""

CONTROL_COLUMNS = {
    "miss_cm": ("miss, cm", 1),
    "worst_cm": ("worst, cm", 1),
    "refused": ("refused", 2),
    "skating_speed": ("feet, m/s", 2),
    "free_skating_speed": ("feet without, m/s", 2),
}
"""Column titles and decimals of the scores of controls."""


def long_tables(
    scores: Mapping[str, Mapping[str, float]],
    order: Mapping[str, Mapping[str, float]],
    controls: Mapping[str, Mapping[str, float]],
) -> list[Table]:
    """The tables of long motion, of the order of phrases, and of controls; without rows there is none."""
    tables = [
        _table("Long motion", "system", COLUMNS, scores),
        _table("Right order", "system", ORDER_COLUMNS, order),
        _table("Controls", "control", CONTROL_COLUMNS, controls),
    ]
    return [table for table in tables if table.rows]


def write_long_report(folder: Path, results: Mapping[str, object], tables: Sequence[Table]) -> None:
    """Write `long.json` and `long.md` into a folder, which is created."""
    folder.mkdir(parents=True, exist_ok=True)
    text = "\n\n".join(f"## {table.heading}\n\n{table.markdown()}" for table in tables)
    for name, content in (("long.json", json.dumps(results, indent=1)), ("long.md", text)):
        with atomic_path(folder / name) as target:
            target.write_text(f"{content}\n", encoding="utf-8")


def _table(
    heading: str,
    first: str,
    columns: Mapping[str, tuple[str, int]],
    scores: Mapping[str, Mapping[str, float]],
) -> Table:
    rows = [
        [
            name,
            *(
                f"{values[key]:.{decimals}f}" if key in values else ""
                for key, (_, decimals) in columns.items()
            ),
        ]
        for name, values in scores.items()
    ]
    return Table(heading, [first, *(title for title, _ in columns.values())], rows)
