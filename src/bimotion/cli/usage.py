"""Parsing a command's arguments with tyro, with usage errors in one line."""

import contextlib
import inspect
import io
import re
from collections.abc import Iterator, Sequence
from typing import Protocol, TypeVar, runtime_checkable

import tyro

from bimotion.errors import BimotionError


class UsageError(BimotionError):
    """A command was called with wrong arguments."""


@runtime_checkable
class Command(Protocol):
    """A command: a frozen dataclass of its arguments that can be run."""

    def run(self) -> None:
        """Run the command."""


AnyCommand = TypeVar("AnyCommand", bound=Command)


def parse(command: type[AnyCommand], name: str, args: Sequence[str]) -> AnyCommand:
    """The command with its arguments, or its help on stdout and `SystemExit(0)`.

    Raises:
        UsageError: the arguments do not fit, in one line.
    """
    prog = f"bimotion {name}"
    with usage_in_one_line(prog):
        return tyro.cli(
            command,
            prog=prog,
            description=inspect.getdoc(command),
            args=list(args),
            config=(tyro.conf.FlagCreatePairsOff, tyro.conf.DisallowNone),
        )


@contextlib.contextmanager
def usage_in_one_line(prog: str) -> Iterator[None]:
    """Turn tyro's box on stderr and its exit into an exception of one line.

    Raises:
        UsageError: tyro found the arguments wrong.
    """
    output = io.StringIO()
    try:
        with contextlib.redirect_stderr(output):
            yield
    except SystemExit as stop:
        if not stop.code:
            raise
        raise UsageError(f"{one_line(output.getvalue())} (`{prog} --help` shows the options)") from None


def one_line(box: str) -> str:
    """tyro's error box as one line: the argument, and what is wrong with it."""
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in box.splitlines()]
    if any(line.startswith("│") for line in lines):
        inside = [line[2:].rstrip("│ ") for line in lines if line.startswith("│")]
    elif len(lines) > 2 and lines[1].strip() and not lines[1].strip("- "):
        inside = [line[2:].rstrip() for line in lines[2:]]  # no borders where stdout is not UTF-8
    else:
        return " ".join(" ".join(lines).split())
    blocks: list[list[str]] = [[]]
    for line in inside:
        if line and not line.strip("─- "):
            blocks.append([])
        else:
            blocks[-1].append(line)
    first = blocks[0]
    if first and first[0].startswith("Missing from"):
        # Names are indented by four columns, their descriptions by eight.
        names = [line.strip() for line in first if re.match(r" {4}\S", line)]
        return f"missing: {', '.join(names)}"
    text = " ".join(" ".join(first).split())
    text = re.sub(
        r"no type matching \S+ could be instantiated from \[.*?\]\. Got errors: - <class '\w+'>: ", "", text
    )
    text = re.sub(r"invalid literal for int\(\) with base 10: (.*)", r"\1 is not a whole number", text)
    text = re.sub(r"could not convert string to float: (.*)", r"\1 is not a number", text)
    text = re.sub(
        r"invalid choice (.*) for argument '(.*?)'\. Expected one of \((.*?),?\)\.?",
        r"\2: expected one of \3; got \1",
        text,
    )
    text = text.replace("'None', ", "")
    text = re.sub(r"^Error parsing ", "", text)
    text = text[:1].lower() + text[1:]
    matches = [
        line.strip() for block in blocks if block and block[0].startswith("Perhaps") for line in block[1:]
    ]
    options = [line.split()[0] for line in matches if line.startswith("--")]
    return f"{text.rstrip('.')}; perhaps {' or '.join(options[:2])}?" if options else text.rstrip(".")
