"""A catalogue: a JSONL file that says what recordings show, for data sets whose files do not."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bimotion.data.recording import Recording
from bimotion.errors import DataError


def apply_catalogue(recordings: Sequence[Recording], catalogue: Path) -> list[Recording]:
    """The recordings with the labels that a catalogue gives them; those it does not name stay as they are.

    Each line is an object with `id` and any of `content`, `style`, `use_text`, `captions`, `use`. Captions count
    only for contents that the grammar does not know; recordings with `use` false are left out.

    Raises:
        DataError: the file is missing, or a line is not such an object.
    """
    rows: dict[str, dict[str, Any]] = {}
    try:
        lines = catalogue.read_text("utf-8").splitlines()
    except OSError as error:
        raise DataError(f"{catalogue}: the catalogue cannot be read: {error}") from error
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                row = json.loads(line)
                rows[row["id"]] = row
            except (json.JSONDecodeError, KeyError, TypeError) as error:
                raise DataError(
                    f"{catalogue}:{number}: expected a JSON object with `id`: {error!r}"
                ) from error
    return [
        _labelled(recording, row)
        for recording in recordings
        if (row := rows.get(recording.id, {})).get("use", True)
    ]


def _labelled(recording: Recording, row: dict[str, Any]) -> Recording:
    label = replace(
        recording.label,
        content=row.get("content", recording.label.content),
        style=row.get("style", recording.label.style),
        use_text=row.get("use_text", recording.label.use_text),
        captions=tuple(row.get("captions", recording.label.captions)),
    )
    return replace(recording, label=label)
