"""Captions in text files: lines beside a recording, tables, and the published format with tagged words.

A caption is read unchanged, or refused with its file and line.
"""

import codecs
import csv
import math
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bimotion.captions.sentence import unusable_reason
from bimotion.data.recording import TimedCaption
from bimotion.data.report import Failure
from bimotion.errors import DataError
from bimotion.storage.files import read_bytes
from bimotion.storage.texts import decode_text, text_lines

MAX_BYTES = 1 << 28
"""Files of captions that are larger are refused: HumanML3D's captions together have 14 MB."""

_DELIMITERS = ",;\t"


def read_lines(path: Path) -> tuple[list[tuple[int, str]], list[Failure]]:
    """The lines of a text file with their numbers, from 1, empty ones left out; and the lines that are not text.

    The encoding is that of the byte order mark, else UTF-8. Nothing else is guessed: a line in Latin-1 would be
    read with other letters than its author wrote.
    """
    try:
        data = read_bytes(path, max_bytes=MAX_BYTES)
        lines, failures = _decoded_lines(data, path)
    except DataError as error:
        return [], [Failure(str(path), str(error).removeprefix(f"{path}: "))]
    kept = []
    for number, text in lines:
        if any(unicodedata.category(letter) == "Cc" and letter != "\t" for letter in text):
            failures.append(
                Failure(f"{path}:{number}", "holds control characters; save the file as UTF-8 text")
            )
        elif text.strip():
            kept.append((number, text))
    return kept, failures


