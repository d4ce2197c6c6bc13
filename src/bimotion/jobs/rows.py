"""Results of a job as a file of rows that only grows: CSV or JSON lines, one row a line.

A row is written in one piece and flushed, so that a job that is killed leaves whole rows and at most a part of one,
which is cut off when the job continues.
"""

import csv
import io
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from bimotion.errors import DataError
from bimotion.storage.files import read_bytes
from bimotion.storage.json_files import parse_json
from bimotion.storage.locks import locked_file
from bimotion.storage.texts import MAX_TEXT_BYTES, decode_text

SUFFIXES = (".csv", ".jsonl")
"""Kinds of row files."""


class RowFile:
    """A file of rows that a job appends to; rows that are in it already are kept.

    >>> with RowFile(Path("captions.csv"), ("file", "caption")) as rows:
    ...     rows.append({"file": "a.bvh", "caption": "a person walks."})
    """

    def __init__(self, path: Path, columns: Sequence[str], key: str = "file") -> None:
        """`key` is the column that identifies a row.

        Raises:
            DataError: another suffix, a folder that does not exist, or a file that holds something else.
        """
        if path.suffix.lower() not in SUFFIXES:
            raise DataError(f"{path}: expected a name that ends in {' or '.join(SUFFIXES)}")
        if not path.absolute().parent.is_dir():
            raise DataError(f"{path}: the folder {path.parent} does not exist; create it first")
        self.path, self.columns, self.key = path, tuple(columns), key
        self.is_csv = path.suffix.lower() == ".csv"
        self.finished: set[str] = set()
        """Keys of the rows in the file."""
        self._lock = locked_file(path)
        self._file: BinaryIO | None = None

    def __enter__(self) -> "RowFile":
        self._lock.__enter__()
        try:
            if self.path.exists() and self.path.stat().st_size:
                self._recover()
            self._file = self.path.open("ab", buffering=0)
            if self.is_csv and not self._file.tell():
                self._write(_csv_line(self.columns))
        except BaseException as error:
            self._lock.__exit__(type(error), error, error.__traceback__)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
        self._lock.__exit__(kind, error, trace)

    def append(self, row: Mapping[str, object]) -> None:
        """Add a row; it is on disk when this returns."""
        values = {name: row[name] for name in self.columns}
        if self.is_csv:
            self._write(_csv_line(["" if value is None else str(value) for value in values.values()]))
        else:
            self._write(json.dumps(values, ensure_ascii=False) + "\n")
        self.finished.add(str(row[self.key]))

    def _write(self, line: str) -> None:
        assert self._file is not None
        self._file.write(line.encode("utf-8"))
        os.fsync(self._file.fileno())

    def _recover(self) -> None:
        """Read the keys of whole rows, and cut off the part of one if the file is such a table.

        Raises:
            DataError: the file holds something else.
        """
        data = read_bytes(self.path, max_bytes=MAX_TEXT_BYTES)
        whole = data.rfind(b"\n") + 1
        lines = decode_text(data[:whole], self.path).split("\n")[:-1]
        begun = _csv_line(self.columns).encode() if self.is_csv else b"{"
        if not lines and not begun.startswith(data[: len(begun)]):
            raise self._other_file()
        rows = self._csv_rows(lines) if self.is_csv else [self._json_row(line) for line in lines if line]
        self.finished = {row[self.key] for row in rows}
        if whole < len(data):
            with self.path.open("rb+") as file:
                file.truncate(whole)

    def _csv_rows(self, lines: list[str]) -> list[dict[str, str]]:
        try:
            rows = [row for row in csv.reader(lines) if row]
        except csv.Error:
            raise self._other_file() from None
        if rows and tuple(rows[0]) != self.columns:
            raise self._other_file()
        if any(len(row) != len(self.columns) for row in rows):
            raise DataError(f"{self.path}: a row has not {len(self.columns)} fields; move the file away")
        return [dict(zip(self.columns, row, strict=True)) for row in rows[1:]]

    def _json_row(self, line: str) -> dict[str, str]:
        try:
            row = parse_json(line, self.path)
        except DataError:
            raise self._other_file() from None
        if not isinstance(row, dict) or self.key not in row:
            raise self._other_file()
        return {self.key: str(row[self.key])}

    def _other_file(self) -> DataError:
        what = f"the columns {', '.join(self.columns)}" if self.is_csv else f"JSON lines with {self.key!r}"
        return DataError(f"{self.path}: expected {what}; choose another file, or move it away")


def _csv_line(values: Sequence[str]) -> str:
    """One line: line breaks in values become spaces."""
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerow([" ".join(value.splitlines()) for value in values])
    return file.getvalue()
