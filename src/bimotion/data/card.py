"""The data card: contents of a prepared data set."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

from bimotion.captions.content_words import SPOKEN_GROUPS
from bimotion.captions.contents import CONTENT_GROUPS
from bimotion.data.report import PrepareReport
from bimotion.data.splits import SPLITS
from bimotion.data.store import Item
from bimotion.features.layout import FPS

_ABOUT = """# Data set of human motion

Windows of motion at 20 frames per second as HumanML3D features (263 columns a frame, not normalised) with
captions. `features.npy` holds the features, `index.jsonl` one line per window, `stats.npz` mean and standard
deviation of the training split, `meta.json` the settings. Mirrored copies (ids that end in `M`) are computed on
reading. A take is in one split only. `text: false` marks windows without captions to learn from.
"""


def data_card(items: Sequence[Item], report: PrepareReport) -> str:
    """The card in Markdown: counts per split, source and content, captions, licences, files that could not be used."""
    contents = tuple(dict.fromkeys((*SPOKEN_GROUPS, *CONTENT_GROUPS)))
    hours = report.num_frames / FPS / 3600
    lines = [
        _ABOUT,
        f"{report.num_recordings} recordings, {hours:.2f} hours, {len(items)} windows "
        f"(of which {sum(item.mirrored for item in items)} are mirrored copies).",
        "",
        *_table("source", items, lambda item: item.source, sorted({item.source for item in items})),
        "",
        *_table("content", items, lambda item: item.content, contents),
        "",
        "## Captions",
        "",
        *(f"- {line}" for line in report.captions.lines()),
    ]
    if report.remarks:
        lines += ["", "## Remarks", "", *(f"- {remark}" for remark in report.remarks)]
    licences: dict[str, set[str]] = defaultdict(set)
    for item in items:
        licences[item.licence].add(item.source)
    lines += ["", "## Licences", ""]
    lines += [f"- {licence}: {', '.join(sorted(sources))}" for licence, sources in sorted(licences.items())]
    if report.failures:
        lines += ["", "## What could not be used", "", "| file | reason |", "| --- | --- |"]
        lines += [f"| {_cell(Path(row.path).name)} | {_cell(row.reason)} |" for row in report.failures]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    """Text for a cell of a table, on one line."""
    return " ".join(text.split()).replace("|", "\\|")


def _table(name: str, items: Sequence[Item], key: Callable[[Item], str], order: Sequence[str]) -> list[str]:
    """Windows by split and key, without mirrored copies; keys without any are left out."""
    counts = Counter((key(item), item.split) for item in items if not item.mirrored)
    takes: dict[str, set[str]] = defaultdict(set)
    for item in items:
        takes[key(item)].add(item.take)
    lines = [f"| {name} | takes | train | val | test |", "| --- | ---: | ---: | ---: | ---: |"]
    for value in order:
        if takes[value]:
            row = " | ".join(str(counts[value, split]) for split in SPLITS)
            lines.append(f"| {value} | {len(takes[value])} | {row} |")
    total = " | ".join(str(sum(n for (_, s), n in counts.items() if s == split)) for split in SPLITS)
    return [*lines, f"| all | {len({item.take for item in items})} | {total} |"]