def _decoded_lines(data: bytes, path: Path) -> tuple[list[tuple[int, str]], list[Failure]]:
    """All lines; where the file as a whole is not text, those that are, and a failure for each other line.

    Raises:
        DataError: no line of the file is text.
    """
    try:
        return list(enumerate(text_lines(decode_text(data, path)), 1)), []
    except DataError:
        if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in data:
            raise
    lines, failures = [], []
    for number, line in enumerate(data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n"), 1):
        try:
            lines.append((number, line.decode("utf-8-sig" if number == 1 else "utf-8")))
        except UnicodeDecodeError as error:
            reason = f"byte 0x{line[error.start]:02x} is not UTF-8; save the file as UTF-8"
            failures.append(Failure(f"{path}:{number}", reason))
    return lines, failures


def read_sidecar(path: Path) -> tuple[tuple[TimedCaption, ...], list[Failure]]:
    """Captions of a text file: one a line, plain or in the published format `caption#tagged words#start#end`."""
    return _read_each(path, lambda line: _tagged_line(line) or TimedCaption(line.strip()))


def read_tagged(path: Path) -> tuple[tuple[TimedCaption, ...], list[Failure]]:
    """Captions of a file in the published format, `caption#tagged words#start#end` with times in seconds.

    Times of 0.0 and 0.0, or times that are not numbers, stand for the whole clip.

    Source: HumanML3D (Guo et al. 2022), `texts`.
    """
    return _read_each(path, _strictly_tagged)


@dataclass(frozen=True)
class CaptionRow:
    """A row of a table of captions."""

    file: str
    """The recording, as the table names it."""
    caption: str
    """Caption; empty where the row only labels its recording."""
    start: float = 0.0
    """First second."""
    end: float | None = None
    """Last second; None for the end of the recording."""
    content: str = ""
    """What the recording shows, as a label."""
    style: str = ""
    """How it is done, as a label."""
    licence: str = ""
    """Licence of the recording."""
    where: str = ""
    """`file:number` of the row."""


def read_table(path: Path) -> tuple[list[CaptionRow], list[Failure]]:
    """The rows of a table with the columns `file` and `caption`, and perhaps `start`, `end` (seconds), `content`,
    `style` and `licence`.

    Fields are divided by commas, semicolons or tabs, as the header is; a field that holds one is in double
    quotes. A row is a line.

    Raises:
        DataError: the file has no such header.
    """
    lines, failures = read_lines(path)
    header, delimiter = _header(path, lines, failures)
    rows = []
    for number, line in lines[1:]:
        try:
            fields = next(csv.reader([line], delimiter=delimiter, strict=True, skipinitialspace=True))
            _check_quotes(line, fields, delimiter)
            rows.append(_row(header, fields, delimiter, f"{path}:{number}"))
        except (csv.Error, ValueError) as error:
            failures.append(
                Failure(
                    f"{path}:{number}",
                    str(error).replace("unexpected end of data", "a quote is open at the end of the line"),
                )
            )
    return rows, failures


def _read_each(
    path: Path, read: Callable[[str], TimedCaption]
) -> tuple[tuple[TimedCaption, ...], list[Failure]]:
    lines, failures = read_lines(path)
    captions = []
    for number, line in lines:
        try:
            captions.append(_checked(read(line)))
        except ValueError as error:
            failures.append(Failure(f"{path}:{number}", str(error)))
    return tuple(captions), failures


def _checked(caption: TimedCaption) -> TimedCaption:
    if reason := unusable_reason(caption.text):
        raise ValueError(reason)
    return caption


def _strictly_tagged(line: str) -> TimedCaption:
    caption = _tagged_line(line)
    if caption is None:
        raise ValueError(
            f"expected caption#tagged words#start#end, got {line.count('#')} of 3 '#' and no tagged words or times"
        )
    return caption


def _tagged_line(line: str) -> TimedCaption | None:
    """The caption of a line in the published format; None for a line in another form."""
    fields = line.strip().rsplit("#", 3)
    if len(fields) != 4 or not all("/" in word for word in fields[1].split()):
        return None
    try:
        start, end = float(fields[2]), float(fields[3])
    except ValueError:
        return None
    start, end = (0.0 if math.isnan(time) else time for time in (start, end))
    if start == end == 0.0:
        return TimedCaption(fields[0].strip(), tags=fields[1])
    _check_times(start, end)
    return TimedCaption(fields[0].strip(), start, end, fields[1])


def _header(
    path: Path, lines: Sequence[tuple[int, str]], failures: Sequence[Failure]
) -> tuple[list[str], str]:
    if not lines:
        why = f"; {failures[0].path}: {failures[0].reason}" if failures else ""
        raise DataError(f"{path}: expected a table with the columns `file` and `caption`{why}")
    for delimiter in _DELIMITERS:
        names = [name.strip().strip('"').lower() for name in lines[0][1].split(delimiter)]
        if {"file", "caption"} <= set(names):
            return names, delimiter
    raise DataError(
        f"{path}:{lines[0][0]}: expected a header with the columns `file` and `caption`, got {lines[0][1][:80]!r}"
    )


def _check_quotes(line: str, fields: Sequence[str], delimiter: str) -> None:
    """Raises ValueError where a comma inside quotes that do not begin a field has cut a field in two."""
    is_quoted = line.lstrip().startswith('"') or f'{delimiter}"' in line.replace(" ", "")
    if not is_quoted and any(field.count('"') % 2 for field in fields):
        raise ValueError(
            'a double quote is not closed; put the whole caption in quotes and double the inner ones: "a ""b"" c"'
        )


def _row(header: Sequence[str], fields: list[str], delimiter: str, where: str) -> CaptionRow:
    while len(fields) > len(header) and not fields[-1].strip():
        fields.pop()
    if len(fields) > len(header):
        raise ValueError(
            f"{len(fields)} fields, the header names {len(header)}; put captions that contain {delimiter!r} in double "
            "quotes"
        )
    values = {name: field.strip() for name, field in zip(header, fields, strict=False)}
    if not values.get("file"):
        raise ValueError("expected the name of a recording in the column `file`")
    if values.get("caption") and (reason := unusable_reason(values["caption"])):
        raise ValueError(reason)
    start, end = (_seconds(values.get(name, ""), name, delimiter) for name in ("start", "end"))
    if end is not None:
        _check_times(start or 0.0, end)
    return CaptionRow(
        values["file"],
        values.get("caption", ""),
        start or 0.0,
        end,
        values.get("content", ""),
        values.get("style", ""),
        values.get("licence", ""),
        where,
    )


def _seconds(value: str, column: str, delimiter: str) -> float | None:
    if not value:
        return None
    try:
        seconds = float(value if delimiter == "," else value.replace(",", "."))
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise ValueError(
            f"{column} must be seconds, got {value[:40]!r}; is a caption with a comma not in quotes?"
        )
    return seconds


def _check_times(start: float, end: float) -> None:
    if not 0 <= start < end < math.inf:
        raise ValueError(f"expected seconds with 0 <= start < end, got {start:g} and {end:g}")
