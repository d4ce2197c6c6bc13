"""Progress bars on stderr: only on a terminal and for more than one item."""

import sys
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from rich.progress import Progress

Item = TypeVar("Item")


class Bar:
    """A bar that is updated with the numbers of finished and of all pieces of work."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._bar: Progress | None = None

    def __enter__(self) -> "Bar":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def update(self, done: int, total: int) -> None:
        """Show how far the work is."""
        if self._bar is None:
            if done >= total or not sys.stderr.isatty():
                return
            from rich.console import Console
            from rich.progress import Progress

            self._bar = Progress(console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task(self._label, total=total)
            self._bar.start()
        self._bar.update(self._task, completed=done, total=total)


def track(items: Sequence[Item], label: str) -> Iterator[Item]:
    """The items, with a bar that moves as they are taken."""
    with Bar(label) as bar:
        for index, item in enumerate(items):
            if len(items) > 1:
                bar.update(index, len(items))
            yield item
