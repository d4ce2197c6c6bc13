"""Work for tests of engines; worker processes import it."""

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bimotion.errors import DataError


@dataclass(frozen=True)
class Squares:
    """Squares numbers, and writes to a file which process started and what it worked on."""

    log: Path
    deadly: int | None = None
    """A number that ends the process that works on it."""
    once: bool = True
    """Whether it does so the first time only."""
    broken: int | None = None
    """A number that raises an exception."""

    def __call__(self) -> Callable[[Sequence[int]], Iterator[int]]:
        self.write("start")
        return self.squares

    def squares(self, batch: Sequence[int]) -> Iterator[int]:
        for number in batch:
            tried = f" {number}\n" in self.log.read_text()
            self.write(str(number))
            if number == self.deadly and not (self.once and tried):
                os.kill(os.getpid(), signal.SIGKILL)
            if number == self.broken:
                raise DataError(f"{number} is broken")
            yield number * number

    def write(self, line: str) -> None:
        with self.log.open("ab", buffering=0) as file:
            file.write(f"{os.getpid()} {line}\n".encode())

    def lines(self) -> list[tuple[str, str]]:
        """What was written: pairs of a process and a number, or "start"."""
        return [(pid, line) for pid, line in (each.split() for each in self.log.read_text().splitlines())]
