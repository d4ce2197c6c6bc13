"""Output of the command line: control characters in file names and contents never reach the terminal.

Only this module calls `print`; ruff's T20 refuses it elsewhere.
"""

import io
import logging
import os
import shutil
import sys
import unicodedata
from typing import TextIO

MIN_COLUMNS, MAX_COLUMNS = 40, 400
"""Widths that help and tables are laid out for; narrower terminals wrap, and layout at width 1 takes minutes."""

_BIDI_CONTROLS = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_ESCAPED_CATEGORIES = ("Cc", "Cs", "Zl", "Zp")


def printable(text: object) -> str:
    r"""The text in one line: control characters, line breaks, surrogates, direction marks as `\x1b`, `\n`, ..."""
    return "".join(_escape(character) for character in str(text))


def say(line: object = "") -> None:
    """Print one line of the result on stdout."""
    print(printable(line))


def say_lines(text: str) -> None:
    """Print several lines on stdout, such as JSON or a table; line breaks in names must have been escaped before."""
    for line in text.split("\n"):
        say(line)


def note(line: object) -> None:
    """Print one line beside the result, on stderr, so that stdout can be piped."""
    print(printable(line), file=sys.stderr)


class ReadingWarnings(logging.Handler):
    """Warnings about files that were read, each as one line on stderr, the same one once."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._printed: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """Print the record's message."""
        message = record.getMessage()
        if message not in self._printed:
            self._printed.add(message)
            note(f"bimotion: warning: {message}")


def show_reading_warnings() -> None:
    """Print the warnings of readers from now on."""
    for name in ("bimotion.motion", "bimotion.features"):
        logger = logging.getLogger(name)
        logger.handlers = [h for h in logger.handlers if not isinstance(h, ReadingWarnings)]
        logger.addHandler(ReadingWarnings())


class PrintableFormatter(logging.Formatter):
    """Log records without control characters; line breaks stay, as tracebacks have them."""

    def format(self, record: logging.LogRecord) -> str:
        """One record."""
        return "\n".join(map(printable, super().format(record).split("\n")))


def prepare_streams() -> None:
    """Make stdout and stderr safe to print to, whatever the environment.

    A stream that was closed becomes the null device, so that no output file is opened under its number. Characters
    that the terminal's encoding lacks are printed as escapes. The width that layouts see is kept within bounds.
    """
    for name, number in (("stdin", 0), ("stdout", 1), ("stderr", 2)):
        if getattr(sys, name) is None:
            setattr(sys, name, _null_stream(number))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    columns = shutil.get_terminal_size().columns
    if not MIN_COLUMNS <= columns <= MAX_COLUMNS:
        os.environ["COLUMNS"] = str(min(max(columns, MIN_COLUMNS), MAX_COLUMNS))


def silence(stream: TextIO) -> None:
    """Send what is left in a stream that cannot be written to the null device, so that exiting does not fail on it."""
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
    except (OSError, ValueError):  # no such file number: captured output, which has nothing to lose
        return


def _null_stream(number: int) -> TextIO:
    """The null device; a closed stream's number is the lowest free one, so it takes that."""
    if number == 0:
        return open(os.open(os.devnull, os.O_RDONLY), encoding="utf-8")
    return open(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8")


def _escape(character: str) -> str:
    if " " <= character <= "~":
        return character
    if character in _BIDI_CONTROLS or unicodedata.category(character) in _ESCAPED_CATEGORIES:
        return character.encode("unicode_escape").decode("ascii")
    return character
