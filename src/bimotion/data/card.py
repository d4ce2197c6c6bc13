"""The data card: what a prepared data set holds, for readers."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

from bimotion.captions.content_words import SPOKEN_GROUPS
from bimotion.captions.contents import CONTENT_GROUPS
from bimotion.data.report import PrepareReport
from bimotion.data.splits import SPLITS
from bimotion.data.store import Item

_ABOUT = """# Data set of human motion

Windows of motion at 20 frames per second as HumanML3D features (263 numbers a frame, not normalised) with
captions. `features.npy` holds the features, `index.jsonl` a line a window, `stats.npz` mean and standard
deviation of the training split, `meta.json` the settings. Mirror images (ids that end in `M`) are made on
reading. Takes never stand in two splits. Captions say what is measured of the window; `text: false` marks
windows that have none that is honest.
"""


def data_card(items: Sequence[Item], report: PrepareReport) -> str:
    """The card in Markdown: counts per split, source and content, licences, files that could not be used."""
    contents = tuple(dict.fromkeys((*SPOKEN_GROUPS, *CONTENT_GROUPS)))
    hours = report.num_frames / 20 / 3600
    lines = [
        _ABOUT,
        f"{report.num_recordings} recordings, {hours:.2f} hours, {len(items)} windows "
        f"(of which {sum(item.mirrored for item in items)} are mirror images).",
        "",
        *_table("source", items, lambda item: item.source, sorted({item.source for item in items})),
        "",
        *_table("content", items, lambda item: item.content, contents),
        "",
        "## Licences",
        "",
    ]
    licences: dict[str, set[str]] = defaultdict(set)
    for item in items:
        licences[item.licence].add(item.source)
    lines += [f"- {licence}: {', '.join(sorted(sources))}" for licence, sources in sorted(licences.items())]
    if report.failures:
        lines += ["", "## Files that could not be used", "", "| file | reason |", "| --- | --- |"]
        lines += [
            f"| {Path(failure.path).name} | {failure.reason.removeprefix(failure.path + ': ')} |"
            for failure in report.failures
        ]
    return "\n".join(lines) + "\n"


def _table(name: str, items: Sequence[Item], key: Callable[[Item], str], order: Sequence[str]) -> list[str]:
    """Windows that are not mirror images, by split and key; keys without any are left out."""
    counts = Counter((key(item), item.split) for item in items if not item.mirrored)
    takes: dict[str, set[str]] = defaultdict(set)
    for item in items:
        takes[key(item)].add(item.take)
    lines = [f"| {name} | takes | train | val | test |", "| --- | ---: | ---: | ---: | ---: |"]
    for value in order:
        if takes[value]:
            numbers = " | ".join(str(counts[value, split]) for split in SPLITS)
            lines.append(f"| {value} | {len(takes[value])} | {numbers} |")
    total = " | ".join(str(sum(n for (_, s), n in counts.items() if s == split)) for split in SPLITS)
    return [*lines, f"| all | {len({item.take for item in items})} | {total} |"]
