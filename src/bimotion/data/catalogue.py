"""A catalogue: a JSON lines file with labels and captions of recordings, for data sets whose files have none."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bimotion.captions.sentence import unusable_reason
from bimotion.data.recording import Recording, TimedCaption
from bimotion.errors import DataError
from bimotion.storage.records import read_rows


@dataclass(frozen=True)
class CatalogueRow:
    """Labels of a recording; None keeps what its data set says."""

    id: str
    """Recording."""
    content: str | None = None
    """Content label."""
    style: str | None = None
    """Style label."""
    use_text: bool | None = None
    """Whether captions of the recording may be learnt."""
    captions: tuple[str, ...] | None = None
    """Captions of the whole recording, which replace its own."""
    use: bool = True
    """Whether the recording is used at all."""


def apply_catalogue(recordings: Sequence[Recording], catalogue: Path) -> tuple[list[Recording], list[str]]:
    """The recordings with the labels of a catalogue, and remarks on lines of it that change nothing.

    Each line is an object with `id` and any of `content`, `style`, `use_text`, `captions`, `use`. Recordings with
    `use` false are left out, those that the catalogue does not name stay as they are. Other fields are ignored. Of
    several lines about one recording the last one counts.

    Raises:
        DataError: the file is missing, or a line is not such an object.
    """
    rows: dict[str, CatalogueRow] = {}
    repeated: dict[str, None] = {}
    for row in _read_rows(catalogue):
        if row.id in rows:
            repeated[row.id] = None
        rows[row.id] = row
    found = []
    for recording in recordings:
        labels = rows.get(recording.id)
        if labels is None:
            found.append(recording)
        elif labels.use:
            found.append(_labelled(recording, labels))
    ids = {recording.id for recording in recordings}
    unknown = [name for name in rows if name not in ids]
    remarks = [
        f"{catalogue}: {len(names)} {what}: {', '.join(map(repr, list(names)[:3]))}{', ...' * (len(names) > 3)}"
        for names, what in (
            (unknown, "ids match no recording of this folder"),
            (repeated, "ids occur more than once, the last line counts"),
        )
        if names
    ]
    return found, remarks


def _read_rows(catalogue: Path) -> list[CatalogueRow]:
    rows = []
    for where, row in read_rows(CatalogueRow, catalogue):
        captions = None if row.captions is None else tuple(" ".join(text.split()) for text in row.captions)
        if reason := next(filter(None, map(unusable_reason, captions or ())), ""):
            raise DataError(f"{where}: captions: {reason}")
        rows.append(replace(row, captions=captions))
    return rows


def _labelled(recording: Recording, row: CatalogueRow) -> Recording:
    label = recording.label
    label = replace(
        label,
        content=label.content if row.content is None else row.content,
        style=label.style if row.style is None else row.style,
        use_text=label.use_text if row.use_text is None else row.use_text,
    )
    if row.captions is None:
        return replace(recording, label=label)
    if row.use_text is None:
        label = replace(label, use_text=bool(row.captions))
    return replace(recording, label=label, captions=tuple(TimedCaption(text) for text in row.captions))
