"""Lines of numbers, as in the MOTION part of BVH files. Legend: T frames, C columns, K selected columns."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from bimotion.errors import MotionFileError
from bimotion.motion.formats.text import printable

_COMMENT_LINE = re.compile(r"^[ \t]*(?:#|//)[^\n]*$", re.MULTILINE)
_DECIMAL_COMMA = re.compile(r"\d,\d")
_NUMBER_CHARACTERS = b"0123456789+-.eE \t"


def decimal_points(text: str) -> str:
    """The text with points where commas separate decimals, and spaces where they separate numbers."""
    if "," not in text:
        return text
    return text.replace(",", "." if "." not in text and _DECIMAL_COMMA.search(text) else " ")


class NumberLines:
    """Frames of numbers, one per line; only the columns that are needed are converted.

    Raises:
        MotionFileError: a line has another number of columns or a word that is not a number; it names the line.
    """

    def __init__(self, text: str, position: int, num_columns: int, path: Path, stated: int | None) -> None:
        body = text[position:]
        if "#" in body or "//" in body:
            body = _COMMENT_LINE.sub("", body)
        self._numbered = decimal_points(body).split("\n")
        self._first_line = text.count("\n", 0, position) + 1
        self._lines = [line for line in self._numbered if line and not line.isspace()]
        self._num_columns, self._path, self._stated = num_columns, path, stated
        self._values: Float[np.ndarray, "T C"] | None = None
        self.note = ""
        """Warning about the number of frames."""
        if not self._lines:
            raise MotionFileError(f"{path}: no frames after the header; the file is incomplete")
        if not self._is_regular():
            self._values = self._all_values()
        if not self.note and stated != len(self):
            expected = "no usable number of frames" if stated is None else f"{stated} frames"
            self.note = f"the header says {expected}, the file has {len(self)}, which are read"

    def __len__(self) -> int:
        return len(self._lines) if self._values is None else len(self._values)

    def columns(self, columns: Sequence[int]) -> Float[np.ndarray, "K T"]:
        """The values of some columns.

        Raises:
            MotionFileError: a value is not a finite number.
        """
        if not columns:
            return np.empty((0, len(self)))
        if self._values is not None:
            values = self._values[:, list(columns)]
        else:
            try:
                # three times as fast as converting all columns where most joints are fingers
                values = np.loadtxt(self._lines, comments=None, ndmin=2, usecols=columns)
            except ValueError:
                self._values = self._all_values()
                values = self._values[:, list(columns)]
        self._check_finite(values)
        return np.ascontiguousarray(values.T)

    def sample(self, count: int) -> Float[np.ndarray, "_ C"]:
        """All values of some frames spread over the motion, the first and the last among them."""
        rows = np.unique(np.linspace(0, len(self) - 1, count).astype(int))
        if self._values is not None:
            return np.asarray(self._values[rows])
        return np.array([self._floats(self._lines[row].split(), self._line_number(int(row))) for row in rows])

    def _is_regular(self) -> bool:
        """Whether all lines are numbers with the same separators and the first has the right count."""
        first = self._lines[0]
        spaces, tabs = first.count(" "), first.count("\t")
        return (
            len(first.split()) == self._num_columns
            and all(line.count(" ") == spaces and line.count("\t") == tabs for line in self._lines)
            and all(
                not line.encode("ascii", "replace").translate(None, _NUMBER_CHARACTERS)
                for line in self._lines
            )
            and len(self._lines[-1].split()) == self._num_columns
        )

    def _all_values(self) -> Float[np.ndarray, "T C"]:
        try:
            values = np.loadtxt(self._lines, comments=None, ndmin=2)
        except ValueError:
            values = np.empty((0, 0))
        if values.size == 0 or values.shape[1] != self._num_columns:
            values = self._by_lines()
        self._check_finite(values)
        return values

    def _check_finite(self, values: Float[np.ndarray, "T K"]) -> None:
        if not np.isfinite(values).all():
            frame = int(np.argwhere(~np.isfinite(values))[0, 0])
            raise MotionFileError(f"{self._path}: frame {frame} has a value that is not finite")

    def _by_lines(self) -> Float[np.ndarray, "T C"]:
        """Frames from lines that are not all of one length: a cut last line, or frames broken into lines."""
        width = self._num_columns
        rows = [self._floats(line.split(), self._line_number(i)) for i, line in enumerate(self._lines)]
        flat = np.array([value for row in rows for value in row])
        lengths = [len(row) for row in rows]
        if all(length == width for length in lengths[:-1]) and lengths[-1] < width and len(rows) > 1:
            self.note = (
                f"line {self._line_number(len(rows) - 1)} is cut off: {lengths[-1]} of {width} numbers; the "
                f"{len(rows) - 1} whole frames before it are read"
            )
            return flat[: (len(rows) - 1) * width].reshape(-1, width)
        if len(flat) % width == 0 and self._stated in (None, len(flat) // width):
            return flat.reshape(-1, width)
        wrong = next(i for i, length in enumerate(lengths) if length != width)
        raise MotionFileError(
            f"{self._path}: line {self._line_number(wrong)}: expected {width} numbers, one per channel, got "
            f"{lengths[wrong]}"
        )

    def _line_number(self, row: int) -> int:
        """Number in the file of the line of a row."""
        filled = (i for i, line in enumerate(self._numbered) if line and not line.isspace())
        return self._first_line + next(number for i, number in enumerate(filled) if i == row)

    def _floats(self, words: list[str], line: int) -> list[float]:
        try:
            return [float(word) for word in words]
        except ValueError:
            wrong = next(word for word in words if not _is_number(word))
        hint = "; a space is missing before the minus" if re.search(r"\d-", wrong) else ""
        raise MotionFileError(f"{self._path}: line {line}: {printable(wrong, 40)!r} is not a number{hint}")


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
